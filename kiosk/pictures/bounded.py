"""Encode a picture as a baseline JPEG of bounded size. Stored and published originals are always this encoding.

Noise compresses badly: a 274 kB palette PNG can hold 134 million noisy pixels, which take 416 MB as JPEG at photo
quality. So the quality is lowered until the file has no more bytes per pixel than real photos.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

from kiosk.pictures.containers.jpeg import strip

BYTES_A_PIXEL = 1.0
"""Limit. At QUALITY, grainy photos take 0.5 to 0.8, ordinary ones 0.2 to 0.4."""
SMALLEST_BOUND = 65_536
"""Bytes that any picture may take, however few pixels it has."""
QUALITY = 96
_FULL, _HALVED = 0, 2
"""Pillow's numbers for 4:4:4 and 4:2:0."""
_LADDER = ((QUALITY, _FULL), (QUALITY, _HALVED), (88, _HALVED), (70, _HALVED), (40, _HALVED), (15, _HALVED))


def bound(width: int, height: int) -> int:
    """Maximum bytes of the JPEG of a picture of that size."""
    return max(SMALLEST_BOUND, int(width * height * BYTES_A_PIXEL))


def encode_bounded(picture: Image.Image, tables: dict[int, list[int]] | None = None, sampling: int = _FULL) -> bytes:
    """Encode `picture` (RGB) as a JPEG of at most `bound` bytes without metadata.

    tables, sampling: quantization tables and chroma subsampling of the JPEG the picture came from; reusing them keeps
    quality and size almost unchanged. Raises ValueError if even the lowest quality is too large.
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
        # Quantization steps of baseline JPEGs have 8 bits.
        yield {"qtables": [[min(255, step) for step in tables[key]] for key in sorted(tables)], "subsampling": sampling}
    for quality, chroma in _LADDER:
        yield {"quality": quality, "subsampling": chroma}


class _TooLarge(Exception):
    """The file exceeds its size limit."""


class _BoundedFile(io.BytesIO):
    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._most:
            raise _TooLarge
        return super().write(data)
