"""Cut a picture into tiles of equal shape, so that one fixed-shape session serves all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class TileGrid:
    """Equal tiles that cover a picture of `picture` = (height, width) pixels without overlap.

    Tiles of the last row and column may extend past the picture by less than a tile; the caller pads and discards that
    part. Tiles start at multiples of the alignment the grid was made with.
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
        """Yield (top, left) in pixels of each tile of a row, from left to right."""
        for column in range(self.columns):
            yield index * self.tile[0], column * self.tile[1]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for index in range(self.rows):
            yield from self.row(index)

    def __len__(self) -> int:
        return self.rows * self.columns


def tile_grid(height: int, width: int, largest: int, *, align: int = 1, square: bool = False) -> TileGrid:
    """The grid with the fewest tiles of side at most `largest` (a multiple of `align`), and among those with the
    smallest tiles: a picture slightly wider than a tile is cut into halves, not into a tile and a sliver."""
    sides = [_side(extent, largest, align) for extent in (height, width)]
    if square:
        sides = [max(sides)] * 2
    return TileGrid((height, width), (sides[0], sides[1]))


def _side(extent: int, largest: int, align: int) -> int:
    pieces = -(-extent // largest)
    return -(-extent // (pieces * align)) * align
