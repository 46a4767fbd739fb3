"""DeepDream: gradient ascent on a sphere, octave by octave."""
