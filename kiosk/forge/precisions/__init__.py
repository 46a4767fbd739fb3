"""Convert graphs to int8, fp16 and symmetric int8 with Q/DQ pairs."""
