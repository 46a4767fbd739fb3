"""Running the box: supervisor, watchdog, doctor, backup, install."""
