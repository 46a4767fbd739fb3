"""Making one photo: its stages, their checkpoints, and the worker that runs them."""
