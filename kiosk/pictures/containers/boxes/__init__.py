"""Boxes of ISO media files: HEIC and AVIF photos, and films."""
