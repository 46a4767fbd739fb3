"""Photos on disk, SQLite, jobs, retention and intake."""
