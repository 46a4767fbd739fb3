"""Keeping the library sound: lifetimes, room, fairness, and order after a power cut."""
