"""Small pictures of spheres, for lists: at most THUMB_BYTES each, whatever is in them."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 384, 192
"""Pixels."""
THUMB_BYTES = 25_000
_QUALITIES = (70, 50, 30, 10, 0)


def encode_thumb(sphere: np.ndarray) -> bytes:
    """A sphere, uint8 [H, W, 3] of any size, as a small WebP picture."""
    return _encoded(Image.fromarray(sphere).resize((WIDTH, HEIGHT), Image.Resampling.BOX, reducing_gap=1.0))


def _encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=2)
        if buffer.tell() <= THUMB_BYTES:
            return buffer.getvalue()
    # Noise that even the lowest quality keeps too much of.
    return _encoded(picture.resize((WIDTH // 4, HEIGHT // 4)).resize((WIDTH, HEIGHT)))


def is_thumb(data: bytes) -> bool:
    """Whether `data` begins as `encode_thumb` writes it: a lossy WebP file (RFC 9649) with one picture of just that
    size (RFC 6386, section 9.1), not longer than allowed."""
    size = struct.pack("<HH", WIDTH, HEIGHT)
    named = data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8 "
    return named and len(data) <= THUMB_BYTES and data[23:26] == b"\x9d\x01\x2a" and data[26:30] == size
