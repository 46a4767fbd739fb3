"""Charts for the network: flat pieces, cut into equal tiles, that cover a sphere at one scale.

A sphere is covered by a band around the equator, taken directly from the equirectangular picture, and two polar caps as
azimuthal equidistant charts. Their gradients are blended between BAND_EDGE - BLEND and BAND_EDGE + BLEND degrees of
latitude. Band and caps have fewer pixels than the picture, whose rows near the poles are oversampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from kiosk.nets.dreaming.tiling import Each, TileJob, cut, serially, shares
from kiosk.sphere.compact import FixedPoint
from kiosk.sphere.grid import colatitude
from kiosk.sphere.padding import mirrored, sphere_window
from kiosk.sphere.polar import PolarCap, cap_size, sharpen

BAND_EDGE = 45.0
"""Latitude in degrees where band and caps have equal weight. The band is stretched by 1.41 there, a cap by 1.11."""
BLEND = 3.0
"""Degrees of latitude on either side of BAND_EDGE."""
PHASE = 8
"""Each step shifts the tiles by -PHASE to PHASE - 1 pixels, to hide the network's sampling grid (stride 16 at the
deepest layers)."""
CAP_REACH = math.radians(90 - BAND_EDGE + BLEND)
"""Colatitude that a cap covers, radians."""
ROWS = 32
"""Rows blended at a time, so that memory does not grow with the picture."""
RunTile = Callable[[np.ndarray], np.ndarray]
"""Tile [height, width, 3] -> its gradient, float32 of the same shape."""


@dataclass(frozen=True)
class Shift:
    """The jitter of one step. `phase`: (y, x) shift of the tiles, each in [-PHASE, PHASE) pixels. `turn`: the column
    where the band's tiles start, anywhere around the horizon, so that no place is always near a tile border. `roll`:
    yaw jitter of the caps, columns."""

    phase: tuple[int, int] = (0, 0)
    turn: int = 0
    roll: int = 0


def tile_jobs(
    read: Callable[[int, int], np.ndarray],
    write: Callable[[int, int, np.ndarray], None],
    size: tuple[int, int],
    tile: tuple[int, int],
    halo: int,
    run: RunTile,
    phase: tuple[int, int],
) -> list[TileJob]:
    """Jobs whose tile cores cover `size` = (height, width), each pixel once.

    `read(y, x)` returns the tile with top left pixel (y, x), which may lie outside. `write(y, x, part)` stores the
    gradient of the part with top left pixel (y, x), inside.
    """

    def job(row: tuple[int, int, int], column: tuple[int, int, int]) -> None:
        (y, top, bottom), (x, left, right) = row, column
        answer = run(read(y, x))
        write(top, left, answer[top - y : bottom - y, left - x : right - x])

    rows, columns = (shares(extent, side, halo, by) for extent, side, by in zip(size, tile, phase, strict=True))
    return [partial(job, row, column) for row in rows for column in columns]


class SphereCharts:
    """Computes gradients of an equirectangular picture [width / 2, width, 3] from tiles (height, width) of its charts.

    `solid_angle`, float32 [width / 2]: solid angle of a pixel per row, relative to the equator. `one_by_one`: hold only
    one cap's chart at a time, which saves memory and costs some idle time.
    """

    def __init__(self, width: int, tile: tuple[int, int], halo: int, *, one_by_one: bool = False) -> None:
        self.width, self.tile, self.halo = width, tile, halo
        height = width // 2
        degrees = colatitude(np.arange(height), height, nadir=180)
        ramp = ((np.minimum(degrees, 180 - degrees) - (90 - BAND_EDGE - BLEND)) / (2 * BLEND)).clip(0, 1)
        self.solid_angle = np.sin(np.radians(degrees)).astype(np.float32)
        self._share = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)[:, None, None]
        """Weight of the band in the blended gradient, per row."""
        self._top = _rows_above_band(width)
        size = cap_size(width, CAP_REACH)
        beyond = max(cut(size, side, halo)[-1] + side - size for side in tile)
        self._cap = PolarCap(width, CAP_REACH, margin=max(halo, beyond) + PHASE)
        self._groups = [(False,), (True,)] if one_by_one else [(False, True)]

    @staticmethod
    def extents(width: int) -> list[tuple[int, int]]:
        """(height, width) in pixels of the charts of a picture of this width: the band and two caps."""
        cap = cap_size(width, CAP_REACH)
        return [(width // 2 - 2 * _rows_above_band(width), width), (cap, cap), (cap, cap)]

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        return count_tiles(self.extents(self.width), self.tile, self.halo)

    def gradient(
        self, picture: np.ndarray | FixedPoint, out: np.ndarray, run: RunTile, shift: Shift, each: Each = serially
    ) -> None:
        """Write d objective / d picture into `out`, which has the picture's shape and any floating-point dtype."""
        waiting = self._band(picture, out, run, shift)
        for group in self._groups:
            found = {south: np.empty((self._cap.size, self._cap.size, 3), np.float32) for south in group}
            each(waiting + [job for south in group for job in self._polar(picture, found[south], run, shift, south)])
            waiting = []
            each([job for south, chart in found.items() for job in self._blend(chart, out, shift, south)])

    def _band(self, picture: np.ndarray | FixedPoint, out: np.ndarray, run: RunTile, shift: Shift) -> list[TileJob]:
        top, turn, width, tile = self._top, shift.turn, self.width, self.tile

        def read(y: int, x: int) -> np.ndarray:
            return sphere_window(picture, top + y, turn + x, *tile)

        def write(y: int, x: int, part: np.ndarray) -> None:
            first = (turn + x) % width
            fitting = min(part.shape[1], width - first)
            rows = slice(top + y, top + y + len(part))
            out[rows, first : first + fitting] = part[:, :fitting]
            out[rows, : part.shape[1] - fitting] = part[:, fitting:]

        return tile_jobs(read, write, (len(picture) - 2 * top, width), tile, self.halo, run, shift.phase)

    def _polar(
        self, picture: np.ndarray | FixedPoint, out: np.ndarray, run: RunTile, shift: Shift, south: bool
    ) -> list[TileJob]:
        def read(y: int, x: int) -> np.ndarray:
            return self._cap.extract(picture, south, shift.roll, y, x, *self.tile)

        def write(y: int, x: int, part: np.ndarray) -> None:
            out[y : y + part.shape[0], x : x + part.shape[1]] = part

        def sharpened(tile: np.ndarray) -> np.ndarray:
            return sharpen(run(tile))

        return tile_jobs(read, write, (self._cap.size, self._cap.size), self.tile, self.halo, sharpened, shift.phase)

    def _blend(self, chart: np.ndarray, out: np.ndarray, shift: Shift, south: bool) -> list[TileJob]:
        """Jobs that map a cap's gradient back to the picture, one per block of rows."""

        def job(rows: slice) -> None:
            part = self._cap.deposit(chart, south, shift.roll, rows)
            # Rows where the band has no weight were never written.
            known = slice(max(rows.start, self._top), min(rows.stop, len(out) - self._top))
            if known.start < known.stop:
                share, inside = self._share[known], slice(known.start - rows.start, known.stop - rows.start)
                part[inside] *= 1 - share
                part[inside] += out[known].astype(np.float32) * share
            out[rows] = part

        first, last = (len(out) - self._cap.rows, len(out)) if south else (0, self._cap.rows)
        return [partial(job, slice(begin, min(last, begin + ROWS))) for begin in range(first, last, ROWS)]


class FlatChart:
    """Computes gradients of a plain picture [height, width, 3]: a single chart with mirrored edges."""

    solid_angle = None

    def __init__(self, width: int, height: int, tile: tuple[int, int], halo: int) -> None:
        self.width, self.height, self.tile, self.halo = width, height, tile, halo

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        return count_tiles([(self.height, self.width)], self.tile, self.halo)

    def gradient(
        self, picture: np.ndarray | FixedPoint, out: np.ndarray, run: RunTile, shift: Shift, each: Each = serially
    ) -> None:
        """Like `SphereCharts.gradient`, but without yaw jitter."""

        def read(y: int, x: int) -> np.ndarray:
            rows, columns = mirrored(y, self.tile[0], self.height), mirrored(x, self.tile[1], self.width)
            return picture[rows[:, None], columns]

        def write(y: int, x: int, part: np.ndarray) -> None:
            out[y : y + part.shape[0], x : x + part.shape[1]] = part

        each(tile_jobs(read, write, (self.height, self.width), self.tile, self.halo, run, shift.phase))


def count_tiles(extents: list[tuple[int, int]], tile: tuple[int, int], halo: int) -> int:
    """The number of tiles (height, width) that charts with these (height, width) are cut into."""
    return sum(len(cut(h, tile[0], halo)) * len(cut(w, tile[1], halo)) for h, w in extents)


def _rows_above_band(width: int) -> int:
    """The number of rows at the top of a picture that only a cap covers."""
    return int((90 - BAND_EDGE - BLEND) / 180 * (width // 2))
