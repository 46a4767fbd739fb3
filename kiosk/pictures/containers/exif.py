"""Read single tags of an EXIF block. Layout: CIPA DC-008 (Exif 2.32) and TIFF 6.0.

General EXIF readers load every tag of a directory, and a 60 kB directory can reference the same 60 kB five thousand
times. This one reads a tag when it is asked for, and no more of it than asked for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MOST_ENTRIES = 1000
"""Entries of a directory that are looked at; cameras write fewer than a hundred."""
MOST_TEXT = 2048
"""Bytes of a text that are read."""
ORIENTATION, EXIF = 0x0112, 0x8769
_INTEROPERABILITY, _INDEX = 0xA005, 0x0001
_FORMS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 5: "II", 10: "ii", 7: "B", 13: "I"}
"""Type number -> struct format of one value."""


@dataclass(frozen=True)
class Directory:
    """One directory of tags. block: the bytes that offsets count from. order: "<" or ">". entries: tag -> (type number,
    count, offset of the value)."""

    block: bytes
    order: str
    entries: dict[int, tuple[int, int, int]]

    def numbers(self, tag: int, most: int = 8) -> tuple[float, ...]:
        """Up to `most` values of a numeric tag; empty if it is missing or damaged. A fraction over zero is skipped."""
        kind, count, at = self.entries.get(tag, (0, 0, 0))
        form = _FORMS.get(kind)
        if form is None:
            return ()
        size = struct.calcsize(f"{self.order}{form}")
        count = min(count, most)
        if at + size * count > len(self.block):
            return ()
        values = [struct.unpack_from(f"{self.order}{form}", self.block, at + size * n) for n in range(count)]
        if len(form) == 1:
            return tuple(value[0] for value in values)
        return tuple(above / below for above, below in values if below)

    def number(self, tag: int) -> float | None:
        """The first value of a numeric tag; None if it is missing or damaged."""
        return next(iter(self.numbers(tag, 1)), None)

    def raw(self, tag: int, most: int = MOST_TEXT) -> bytes:
        """The first `most` bytes of a tag of bytes or text; empty if it is missing or extends past the block."""
        kind, count, at = self.entries.get(tag, (0, 0, 0))
        if kind not in (1, 2, 7) or at + count > len(self.block):
            return b""
        return self.block[at : at + min(count, most)]

    def text(self, tag: int) -> str:
        """A tag of text, without what follows its end; empty if it is missing."""
        return self.raw(tag).split(b"\0")[0].decode("utf-8", "replace").strip()

    def child(self, tag: int) -> Directory:
        """The directory that a tag points to; an empty one if it is missing."""
        at = self.number(tag)
        return directory(self.block, self.order, int(at)) if at else Directory(self.block, self.order, {})


def directory(block: bytes, order: str, at: int) -> Directory:
    """The directory at byte `at` of `block`, as far as it lies within the block."""
    if at < 0 or at + 2 > len(block):
        return Directory(block, order, {})
    (count,) = struct.unpack_from(f"{order}H", block, at)
    entries: dict[int, tuple[int, int, int]] = {}
    for entry in range(at + 2, min(at + 2 + 12 * min(count, MOST_ENTRIES), len(block) - 11), 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", block, entry)
        form = _FORMS.get(kind)
        inline = number * (struct.calcsize(f"<{form}") if form else 1) <= 4
        place = entry + 8 if inline else struct.unpack_from(f"{order}I", block, entry + 8)[0]
        entries.setdefault(tag, (kind, number, place))
    return Directory(block, order, entries)


def read_exif(exif: bytes) -> Directory:
    """The first directory of an EXIF block with or without its "Exif" header; an empty one if the block is damaged."""
    block = exif[6:] if exif[:6] == b"Exif\0\0" else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return Directory(block, "<", {})
    return directory(block, order, struct.unpack_from(f"{order}I", block, 4)[0])


def is_adobe_rgb(exif: bytes) -> bool:
    """Whether a camera says that the colors are Adobe RGB: interoperability index R03 (DCF 2.0, CIPA DC-009). Such
    files often have no profile."""
    return read_exif(exif).child(EXIF).child(_INTEROPERABILITY).text(_INDEX) == "R03"


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8 (1: upright), in an EXIF block; 1 if it is missing or the block is damaged."""
    first = read_exif(exif)
    kind, number, _ = first.entries.get(ORIENTATION, (0, 0, 0))
    value = first.number(ORIENTATION) if number == 1 and kind in (3, 4) else None
    return int(value) if value is not None and 1 <= value <= 8 else 1
