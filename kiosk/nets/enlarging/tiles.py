"""Cutting a picture into tiles of one shape, so that one session with a fixed shape serves all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class TileGrid:
    """Tiles of one shape that cover a picture of `picture` = (height, width) pixels edge to edge, without overlap.

    The tiles of the last row and column may reach beyond the picture by less than a tile; what lies there is for the
    caller to invent and to discard. Tiles begin at multiples of the alignment they were made with.
    """

    picture: tuple[int, int]
    tile: tuple[int, int]

    @property
    def rows(self) -> int:
        return -(-self.picture[0] // self.tile[0])

    @property
    def columns(self) -> int:
        return -(-self.picture[1] // self.tile[1])

    def row(self, index: int) -> Iterator[tuple[int, int]]:
        """(top, left) of each tile of a row, in pixels, from left to right."""
        for column in range(self.columns):
            yield index * self.tile[0], column * self.tile[1]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for index in range(self.rows):
            yield from self.row(index)

    def __len__(self) -> int:
        return self.rows * self.columns


def tile_grid(height: int, width: int, largest: int, *, align: int = 1, square: bool = False) -> TileGrid:
    """The grid with the fewest tiles whose sides are at most `largest` (a multiple of `align`), and among those the
    smallest tiles: a picture a little wider than a tile is cut in halves, not into a tile and a sliver."""
    sides = [_side(extent, largest, align) for extent in (height, width)]
    if square:
        sides = [max(sides)] * 2
    return TileGrid((height, width), (sides[0], sides[1]))


def _side(extent: int, largest: int, align: int) -> int:
    pieces = -(-extent // largest)
    return -(-extent // (pieces * align)) * align
