"""Building blocks of both scenes: light, noise, shapes and sky."""
