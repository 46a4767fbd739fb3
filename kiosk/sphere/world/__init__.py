"""Invent the world around a photo that does not cover its sphere."""
