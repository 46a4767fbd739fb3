"""The library: guests' photos on disk, their rows and jobs in SQLite, and the way in for new ones."""
