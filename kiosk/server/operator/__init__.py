"""The operator's page, health checks and metrics."""
