"""Tell films from photos, and 360 films from others.

A 360 film has one of three marks: boxes `sv3d` and `st3d` (Spherical Video V2), or a `uuid` box of a fixed number with
XML (Spherical Video V1; both are described in google/spatial-media, docs).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import IO

_STARTS = (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x30\x26\xb2\x75", b"OggS")
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"styp"})
_SPHERICAL = (b"sv3d", b"st3d", bytes.fromhex("ffcc8263f8554a938814587a02521fdd"))
_BOX_HEAD = 8
"""Bytes of a box's length and kind."""
_MOST_BOXES = 64
_PIECE = 2**18
_MOST_MOVIE = 16 * 2**20
"""Bytes of the box with a film's description that are searched."""


def is_film(head: bytes) -> bool:
    """Whether a file with these first bytes is a film."""
    return head[4:8] in _BOXES or head.startswith(_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def has_boxes(head: bytes) -> bool:
    """Whether a file with these first bytes is a film of boxes, which may say that it is a 360 film."""
    return head[4:8] in _BOXES


class Search:
    """The search for a film's mark of a 360 film. Only the description is read, wherever it lies."""

    def __init__(self) -> None:
        self._at = 0
        self._boxes = 0

    def look(self, read: Callable[[int, int], bytes], there: int, most: int | None = None) -> bool | None:
        """Whether the film is a 360 film, as far as its first `there` bytes tell; None if they do not yet.

        read(offset, count) reads at most `count` bytes. most: how many bytes will be there at last, at most; None if
        all are there.
        """
        most = there if most is None else most
        while self._at + _BOX_HEAD <= most and self._boxes < _MOST_BOXES:
            if self._at + _BOX_HEAD > there:
                return None
            head = read(self._at, 16)
            length, kind = struct.unpack_from(">I4s", head)
            if length == 1 and len(head) < 16 and there < most:
                return None
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack_from(">Q", head, 8)
            if kind in (b"moov", b"uuid"):
                size = min(length or _MOST_MOVIE, _MOST_MOVIE, most - self._at)
                if self._at + size > there:
                    return None
                if _has_mark(read, self._at, size):
                    return True
            if length < _BOX_HEAD:
                return False
            self._at += length
            self._boxes += 1
        return False


def _has_mark(read: Callable[[int, int], bytes], start: int, size: int) -> bool:
    """Whether these bytes hold a mark. They are read in pieces, which overlap by the longest mark."""
    for at in range(start, start + size, _PIECE):
        piece = read(at, min(_PIECE + 16, start + size - at))
        if any(mark in piece for mark in _SPHERICAL):
            return True
    return False


def is_spherical(file: IO[bytes]) -> bool:
    """Whether the film in `file`, which is whole, says that it is a 360 film."""

    def read(offset: int, count: int) -> bytes:
        file.seek(offset)
        return file.read(count)

    return bool(Search().look(read, file.seek(0, os.SEEK_END)))
