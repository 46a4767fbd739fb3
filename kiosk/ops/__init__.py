"""Running the box: supervisor, watchdog, doctor."""
