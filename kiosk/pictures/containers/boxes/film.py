"""Tell films from photos, and 360 films from others.

A 360 film has one of three marks: boxes `sv3d` and `st3d` (Spherical Video V2), or a `uuid` box of a fixed number with
XML (Spherical Video V1; both are described in google/spatial-media, docs).
"""

from __future__ import annotations

import os
import struct
from typing import IO

_STARTS = (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x30\x26\xb2\x75", b"OggS")
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"styp"})
_SPHERICAL = (b"sv3d", b"st3d", bytes.fromhex("ffcc8263f8554a938814587a02521fdd"))
_MOST_BOXES = 64
_MOST_MOVIE = 16 * 2**20
"""Bytes of the box with a film's description that are searched."""


def is_film(head: bytes) -> bool:
    """Whether a file with these first bytes is a film."""
    return head[4:8] in _BOXES or head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def is_spherical(file: IO[bytes]) -> bool:
    """Whether the film in `file` says that it is a 360 film. Only the description is read, wherever it lies."""
    at, end = 0, file.seek(0, os.SEEK_END)
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return False
        file.seek(at)
        head = file.read(16)
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
        if kind in (b"moov", b"uuid"):
            body = head + file.read(min(length or _MOST_MOVIE, _MOST_MOVIE))
            if any(mark in body for mark in _SPHERICAL):
                return True
        if length < 8:
            return False
        at += length
    return False
