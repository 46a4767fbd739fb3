"""Int8 dream graphs of networks of inverted-residual blocks."""
