"""Walk the chunks of a PNG and validate them. Layout: W3C, Portable Network Graphics, third edition, chapter 5."""

from __future__ import annotations

import itertools
import string
import struct
from collections.abc import Iterator

from kiosk.pictures import primaries
from kiosk.pictures.containers.exif import orientation
from kiosk.pictures.containers.parts import MOST_METADATA, MOST_PACKETS, Damaged, Parts, first_packets, inflate

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_END = b"\0\0\0\0IEND\xaeB`\x82"
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_XMP = frozenset({b"XML:com.adobe.xmp", b"Raw profile type xmp"})
_EXIF = frozenset({b"Raw profile type exif", b"Raw profile type APP1"})
"""Keywords of texts with metadata. "Raw profile" is how ImageMagick writes them: a name, a length, and hexadecimal."""
MOST_CHUNKS = 200_000
"""A 100 MB file in 4 KB chunks has 25,000."""
MOST_TEXTS = 64
"""Texts that are looked at."""


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, stop) of every chunk up to IEND; a chunk's body is data[start:stop]. A file may end after the
    picture's data, without IEND or inside a text: the decoder sees whether that data is all there. Raises Damaged."""
    if data[:8] != SIGNATURE:
        raise Damaged("not a PNG")
    at, pictured = len(SIGNATURE), False
    for _ in range(MOST_CHUNKS):
        if at + 12 > len(data) and pictured:
            return
        if at + 12 > len(data):
            raise Damaged("the file ends between chunks")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data) and pictured and kind != b"IDAT":
            return
        if at + 12 + length > len(data):
            raise Damaged(f"chunk {kind!r} extends past the file")
        if kind == b"IEND":
            return
        yield kind, at + 8, at + 8 + length
        pictured = pictured or kind == b"IDAT"
        at += 12 + length
    raise Damaged("too many chunks")


def take_apart(data: bytes) -> Parts:
    """Take a PNG apart; an animation is reduced to its still picture. Raises Damaged."""
    kept, texts = [SIGNATURE], list[tuple[bytes, int, int]]()
    width = height = 0
    exif, profile, passes = b"", None, 1
    for kind, start, stop in chunks(data):
        if kind in _KEPT:
            kept.append(data[start - 8 : stop + 4])
        if kind == b"IHDR" and stop - start == 13:
            width, height = struct.unpack_from(">II", data, start)
            passes = 7 if data[start + 12] else 1
        elif kind == b"eXIf" and not exif:
            exif = data[start:stop]
        elif kind == b"iCCP" and profile is None:
            name = data.find(b"\0", start, min(stop, start + 80))
            profile = inflate(data[name + 2 : stop]) if name >= 0 else None
        elif kind == b"cICP" and profile is None and stop - start == 4:
            profile = primaries.profile(data[start])
        elif kind in _TEXTS and stop - start <= MOST_METADATA and len(texts) < MOST_TEXTS:
            texts.append((kind, start, stop))
    if not width:
        raise Damaged("no header")
    kept.append(_END)
    exif = exif or next(_named(data, texts, _EXIF), b"").removeprefix(b"Exif\0\0")
    packets = first_packets(itertools.islice(_named(data, texts, _XMP), MOST_PACKETS))
    return Parts("PNG", b"".join(kept), width, height, orientation(exif), profile, packets, passes, exif)


def _named(data: bytes, texts: list[tuple[bytes, int, int]], keywords: frozenset[bytes]) -> Iterator[bytes]:
    """The texts with one of these keywords, from (kind, start, stop) of their chunks."""
    for kind, start, stop in texts:
        keyword, _, body = data[start:stop].partition(b"\0")
        if keyword in keywords:
            text = _text(kind, body)
            yield _unpacked(text) if keyword.startswith(b"Raw") else text


def _text(kind: bytes, body: bytes) -> bytes:
    """The text of a chunk; `body` begins after its keyword. Empty if it is damaged or too long."""
    if kind == b"tEXt":
        return body
    if kind == b"zTXt":
        return inflate(body[1:]) or b""
    pieces = body[2:].split(b"\0", 2)  # language, translated keyword, text
    if len(pieces) != 3:
        return b""
    return (inflate(pieces[2]) or b"") if body[0] else pieces[2]


def _unpacked(text: bytes) -> bytes:
    """The bytes of a raw profile: after its name and length, hexadecimal digits in lines."""
    try:
        return bytes.fromhex(text.split(None, 2)[2].translate(None, string.whitespace.encode()).decode("ascii"))
    except (ValueError, IndexError):
        return b""
