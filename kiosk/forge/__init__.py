"""Build the graphs: weight readers, gradient rules and quantization. Takes plain arguments; usable as a library."""
