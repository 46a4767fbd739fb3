"""Covering charts with equal tiles: where each tile lies, what it answers for, and which shape of tile suits best."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

TileJob = Callable[[], None]
Each = Callable[[Sequence[TileJob]], None]
"""Does all jobs, in any order, perhaps several at a time."""

STEP = 16
"""pixels between the sides that are tried; the deepest layers have one position for so many."""
SMALLEST = 64
PER_TILE = 4_000
"""what a tile costs beside its pixels, in pixels: the graph's hundreds of small operations have to be started."""
PER_SESSION = 120_000
"""what opening a session for another shape costs, in pixels: about 20 ms."""


def serially(jobs: Sequence[TileJob]) -> None:
    """One after the other."""
    for job in jobs:
        job()


def cut(length: int, tile: int, halo: int) -> list[int]:
    """Where tiles of `tile` pixels begin, so that their cores (without `halo` on each side) cover [0, length).

    The first core begins at 0 (so the first tile at -halo), the last ends at `length` or beyond; the cores are spread
    evenly, so what is too much is overlap rather than a sliver.
    """
    core = tile - 2 * halo
    count = max(1, math.ceil(length / core))
    if count == 1:
        return [-halo]
    return [round(index * (length - core) / (count - 1)) - halo for index in range(count)]


def shares(length: int, tile: int, halo: int, phase: int = 0) -> list[tuple[int, int, int]]:
    """For each tile of `cut`, moved by `phase` (at most `halo` either way): where it begins, and the part [first, last)
    of the length that it answers for.

    Where cores overlap each has its half: no place is written twice, so the order of the tiles does not matter. The
    borders move with the tiles, so that a tile sees `halo` beyond them; at the ends it sees between 0 and 2 `halo`.
    """
    begins = [begin + phase for begin in cut(length, tile, halo)]
    borders = [(before + tile + after) // 2 for before, after in itertools.pairwise(begins)]
    return list(zip(begins, [0, *borders], [*borders, length], strict=True))


def tile_work(charts: Sequence[tuple[int, int]], tile: tuple[Any, Any], halo: int) -> Any:
    """Pixels that are computed for one gradient of charts of these (height, width); `tile`'s sides may be arrays.

    Cores come in pairs: where the number of tiles is odd, one waits while the last is done.
    """
    height, width = tile
    tiles = sum(np.ceil(h / (height - 2 * halo)) * np.ceil(w / (width - 2 * halo)) for h, w in charts)
    return np.ceil(tiles / 2) * 2 * (height * width + PER_TILE)


def tile_shapes(
    octaves: Sequence[Sequence[tuple[int, int]]], iterations: int, halo: int, largest: int
) -> list[tuple[int, int]]:
    """(height, width) of the tiles of each octave, pixels, multiples of STEP up to `largest`.

    An octave is given as the (height, width) of its charts. The shapes are those with the least work over all octaves,
    halos, overlaps, idle cores and the opening of sessions counted.
    """
    sides = np.arange(max(SMALLEST, 2 * halo + STEP), largest + 1, STEP)
    heights, widths = (side.ravel() for side in np.meshgrid(sides, sides, indexing="ij"))

    # The cheapest way through the octaves, a change of shape costing a session (dynamic programming).
    total, came_from = np.zeros(len(heights)), []
    for charts in octaves:
        cheapest = int(total.argmin())
        changes = total > total[cheapest] + PER_SESSION
        came_from.append(np.where(changes, cheapest, np.arange(len(total))))
        total = np.where(changes, total[cheapest] + PER_SESSION, total) + iterations * tile_work(
            charts, (heights, widths), halo
        )
    at = int(total.argmin())
    shapes = []
    for before in reversed(came_from):
        shapes.append((int(heights[at]), int(widths[at])))
        at = int(before[at])
    return shapes[::-1]
