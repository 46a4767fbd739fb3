"""The parts of a picture file, as the container walkers return them.

Decoders trust the numbers in a file; the walkers do not. They check every length, offset and count against the actual
bytes and return only what decoding needs, without comments, thumbnails, animations or anything else that could cost
time or memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

MOST_METADATA = 4 * 2**20
"""Limit in bytes of a color profile or an XMP packet. The largest press profiles have 3 million; anything larger is
ignored."""

MOST_PACKETS = 8
"""XMP packets that are looked at; phones write one or two."""


class Damaged(ValueError):
    """The file violates its format."""


@dataclass(frozen=True)
class Parts:
    """A picture file taken apart.

    format: "JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP" or "GIF". picture: a file of that format with nothing
    but the picture. width, height: pixels as stored, before any rotation. orientation: the EXIF value, 1 to 8; 1 if the
    decoder rotates the picture itself. profile: an ICC profile. xmp: the packets in file order. passes: number of a
    decoder's passes over the pixels. exif: the EXIF block, without its "Exif" header; empty if there is none. marks:
    which of `containers.trailer.MARKS` stand behind the picture. ended: whether an end marker follows the picture
    where it should; if not, only decoding shows whether all pixels are there. planes: for a TIFF that stores its planes
    one after the other, a file for each, of which `picture` is the first. planes_mode: the mode that they make, "RGB"
    or "CMYK".
    """

    format: str
    picture: bytes
    width: int
    height: int
    orientation: int = 1
    profile: bytes | None = None
    xmp: tuple[bytes, ...] = ()
    passes: int = 1
    exif: bytes = b""
    marks: frozenset[str] = frozenset()
    ended: bool = True
    planes: tuple[bytes, ...] = ()
    planes_mode: str = ""


def first_packets(packets: Iterable[bytes]) -> tuple[bytes, ...]:
    """The first XMP packets, as many as have MOST_METADATA bytes together; the others are not even unpacked."""
    kept, left = [], MOST_METADATA
    for packet in packets:
        left -= len(packet)
        if left < 0 or len(kept) == MOST_PACKETS:
            break
        if packet:
            kept.append(packet)
    return tuple(kept)


def inflate(data: bytes, most: int = MOST_METADATA) -> bytes | None:
    """Decompress zlib `data`; None if it is damaged or expands to more than `most` bytes."""
    worker = zlib.decompressobj()
    try:
        plain = worker.decompress(data, most)
    except zlib.error:
        return None
    return plain if worker.eof else None
