"""The same graph in int8, fp16 and symmetric Q/DQ."""
