"""Walk the blocks of a GIF and validate them. Layout: CompuServe, Graphics Interchange Format, version 89a."""

from __future__ import annotations

import struct

from kiosk.pictures.containers.parts import MOST_METADATA, Damaged, Parts, first_packets

SIGNATURES = (b"GIF87a", b"GIF89a")
_HEADER = 13
_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_XMP = b"\x0bXMP DataXMP"
_MAGIC_TRAILER = 257
"""Bytes behind an XMP packet that lead every reader of sub-blocks to the end (XMP specification, part 3, 1.1.2)."""
MOST_BLOCKS = 1_000_000
MOST_EXTENSIONS = 1000
"""Extensions before the first frame; editors write a few."""


def take_apart(data: bytes) -> Parts:
    """Take a GIF apart: its first frame. Raises Damaged."""
    if data[:6] not in SIGNATURES or len(data) < _HEADER:
        raise Damaged("not a GIF")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = start = _HEADER + _table(flags)
    control, packets = b"", []
    for _ in range(MOST_EXTENSIONS):
        if data[at : at + 1] != bytes([_EXTENSION]):
            break
        end = _blocks_end(data, at + 2)
        if data[at + 1 : at + 3] == bytes((_CONTROL, 4)):
            control = data[at:end]
        elif data[at + 1] == _APPLICATION and data[at + 2 : at + 14] == _XMP and end - at <= MOST_METADATA:
            packets.append(data[at + 14 : end - _MAGIC_TRAILER - 1])
        at = end
    if data[at : at + 1] != bytes([_IMAGE]) or at + 11 > len(data):
        raise Damaged("no frame")
    left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
    end = _blocks_end(data, at + 10 + _table(flags) + 1)
    picture = data[:start] + control + data[at:end] + bytes([_END])
    # Decoders enlarge the canvas to a frame that is larger.
    size = max(width, left + wide), max(height, top + high)
    return Parts("GIF", picture, *size, xmp=first_packets(packets), passes=1)


def _table(flags: int) -> int:
    """Bytes of the color table that `flags` announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(data: bytes, at: int) -> int:
    """Where the sub-blocks end that start at byte `at`. Raises Damaged if the file ends before."""
    for _ in range(MOST_BLOCKS):
        if at >= len(data):
            break
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
    raise Damaged("the file ends inside a frame")
