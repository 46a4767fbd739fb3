"""Walk the boxes of a HEIC file and validate them. Layout: ISO/IEC 14496-12 and 23008-12.

The primary item of a HEIC photo is one coded picture or a grid of coded tiles. The decoder only gets files whose
primary item is one of these and whose tiles together are about the size of the picture: a malicious grid may otherwise
reference one large picture sixty thousand times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from kiosk.pictures.containers.parts import Damaged, Parts

BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
"""Brands of files with HEVC-coded pictures."""
GENERAL = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
"""Brands that describe only the box layout; AVIF uses them too."""
AVIF = frozenset({b"avif", b"avis"})
MOST_BOXES = 20_000
MOST_ITEMS = 4096
"""A 100 megapixel photo in tiles of 512 pixels has 400."""
_SPARE_TILES = 4
_SHOWN = frozenset({b"hvc1", b"grid"})


def brands(head: bytes) -> frozenset[bytes]:
    """The brands in a file's first bytes, the major brand among them; empty if it has no `ftyp` box."""
    if head[4:8] != b"ftyp" or len(head) < 12:
        return frozenset()
    stop = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, stop - 3, 4))})


def is_heic(head: bytes) -> bool:
    """Whether a file with these first bytes has HEVC pictures, or may have: it names only general brands."""
    found = brands(head)
    return bool(found & BRANDS) or (head[8:12] in GENERAL and not found & AVIF)


@dataclass
class _Items:
    """Contents of the meta box: each item's type, references and size in pixels."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    made_of: dict[int, list[int]] = field(default_factory=dict)
    properties: list[tuple[int, int] | None] = field(default_factory=list)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    packed: list[int] = field(default_factory=list)
    """Offsets of the types of items with compressed text."""


def boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, stop) of the boxes in data[at:stop]; a box's body is data[start:stop]. Raises Damaged."""
    for _ in range(MOST_BOXES):
        if at + 8 > stop:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1 and start + 8 <= stop:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        elif length == 0:
            length = stop - at
        if length < start - at or at + length > stop:
            raise Damaged(f"box {kind!r} extends past its parent")
        yield kind, start, at + length
        at += length
    raise Damaged("too many boxes")


def take_apart(data: bytes) -> Parts:
    """Take a HEIC file apart: the size of the primary picture. The decoder applies the rotation and reads the profile
    and XMP. Raises Damaged."""
    try:
        items = _read(data)
    except (struct.error, IndexError) as error:
        raise Damaged(f"a box is too short: {error}") from error
    if items.kinds.get(items.primary) not in _SHOWN:
        raise Damaged("no displayable primary item")
    width, height = items.sizes.get(items.primary, (0, 0))
    if not width or not height:
        raise Damaged("the picture has no size")
    tiles = items.made_of.get(items.primary, [])
    areas = [wide * high for wide, high in (items.sizes.get(tile, (0, 0)) for tile in tiles)]
    if sum(areas) > 2 * width * height + _SPARE_TILES * max(areas, default=0):
        raise Damaged("the tiles are larger than the picture")
    picture = bytearray(data)
    # Readers detect the format by the major brand. They also unpack compressed text of any size, so it is disabled.
    picture[8:12] = b"heic"
    if int.from_bytes(data[:4], "big") >= 20:
        picture[16:20] = b"heic"
    for at in items.packed:
        picture[at : at + 4] = b"skip"
    return Parts("HEIF", bytes(picture), width, height, passes=max(1, len(tiles) // 64))


def _read(data: bytes) -> _Items:
    items = _Items()
    for kind, start, stop in boxes(data, 0, len(data)):
        if kind == b"meta":
            for inner, first, last in boxes(data, start + 4, stop):
                reader = _READERS.get(inner)
                if reader:
                    reader(data, first, last, items)
            return items
    raise Damaged("no meta box: the file may be a video")


def _primary(data: bytes, start: int, stop: int, items: _Items) -> None:
    items.primary = struct.unpack_from(">H" if data[start] == 0 else ">I", data, start + 4)[0]


def _kinds(data: bytes, start: int, stop: int, items: _Items) -> None:
    for kind, first, last in boxes(data, start + (6 if data[start] == 0 else 8), stop):
        if kind != b"infe" or data[first] < 2:
            continue
        wide = data[first] > 2
        (number,) = struct.unpack_from(">I" if wide else ">H", data, first + 4)
        at = first + (10 if wide else 8)
        items.kinds[number] = data[at : at + 4]
        if data[at : at + 4] == b"mime":
            texts = data[at + 4 : last].split(b"\0")
            if len(texts) > 2 and texts[2]:
                items.packed.append(at)
        if len(items.kinds) > MOST_ITEMS:
            raise Damaged("too many items")


def _references(data: bytes, start: int, stop: int, items: _Items) -> None:
    form, size = (">H", 2) if data[start] == 0 else (">I", 4)
    for kind, first, last in boxes(data, start + 4, stop):
        (whole,) = struct.unpack_from(form, data, first)
        (count,) = struct.unpack_from(">H", data, first + size)
        at = first + size + 2
        if at + count * size > last:
            raise Damaged("a reference extends past its box")
        if kind == b"dimg":
            parts = [struct.unpack_from(form, data, at + size * n)[0] for n in range(count)]
            items.made_of.setdefault(whole, []).extend(parts)


def _properties(data: bytes, start: int, stop: int, items: _Items) -> None:
    for kind, first, last in boxes(data, start, stop):
        if kind == b"ipco":
            for inner, begin, _ in boxes(data, first, last):
                size = struct.unpack_from(">II", data, begin + 4) if inner == b"ispe" else None
                items.properties.append(size)
        elif kind == b"ipma":
            _associate(data, first, last, items)


def _associate(data: bytes, at: int, stop: int, items: _Items) -> None:
    wide_item, wide_index = data[at] > 0, data[at + 3] & 1
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(min(count, MOST_ITEMS)):
        if at >= stop:
            return
        (number,) = struct.unpack_from(">I" if wide_item else ">H", data, at)
        at += 4 if wide_item else 2
        listed = data[at]
        at += 1
        for _ in range(listed):
            index = (struct.unpack_from(">H", data, at)[0] & 0x7FFF) if wide_index else data[at] & 0x7F
            at += 2 if wide_index else 1
            if 0 < index <= len(items.properties) and (size := items.properties[index - 1]):
                items.sizes[number] = size


_READERS = {b"pitm": _primary, b"iinf": _kinds, b"iref": _references, b"iprp": _properties}
