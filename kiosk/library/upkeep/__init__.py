"""Upkeep of the library: lifetimes, disk space, fairness, and cleanup after a power cut."""
