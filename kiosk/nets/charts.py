"""Where on a picture the network looks: flat charts that together cover a sphere at one scale, cut into equal tiles.

A sphere is covered by a band around the equator, taken from the equirectangular picture as it is, and by two polar caps
in azimuthal equidistant charts. Between BAND_EDGE - BLEND and BAND_EDGE + BLEND degrees of latitude the two gradients
are blended. Band and caps together have fewer pixels than the picture: the rows near the poles hold many copies of the
same few directions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kiosk.sphere.padding import mirrored, sphere_window
from kiosk.sphere.polar import PolarCap

BAND_EDGE = 45.0
"""latitude, degrees, at which band and caps count equally; there the band is stretched 1.41 times, a cap 1.11 times."""
BLEND = 5.0
"""degrees of latitude on either side of BAND_EDGE."""
PHASE = 8
"""pixels: a network sees a picture through a grid (stride 16 at the deepest layers); each step moves the tiles by
-PHASE to PHASE - 1 pixels so that the grid leaves no trace."""
ROWS = 256
"""rows that are joined at a time, so that memory does not grow with the picture."""

RunTile = Callable[[np.ndarray], np.ndarray]
"""[tile, tile, 3] -> the gradient there, float32 of the same shape."""
Each = Callable[[Callable[[tuple[int, int]], None], list[tuple[int, int]]], None]
"""Calls a function with each of the arguments, in any order, perhaps several at a time."""


def serially(function: Callable[[tuple[int, int]], None], arguments: list[tuple[int, int]]) -> None:
    """One after the other."""
    for argument in arguments:
        function(argument)


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


def tile_side(extents: list[int], halo: int, largest: int) -> int:
    """The tile side, a multiple of 32 up to `largest`, that covers charts of these extents with the least work."""
    best, best_cost = largest, math.inf
    for side in range(max(64, 2 * halo + 32), largest + 1, 32):
        cost = 1.0
        for extent in extents:
            cost *= math.ceil(extent / (side - 2 * halo)) * side / extent
        # A larger tile costs nothing more and shows fewer borders: on a tie, and nearly, it wins.
        if cost <= best_cost * 1.005:
            best, best_cost = side, min(cost, best_cost)
    return best


@dataclass(frozen=True)
class Shift:
    """How the charts lie at one step: tiles moved by `phase` (y, x; each in [-PHASE, PHASE) pixels); those of the band
    begin at column `turn`, anywhere around the horizon, so that no place is always near a tile's border; the caps are
    turned by `roll` columns, the yaw jitter."""

    phase: tuple[int, int] = (0, 0)
    turn: int = 0
    roll: int = 0


def walk(
    read: Callable[[int, int], np.ndarray],
    write: Callable[[int, int, np.ndarray], None],
    size: tuple[int, int],
    tile: int,
    halo: int,
    run: RunTile,
    phase: tuple[int, int],
    each: Each,
) -> None:
    """Cover [0, height) x [0, width) = `size` with the cores of tiles, each place once.

    `read(y, x)` gives the tile whose first pixel is (y, x), possibly outside; `write(y, x, part)` takes the gradient of
    the part whose first pixel is (y, x), inside.
    """
    rows, columns = (shares(extent, tile, halo) for extent in size)

    def fill(place: tuple[int, int]) -> None:
        (row, top, bottom), (column, left, right) = rows[place[0]], columns[place[1]]
        y, x = row + phase[0], column + phase[1]
        answer = run(read(y, x))
        write(top, left, answer[top - y : bottom - y, left - x : right - x])

    each(fill, [(i, j) for i in range(len(rows)) for j in range(len(columns))])


def shares(length: int, tile: int, halo: int) -> list[tuple[int, int, int]]:
    """For each tile of `cut`: where it begins, and the part [first, last) of the length that it answers for.

    Where cores overlap each has its half: no place is written twice, so the order of the tiles does not matter.
    """
    begins = cut(length, tile, halo)
    borders = [(before + tile + after) // 2 for before, after in itertools.pairwise(begins)]
    return list(zip(begins, [0, *borders], [*borders, length], strict=True))


class SphereCharts:
    """Gradients of an equirectangular picture [width / 2, width, 3] from `tile` x `tile` pieces of its charts.

    `solid_angle`, float32 [width / 2], is what a pixel of each row covers, relative to one at the equator.
    """

    def __init__(self, width: int, tile: int, halo: int) -> None:
        self.width, self.tile, self.halo = width, tile, halo
        height = width // 2
        degrees = (np.arange(height) + 0.5) / height * 180
        ramp = ((np.minimum(degrees, 180 - degrees) - (90 - BAND_EDGE - BLEND)) / (2 * BLEND)).clip(0, 1)
        self.solid_angle = np.sin(np.radians(degrees)).astype(np.float32)
        self._share = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)[:, None, None]
        """of the band in the blended gradient, by row."""
        self._top = int((90 - BAND_EDGE - BLEND) / 180 * height)
        self._cap = PolarCap(width, math.radians(90 - BAND_EDGE + BLEND), margin=halo + PHASE)

    @staticmethod
    def extents(width: int) -> list[int]:
        """[rows of the band, diameter of a cap], pixels: what tiles must cover for a picture of this width."""
        extent = math.ceil(width * (90 - BAND_EDGE + BLEND) / 180)
        return [extent, extent]

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        rows, columns, cap = (
            len(cut(extent, self.tile, self.halo))
            for extent in (self.width // 2 - 2 * self._top, self.width, self._cap.size)
        )
        return rows * columns + 2 * cap * cap

    def gradient(self, picture: np.ndarray, out: np.ndarray, run: RunTile, shift: Shift, each: Each = serially) -> None:
        """Write d objective / d picture into `out`, of the picture's shape and any floating type."""
        self._band(picture, out, run, shift, each)
        for south in (False, True):
            self._polar(picture, out, run, shift, each, south)

    def _band(self, picture: np.ndarray, out: np.ndarray, run: RunTile, shift: Shift, each: Each) -> None:
        top, turn, width, tile = self._top, shift.turn, self.width, self.tile

        def read(y: int, x: int) -> np.ndarray:
            return sphere_window(picture, top + y, turn + x, tile, tile)

        def write(y: int, x: int, part: np.ndarray) -> None:
            first = (turn + x) % width
            fitting = min(part.shape[1], width - first)
            rows = slice(top + y, top + y + len(part))
            out[rows, first : first + fitting] = part[:, :fitting]
            out[rows, : part.shape[1] - fitting] = part[:, fitting:]

        walk(read, write, (len(picture) - 2 * top, width), tile, self.halo, run, shift.phase, each)

    def _polar(self, picture: np.ndarray, out: np.ndarray, run: RunTile, shift: Shift, each: Each, south: bool) -> None:
        cap = self._cap
        chart = np.empty((cap.size, cap.size, 3), np.float32)

        def read(y: int, x: int) -> np.ndarray:
            return cap.extract(picture, south, shift.roll, y, x, self.tile)

        def write(y: int, x: int, part: np.ndarray) -> None:
            chart[y : y + part.shape[0], x : x + part.shape[1]] = part

        walk(read, write, (cap.size, cap.size), self.tile, self.halo, run, shift.phase, each)
        first, last = (len(picture) - cap.rows, len(picture)) if south else (0, cap.rows)
        for begin in range(first, last, ROWS):
            rows = slice(begin, min(last, begin + ROWS))
            part = cap.deposit(chart, south, shift.roll, rows)
            share = self._share[rows]
            # Where the band has no share its rows were never written.
            known = share[:, 0, 0] > 0
            block = out[rows]
            block[known] = block[known] * share[known] + part[known] * (1 - share[known])
            block[~known] = part[~known]


class FlatChart:
    """The same for a plain picture [height, width, 3]: one chart, its edges mirrored."""

    solid_angle = None

    def __init__(self, width: int, height: int, tile: int, halo: int) -> None:
        self.width, self.height, self.tile, self.halo = width, height, tile, halo

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        return len(cut(self.height, self.tile, self.halo)) * len(cut(self.width, self.tile, self.halo))

    def gradient(self, picture: np.ndarray, out: np.ndarray, run: RunTile, shift: Shift, each: Each = serially) -> None:
        """As `SphereCharts.gradient`; there is no horizon to turn."""

        def read(y: int, x: int) -> np.ndarray:
            rows, columns = mirrored(y, self.tile, self.height), mirrored(x, self.tile, self.width)
            return picture[rows[:, None], columns]

        def write(y: int, x: int, part: np.ndarray) -> None:
            out[y : y + part.shape[0], x : x + part.shape[1]] = part

        walk(read, write, (self.height, self.width), self.tile, self.halo, run, shift.phase, each)
