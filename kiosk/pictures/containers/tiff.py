"""Validate the first directory of a TIFF before a decoder trusts its numbers. Layout: TIFF 6.0, BigTIFF."""

from __future__ import annotations

import struct

from kiosk.pictures.containers.parts import Damaged

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes per value, by type number."""
_FORMS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 277, 322, 323
MOST_ENTRIES = 1000
MOST_SAMPLES = 16


def is_tiff(head: bytes) -> bool:
    """Whether a file starts like a TIFF or BigTIFF."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def check(data: bytes) -> None:
    """Raise Damaged if the first directory references more bytes than the file has, or tiles or samples larger than the
    picture: a decoder would allocate memory for them."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (at,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, at)
        if count > MOST_ENTRIES:
            raise Damaged(f"{count} tags")
        at += 8 if big else 2
        values, named = {}, 0
        for _ in range(count):
            tag, kind, number = struct.unpack_from(f"{order}HH{'Q' if big else 'I'}", data, at)
            length = _SIZES.get(kind, 1) * number
            if length > (8 if big else 4):
                named += length
            elif number == 1 and kind in _FORMS:
                (values[tag],) = struct.unpack_from(f"{order}{_FORMS[kind]}", data, at + (12 if big else 8))
            at += 20 if big else 12
    except struct.error as error:
        raise Damaged("the directory extends past the file") from error
    if named > len(data):
        raise Damaged("the tags are larger than the file")
    area = values.get(_WIDTH, 0) * values.get(_HEIGHT, 0)
    tile = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    if tile > 4 * area + 2**20 or values.get(_SAMPLES, 1) > MOST_SAMPLES:
        raise Damaged("the tiles are larger than the picture")
