"""The parts of picture files, bounded by the file before any decoder sees them."""
