"""Extended XMP of JPEGs: a packet too long for one segment, cut into pieces. Layout: Adobe's XMP specification, part 3,
section 1.1.3.1.

Each piece has the MD5 of the whole as 32 hexadecimal digits, the length of the whole, and the piece's offset in it. The
first packet of the file names the same MD5.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from kiosk.pictures.containers.parts import MOST_METADATA

EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_HEAD = 40
"""Bytes in front of a piece: digest, length, offset."""


def joined(packets: Iterable[bytes], pieces: Iterable[bytes]) -> list[bytes]:
    """The extended packets that `packets` name, put together from segment bodies behind EXTENSION_HEADER. One that has
    gaps or overlaps, is longer than MOST_METADATA, or has another MD5 is left out."""
    named: dict[bytes, dict[int, bytes]] = {}
    lengths: dict[bytes, int] = {}
    left = 2 * MOST_METADATA
    for body in pieces:
        if len(body) <= _HEAD:
            continue
        digest, length, offset = struct.unpack_from(">32sII", body)
        left -= len(body)
        if left < 0:
            break
        if length <= MOST_METADATA and lengths.setdefault(digest, length) == length:
            named.setdefault(digest, {})[offset] = body[_HEAD:]
    listed = list(packets)
    whole = []
    for digest, found in named.items():
        text = b"".join(piece for _, piece in sorted(found.items()))
        at = 0
        for offset, piece in sorted(found.items()):
            at = at + len(piece) if offset == at else -1
            if at < 0:
                break
        right = (
            at == lengths[digest] and hashlib.md5(text, usedforsecurity=False).hexdigest().encode() == digest.lower()
        )
        if right and any(digest in packet for packet in listed):
            whole.append(text)
    return whole
