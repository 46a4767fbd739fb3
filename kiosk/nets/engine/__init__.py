"""Inference engines: sessions with fixed shapes, cached optimized graphs, and memory limits."""
