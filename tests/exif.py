"""EXIF blocks made by hand, with maker notes that name their places in the block."""

from __future__ import annotations

import struct
from collections.abc import Callable

Value = int | str | bytes | tuple[float, ...] | float
_NOTE, _EXIF = 0x927C, 0x8769


def _coded(value: Value, order: str) -> tuple[int, int, bytes]:
    """(type number, count, bytes) of a value: texts, bytes, whole numbers, fractions."""
    if isinstance(value, bytes):
        return 7, len(value), value
    if isinstance(value, str):
        return 2, len(value) + 1, value.encode() + b"\0"
    if isinstance(value, int):
        return (3, 1, struct.pack(f"{order}H", value)) if value < 65536 else (4, 1, struct.pack(f"{order}I", value))
    numbers = value if isinstance(value, tuple) else (value,)
    pairs = [part for number in numbers for part in (round(number * 1000), 1000)]
    return 10, len(numbers), struct.pack(f"{order}{len(pairs)}i", *pairs)


def directory(tags: dict[int, Value], at: int, order: str = "<") -> bytes:
    """The directory for byte `at` of its block, its values behind it."""
    table, bodies = struct.pack(f"{order}H", len(tags)), b""
    start = at + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        kind, count, coded = _coded(value, order)
        table += struct.pack(f"{order}HHI", tag, kind, count)
        if len(coded) <= 4:
            table += coded.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}I", start + len(bodies))
            bodies += coded + b"\0" * (len(coded) % 2)
    return table + b"\0" * 4 + bodies


def block(
    first: dict[int, Value],
    exif: dict[int, Value] | None = None,
    note: Callable[[int], bytes] | None = None,
    order: str = "<",
) -> bytes:
    """An EXIF block without its "Exif" header. exif: the tags of the Exif directory. note: makes the maker note for its
    offset in the block."""
    inner = dict(exif or {})
    start = 8 + len(directory({**first, _EXIF: 70_000}, 8, order))
    if note:
        # The note is the last value, because no other is longer than four bytes behind it.
        inner[_NOTE] = note(0)
        at = start + len(directory(inner, start, order)) - len(note(0)) - len(note(0)) % 2
        later = sum(
            len(v) + len(v) % 2 for t, value in inner.items() if t > _NOTE and len(v := _coded(value, order)[2]) > 4
        )
        inner[_NOTE] = note(at - later)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    pointed = bytearray(directory({**first, _EXIF: 70_000}, 8, order))
    place = 2 + 12 * sorted([*first, _EXIF]).index(_EXIF) + 8
    struct.pack_into(f"{order}I", pointed, place, start)
    return head + bytes(pointed) + directory(inner, start, order)


def theta(kind: int, leaning: tuple[float, float] | None = None, corrected: int = 0) -> Callable[[int], bytes]:
    """A Theta's note in little-endian order: image type, zenith (to the left, forward) in degrees, and whether that is
    corrected."""

    def note(at: int) -> bytes:
        own = at + 8 + 2 + 12 + 4
        head = b"Ricoh\0\0\0" + struct.pack("<HHHIII", 1, 0x4001, 4, 1, own, 0)
        tags: dict[int, Value] = {0x0001: kind, 0x0007: corrected}
        return head + directory(tags | ({0x0003: leaning} if leaning else {}), own)

    return note


def fujifilm(angle: int) -> bytes:
    return b"FUJIFILM" + struct.pack("<I", 12) + directory({0x1153: angle}, 12)


def sony(panorama: bool) -> Callable[[int], bytes]:
    return lambda at: (
        b"SONY DSC \0\0\0" + directory({0x1003: (b"\1\1\0\0" if panorama else b"\0" * 4) + bytes(60)}, at + 12)
    )
