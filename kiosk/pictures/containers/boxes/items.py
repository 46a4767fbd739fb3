"""The items of a HEIC or AVIF file: pictures, tiles, EXIF, XMP. Layout: ISO/IEC 14496-12, 8.11, and 23008-12, 6.5."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from kiosk.pictures import primaries
from kiosk.pictures.containers.parts import MOST_METADATA, Damaged

MOST_BOXES = 20_000
MOST_ITEMS = 4096
"""A 100 megapixel photo in tiles of 512 pixels has 400."""
MOST_PROPERTIES = 64
"""Properties of one item; phones write fewer than ten."""
MOST_EXTENTS = 64
"""Pieces of one item."""
_TURNED = {0: 1, 1: 8, 2: 3, 3: 6}
"""Quarters counterclockwise (irot) -> EXIF orientation."""
_MIRRORED = {1: 2, 8: 7, 3: 4, 6: 5}
"""EXIF orientation -> the same, then mirrored left to right (imir 1)."""


@dataclass
class Items:
    """Contents of the meta box. kinds: item -> its type. types: item -> content type of "mime" items, empty if it is
    compressed. named_at: item -> offset of its type. made_of: item -> the items it is composed of. sizes: item ->
    (width, height) in pixels. extents: item -> (offset, length) of its pieces, relative to the `idat` box for items in
    `inside`. turns, colors: orientation and profile of the primary item."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    types: dict[int, bytes] = field(default_factory=dict)
    named_at: dict[int, int] = field(default_factory=dict)
    made_of: dict[int, list[int]] = field(default_factory=dict)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    inside: set[int] = field(default_factory=set)
    idat: tuple[int, int] = (0, 0)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    has: dict[int, list[int]] = field(default_factory=dict)

    def whole(self, number: int, length: int) -> bool:
        """Whether all pieces of an item lie within a file of `length` bytes."""
        pieces = self.extents.get(number, [])
        base, stop = self.idat if number in self.inside else (0, length)
        return bool(pieces) and all(base + at + size <= stop for at, size in pieces)

    def content(self, data: bytes, number: int, most: int) -> bytes:
        """The first `most` bytes of an item, as far as they lie within the file."""
        base, found = (self.idat[0] if number in self.inside else 0), b""
        for at, size in self.extents.get(number, []):
            # A length of 0 means all that follows.
            found += data[base + at : base + at + min(size or most, most - len(found))]
        return found

    def properties_of(self, number: int, *kinds: bytes) -> list[bytes]:
        """The bodies of an item's properties of these kinds."""
        listed = [self.properties[at - 1] for at in self.has.get(number, []) if 0 < at <= len(self.properties)]
        return [body for name, body in listed if name in kinds]

    @property
    def orientation(self) -> int:
        """The EXIF orientation that the properties irot and imir of the primary item add up to."""
        turn = _TURNED[next((body[0] & 3 for body in self.properties_of(self.primary, b"irot") if body), 0)]
        mirror = next((body[0] & 1 for body in self.properties_of(self.primary, b"imir") if body), None)
        if mirror is None:
            return turn
        # Mirrored top to bottom is mirrored left to right and turned by half.
        half = {1: 3, 3: 1, 6: 8, 8: 6}
        return _MIRRORED[turn if mirror else half[turn]]

    @property
    def profile(self) -> bytes | None:
        """The ICC profile of the primary item, or one of the primaries that it names by number."""
        bodies = self.properties_of(self.primary, b"colr")
        for body in bodies:
            if body[:4] in (b"prof", b"rICC") and len(body) > 4:
                return body[4:]
        for body in bodies:
            if body[:4] == b"nclx" and len(body) >= 6:
                return primaries.profile(int.from_bytes(body[4:6], "big"))
        return None


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


def read_items(data: bytes) -> Items:
    """Read the meta box. Raises Damaged, IndexError or struct.error if it is damaged or missing."""
    items = Items()
    for kind, start, stop in boxes(data, 0, len(data)):
        if kind == b"meta":
            for inner, first, last in boxes(data, start + 4, stop):
                reader = _READERS.get(inner)
                if reader:
                    reader(data, first, last, items)
            return items
    raise Damaged("no meta box: the file may be a video")


def _primary(data: bytes, start: int, stop: int, items: Items) -> None:
    items.primary = struct.unpack_from(">H" if data[start] == 0 else ">I", data, start + 4)[0]


def _kinds(data: bytes, start: int, stop: int, items: Items) -> None:
    for kind, first, last in boxes(data, start + (6 if data[start] == 0 else 8), stop):
        if kind != b"infe" or data[first] < 2:
            continue
        wide = data[first] > 2
        (number,) = struct.unpack_from(">I" if wide else ">H", data, first + 4)
        at = first + (10 if wide else 8)
        items.kinds[number], items.named_at[number] = data[at : at + 4], at
        if data[at : at + 4] == b"mime":
            _, _, rest = data[at + 4 : last].partition(b"\0")
            texts = rest.split(b"\0", 2)
            items.types[number] = b"" if len(texts) > 1 and texts[1] else texts[0]
        if len(items.kinds) > MOST_ITEMS:
            raise Damaged("too many items")


def _references(data: bytes, start: int, stop: int, items: Items) -> None:
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
            if len(items.made_of[whole]) > MOST_ITEMS or len(items.made_of) > MOST_ITEMS:
                raise Damaged("too many tiles")


def _properties(data: bytes, start: int, stop: int, items: Items) -> None:
    for kind, first, last in boxes(data, start, stop):
        if kind == b"ipco":
            for inner, begin, end in boxes(data, first, last):
                items.properties.append((inner, data[begin : min(end, begin + MOST_METADATA)]))
        elif kind == b"ipma":
            _associate(data, first, last, items)


def _associate(data: bytes, at: int, stop: int, items: Items) -> None:
    wide_item, wide_index = data[at] > 0, data[at + 3] & 1
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(min(count, MOST_ITEMS)):
        if at >= stop:
            return
        (number,) = struct.unpack_from(">I" if wide_item else ">H", data, at)
        if len(items.has) > MOST_ITEMS:
            raise Damaged("too many items")
        at += 4 if wide_item else 2
        listed = data[at]
        at += 1
        if at + listed * (2 if wide_index else 1) > stop:
            raise Damaged("properties extend past their box")
        for _ in range(listed):
            index = (struct.unpack_from(">H", data, at)[0] & 0x7FFF) if wide_index else data[at] & 0x7F
            at += 2 if wide_index else 1
            listed_here = items.has.setdefault(number, [])
            if len(listed_here) < MOST_PROPERTIES:
                listed_here.append(index)
            if 0 < index <= len(items.properties) and items.properties[index - 1][0] == b"ispe":
                items.sizes[number] = struct.unpack_from(">II", items.properties[index - 1][1], 4)


def _locations(data: bytes, start: int, stop: int, items: Items) -> None:
    version, sizes = data[start], data[start + 4 : start + 6]
    offset, length, base, index = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15 if version else 0
    wide = version == 2
    (count,) = struct.unpack_from(">I" if wide else ">H", data, start + 6)
    at = start + (10 if wide else 8)

    def number(size: int) -> int:
        nonlocal at
        if size not in (0, 2, 4, 8) or at + size > stop:
            raise Damaged("a location extends past its box")
        value = int.from_bytes(data[at : at + size], "big")
        at += size
        return value

    for _ in range(min(count, MOST_ITEMS)):
        item = number(4 if wide else 2)
        inside = (number(2) & 15) == 1 if version else False
        number(2)
        origin, extents = number(base), number(2)
        if extents > MOST_EXTENTS:
            raise Damaged("too many pieces")
        pieces = [(number(index), number(offset), number(length)) for _ in range(extents)]
        if len(items.extents) > MOST_ITEMS:
            raise Damaged("too many items")
        items.extents[item] = [(origin + begin, size) for _, begin, size in pieces]
        if inside:
            items.inside.add(item)


def _idat(data: bytes, start: int, stop: int, items: Items) -> None:
    items.idat = start, stop


_READERS = {
    b"pitm": _primary,
    b"iinf": _kinds,
    b"iref": _references,
    b"iprp": _properties,
    b"iloc": _locations,
    b"idat": _idat,
}
