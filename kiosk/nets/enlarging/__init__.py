"""Upscaling with waifu2x, tile by tile."""
