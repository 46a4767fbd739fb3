"""Walk the chunks of a WebP and validate them. Layout: RFC 9649."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

from kiosk.pictures.containers.exif import orientation
from kiosk.pictures.containers.parts import MOST_METADATA, Damaged, Parts, first_packets

MOST_CHUNKS = 10_000
_ALPHA = 0x10
_FRAME_HEADER = 16


def is_webp(data: bytes) -> bool:
    """Whether the file starts like a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, stop) of the chunks in data[at:end]; a chunk's body is data[start:stop]. Raises Damaged."""
    for _ in range(MOST_CHUNKS):
        if at + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise Damaged(f"chunk {kind!r} extends past the file")
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2
    raise Damaged("too many chunks")


def take_apart(data: bytes) -> Parts:
    """Take a WebP apart; an animation is reduced to its first frame. Raises Damaged."""
    end = min(int.from_bytes(data[4:8], "little") + 8, len(data))
    body, alpha = b"", b""
    exif, profile, packets = b"", None, []
    for kind, start, stop in _up_to_damage(data, end):
        if kind == b"ANMF" and not body:
            for inner, first, last in chunks(data, start + _FRAME_HEADER, stop):
                if inner == b"ALPH":
                    alpha = data[first - 8 : last + last % 2]
                elif inner in (b"VP8 ", b"VP8L") and not body:
                    body = data[first - 8 : last]
        elif kind in (b"VP8 ", b"VP8L") and not body:
            body = data[start - 8 : stop]
        elif kind == b"ALPH" and not alpha:
            alpha = data[start - 8 : stop]
        elif kind == b"ICCP" and stop - start <= MOST_METADATA:
            profile = data[start:stop]
        elif kind == b"EXIF" and not exif:
            exif = data[start:stop].removeprefix(b"Exif\0\0")
        elif kind == b"XMP " and stop - start <= MOST_METADATA:
            packets.append(data[start:stop])
    width, height = _size(body)
    still = _padded(body)
    if alpha and body[:4] == b"VP8 ":
        extended = struct.pack("<4sII", b"VP8X", 10, _ALPHA)
        extended += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        still = extended + _padded(alpha) + still
    picture = struct.pack("<4sI4s", b"RIFF", 4 + len(still), b"WEBP") + still
    return Parts("WEBP", picture, width, height, orientation(exif), profile, first_packets(packets), 1, exif)


def _up_to_damage(data: bytes, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of the file up to one that extends past it: metadata, unless the picture is missing."""
    with contextlib.suppress(Damaged):
        yield from chunks(data, 12, end)


def _padded(chunk: bytes) -> bytes:
    return chunk + b"\0" * (len(chunk) % 2)


def _size(chunk: bytes) -> tuple[int, int]:
    """(width, height) from the header of the coded picture. Raises Damaged."""
    if chunk[:4] == b"VP8 " and chunk[11:14] == b"\x9d\x01\x2a" and len(chunk) >= 18:
        width, height = struct.unpack_from("<HH", chunk, 14)
        return width & 0x3FFF, height & 0x3FFF
    if chunk[:4] == b"VP8L" and chunk[8:9] == b"\x2f" and len(chunk) >= 13:
        (bits,) = struct.unpack_from("<I", chunk, 9)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise Damaged("no picture")
