"""Dream graphs of imported networks in int8."""
