"""Geometry of a 360 photo: projections, resampling, and padding across the meridian and the poles."""
