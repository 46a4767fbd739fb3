"""Validate the headers of a BMP. Layout: Microsoft, Bitmap Storage."""

from __future__ import annotations

import struct

from kiosk.pictures.containers.parts import MOST_METADATA, Damaged, Parts

_FILE_HEADER = 14
_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Lengths of the known picture headers."""
_BARE, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS = 0, 1, 2, 3, 6
_EMBEDDED = b"DEBM"
"""Color space of version 5: a profile within the file, "MBED" in little-endian order."""


def is_bmp(head: bytes) -> bool:
    """Whether a file starts like a BMP with a known header."""
    return head[:2] == b"BM" and len(head) >= 18 and int.from_bytes(head[14:18], "little") in _HEADERS


def take_apart(data: bytes) -> Parts:
    """Take a BMP apart. Raises Damaged."""
    try:
        (at,) = struct.unpack_from("<I", data, 10)
        (header,) = struct.unpack_from("<I", data, _FILE_HEADER)
        if header == 12:
            width, height, _, depth = struct.unpack_from("<HHHH", data, _FILE_HEADER + 4)
            coding = _BARE
        else:
            width, height, _, depth, coding = struct.unpack_from("<iiHHI", data, _FILE_HEADER + 4)
    except struct.error as error:
        raise Damaged("the header extends past the file") from error
    height = abs(height)
    if header not in _HEADERS or width <= 0 or height == 0 or depth not in (1, 2, 4, 8, 16, 24, 32):
        raise Damaged("no usable header")
    if coding not in (_BARE, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS) or not _FILE_HEADER + header <= at < len(data):
        raise Damaged("no usable header")
    stop = len(data)
    if coding not in (_RLE8, _RLE4):
        stop = at + (width * depth + 31) // 32 * 4 * height
        if stop > len(data):
            raise Damaged("rows are missing")
    return Parts("BMP", data[:stop], width, height, profile=_profile(data, header))


def _profile(data: bytes, header: int) -> bytes | None:
    if header < 124 or data[_FILE_HEADER + 56 : _FILE_HEADER + 60] != _EMBEDDED:
        return None
    at, length = struct.unpack_from("<II", data, _FILE_HEADER + 112)
    at += _FILE_HEADER
    return data[at : at + length] if 0 < length <= MOST_METADATA and at + length <= len(data) else None
