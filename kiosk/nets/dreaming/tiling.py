"""Cover charts with equal tiles: tile positions, the pixels each tile writes, and the best tile shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kiosk.nets.engine.memory import STEP

TileJob = Callable[[], None]
Each = Callable[[Sequence[TileJob]], None]
"""Runs all jobs, in any order, possibly in parallel."""

SMALLEST = 64
PER_TILE = 4_000
"""Overhead of a tile, in pixels: launching the graph's hundreds of small operations."""
PER_SESSION = 120_000
"""Cost of opening a session for another shape, in pixels: about 20 ms."""


def serially(jobs: Sequence[TileJob]) -> None:
    """Run the jobs one after the other."""
    for job in jobs:
        job()


def cut(length: int, tile: int, halo: int) -> list[int]:
    """The start of each tile of `tile` pixels, so that the cores (without `halo` on each side) cover [0, length).

    The first core starts at 0 (its tile at -halo), and the last ends at `length` or beyond. Cores are spaced evenly, so
    excess length becomes overlap instead of a narrow last tile.
    """
    core = tile - 2 * halo
    count = max(1, math.ceil(length / core))
    if count == 1:
        return [-halo]
    return [round(index * (length - core) / (count - 1)) - halo for index in range(count)]


def shares(length: int, tile: int, halo: int, phase: int = 0) -> list[tuple[int, int, int]]:
    """(start, first, last) for each tile of `cut`, shifted by `phase` (at most +-`halo`): the tile starts at `start`
    and writes [first, last).

    Overlapping cores share the overlap in halves. No pixel is written twice, so the order of tiles does not matter.
    Borders move with the tiles, so a tile sees `halo` pixels beyond what it writes; at the ends, 0 to 2 `halo`.
    """
    begins = [begin + phase for begin in cut(length, tile, halo)]
    borders = [(before + tile + after) // 2 for before, after in itertools.pairwise(begins)]
    return list(zip(begins, [0, *borders], [*borders, length], strict=True))


def tile_work(charts: Sequence[tuple[int, int]], tile: tuple[Any, Any], halo: int) -> Any:
    """Pixels computed for one gradient of charts with these (height, width). The sides of `tile` may be arrays.

    Counts an odd number of tiles as the next even one: two cores work, and one idles during the last tile.
    """
    height, width = tile
    tiles = sum(np.ceil(h / (height - 2 * halo)) * np.ceil(w / (width - 2 * halo)) for h, w in charts)
    return np.ceil(tiles / 2) * 2 * (height * width + PER_TILE)


def tile_shapes(
    octaves: Sequence[Sequence[tuple[int, int]]],
    iterations: int,
    halo: int,
    largest: int,
    align: int = 1,
    within: tuple[int, int] | None = None,
) -> list[tuple[int, int]]:
    """(height, width) of each octave's tiles in pixels, multiples of STEP and of `align` up to `largest`, and up to the
    height and width of `within` if that is given; or the smallest possible if none is that small.

    `octaves`: the (height, width) of each octave's charts. The shapes minimize the total work over all octaves,
    including halos, overlap, idle cores and session changes.
    """
    step = math.lcm(STEP, align)
    least = -(-max(SMALLEST, 2 * halo + step) // step) * step
    sides = [np.arange(least, max(least, min(largest, most)) + 1, step) for most in within or (largest, largest)]
    heights, widths = (side.ravel() for side in np.meshgrid(*sides, indexing="ij"))

    # Dynamic programming over the octaves, where a change of shape costs a session.
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
