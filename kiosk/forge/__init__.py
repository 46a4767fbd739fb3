"""Building the graphs: weight readers, gradient rules, quantization. Plain arguments; usable as a library."""
