"""Walk the chunks of a PNG and validate them. Layout: W3C, Portable Network Graphics, third edition, chapter 5."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kiosk.pictures.containers.exif import orientation
from kiosk.pictures.containers.parts import Damaged, Parts, inflate

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_END = b"\0\0\0\0IEND\xaeB`\x82"
_XMP = b"XML:com.adobe.xmp\0"
MOST_CHUNKS = 200_000
"""A 100 MB file in 4 KB chunks has 25,000."""


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, stop) of every chunk up to IEND; a chunk's body is data[start:stop]. Raises Damaged."""
    if data[:8] != SIGNATURE:
        raise Damaged("not a PNG")
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        if at + 12 > len(data):
            raise Damaged("the file ends between chunks")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise Damaged(f"chunk {kind!r} extends past the file")
        if kind == b"IEND":
            return
        yield kind, at + 8, at + 8 + length
        at += 12 + length
    raise Damaged("too many chunks")


def take_apart(data: bytes) -> Parts:
    """Take a PNG apart; an animation is reduced to its still picture. Raises Damaged."""
    kept, packets = [SIGNATURE], []
    width = height = 0
    turn, profile, passes = 1, None, 1
    for kind, start, stop in chunks(data):
        if kind in _KEPT:
            kept.append(data[start - 8 : stop + 4])
        if kind == b"IHDR" and stop - start == 13:
            width, height = struct.unpack_from(">II", data, start)
            passes = 7 if data[start + 12] else 1
        elif kind == b"eXIf" and turn == 1:
            turn = orientation(data[start:stop])
        elif kind == b"iCCP" and profile is None:
            name = data.find(b"\0", start, min(stop, start + 80))
            profile = inflate(data[name + 2 : stop]) if name >= 0 else None
        elif kind == b"iTXt" and data[start : start + len(_XMP)] == _XMP and not packets:
            packets += _text(data[start + len(_XMP) : stop])
    if not width:
        raise Damaged("no header")
    kept.append(_END)
    return Parts("PNG", b"".join(kept), width, height, turn, profile, tuple(packets), passes)


def _text(body: bytes) -> list[bytes]:
    """The text of an iTXt chunk; `body` begins after its keyword: compression, language, translated keyword, text."""
    pieces = body[2:].split(b"\0", 2)
    if len(pieces) != 3:
        return []
    text = inflate(pieces[2]) if body[0] else pieces[2]
    return [] if text is None else [text]
