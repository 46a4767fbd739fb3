"""Which coded pictures an item is made of. Layout: ISO/IEC 23008-12, 6.6.2: identity, overlay and grid."""

from __future__ import annotations

from kiosk.pictures.containers.boxes.items import MOST_ITEMS, Items
from kiosk.pictures.containers.parts import Damaged

DERIVED = frozenset({b"grid", b"iden", b"iovl"})
"""Items that are composed of others: side by side, of one that is turned or cut, and one over the other."""
_DEEPEST = 4
"""Items that are composed of composed ones, and so on. Files of Nokia's conformance suite have two levels."""
_SPARE = 4
_LARGEST_SPARE = 1024 * 1024
"""Pixels of a tile that may be larger than its picture by any factor."""


def coded(items: Items, number: int, level: int = 0) -> list[int]:
    """The coded items that an item is made of, each as often as it is used. Raises Damaged for too many, or for an item
    of nothing."""
    if items.kinds.get(number) not in DERIVED:
        return [number]
    found: list[int] = []
    for part in items.made_of.get(number, []) if level < _DEEPEST else []:
        found += coded(items, part, level + 1)
        if len(found) > MOST_ITEMS:
            raise Damaged("too many tiles")
    if not found:
        raise Damaged("no displayable primary item")
    return found


def check_areas(items: Items, number: int, parts: list[int]) -> None:
    """Raise Damaged if the coded items that an item is made of are much larger than it."""
    width, height = items.sizes[number]
    areas = [wide * high for wide, high in (items.sizes.get(part, (0, 0)) for part in parts)]
    if sum(areas) > 2 * width * height + _SPARE * max(areas):
        raise Damaged("the tiles are larger than the picture")
    if max(areas) > max(_SPARE * width * height, _LARGEST_SPARE):
        raise Damaged("a tile is larger than the picture")


def shown(items: Items, parts: list[int]) -> set[int]:
    """The items that a decoder of AVIF reads: the coded ones of the picture, and those of its transparency."""
    beside = [number for number in items.kinds if items.properties_of(number, b"auxC")]
    return {*parts, *(each for number in beside for each in coded(items, number))}
