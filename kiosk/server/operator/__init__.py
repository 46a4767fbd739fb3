"""The operator's page, and what it and the monitoring are told."""
