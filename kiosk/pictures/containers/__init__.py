"""Walkers for picture containers. They validate a file before any decoder sees it."""
