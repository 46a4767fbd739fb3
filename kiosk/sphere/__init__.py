"""Geometry of a 360 photo: projections, resampling, GPano, padding by wrapping and over the poles."""
