"""What a picture's file is made of, found by walking its container before any decoder sees it.

Decoders trust the numbers in a file; the walkers here do not. Each compares every length, offset and count with the
bytes that are really there, and gives back the picture alone: what a decoder needs, without comments, thumbnails,
animations, or whatever else could make it work or ask for memory.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

MOST_METADATA = 4 * 2**20
"""Bytes of a colour profile or an XMP packet. The largest profiles of printing presses have 3 million; what is larger
is as good as none."""


class Damaged(ValueError):
    """The file is not laid out as its format says."""


@dataclass(frozen=True)
class Parts:
    """A picture's file taken apart.

    format: JPEG, PNG, WEBP or HEIF. picture: a file of that format with nothing but the picture. width, height: pixels
    as stored, before any turn. orientation: EXIF's, 1 to 8; 1 where the decoder turns the picture itself. profile: an
    ICC profile. xmp: the packets, in the file's order. passes: how many times a decoder goes over the pixels.
    """

    format: str
    picture: bytes
    width: int
    height: int
    orientation: int = 1
    profile: bytes | None = None
    xmp: tuple[bytes, ...] = ()
    passes: int = 1


def inflate(data: bytes, most: int = MOST_METADATA) -> bytes | None:
    """`data` (zlib) decompressed; None where it is damaged or makes more than `most` bytes."""
    worker = zlib.decompressobj()
    try:
        plain = worker.decompress(data, most)
    except zlib.error:
        return None
    return plain if worker.eof else None
