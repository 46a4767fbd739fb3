"""The project's tests; `python -m tests` prepares a machine and runs them."""
