"""A picture as a baseline JPEG of bounded size: what is kept and published is always our own encoding.

Noise compresses badly: a palette PNG of 274 kB can hold 134 million pixels of it, which at the quality that photos
deserve are 416 MB. So the quality is lowered until the file has no more bytes a pixel than photos have.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

from kiosk.pictures.containers.jpeg import strip

BYTES_A_PIXEL = 1.0
"""Photos with much grain take 0.5 to 0.8 at QUALITY, ordinary ones 0.2 to 0.4."""
SMALLEST_BOUND = 65_536
"""Bytes that a picture may have however few its pixels."""
QUALITY = 96
_FULL, _HALVED = 0, 2
"""Pillow's numbers for 4:4:4 and 4:2:0."""
_LADDER = ((QUALITY, _FULL), (QUALITY, _HALVED), (88, _HALVED), (70, _HALVED), (40, _HALVED), (15, _HALVED))


def bound(width: int, height: int) -> int:
    """Bytes that the JPEG of a picture of that size may have."""
    return max(SMALLEST_BOUND, int(width * height * BYTES_A_PIXEL))


def encode_bounded(picture: Image.Image, tables: dict[int, list[int]] | None = None, sampling: int = _FULL) -> bytes:
    """A JPEG of `picture` (RGB) without any metadata, of at most `bound` bytes.

    tables, sampling: those of the JPEG that the picture comes from, with which it loses almost nothing when it is
    encoded again, and grows no larger. Raises ValueError where even the lowest quality is too large.
    """
    most = bound(picture.width, picture.height)
    for options in _attempts(tables, sampling):
        file = _BoundedFile(most)
        try:
            picture.save(file, "JPEG", **options)
        except _TooLarge:
            continue
        return strip(file.getvalue())
    raise ValueError("the picture cannot be made small enough")


def _attempts(tables: dict[int, list[int]] | None, sampling: int) -> Iterator[dict[str, Any]]:
    if tables and sampling in (0, 1, 2):
        # Baseline JPEGs have 8 bits for a step.
        yield {"qtables": [[min(255, step) for step in tables[key]] for key in sorted(tables)], "subsampling": sampling}
    for quality, chroma in _LADDER:
        yield {"quality": quality, "subsampling": chroma}


class _TooLarge(Exception):
    """The file has reached its bound."""


class _BoundedFile(io.BytesIO):
    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._most:
            raise _TooLarge
        return super().write(data)
