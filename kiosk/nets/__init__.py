"""Running the graphs: sessions, tiles, dream, upscale. Plain arguments; usable as a library."""
