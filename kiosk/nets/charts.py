"""Where on a picture the network looks: flat charts that together cover a sphere at one scale, cut into equal tiles.

A sphere is covered by a band around the equator, taken from the equirectangular picture as it is, and by two polar caps
in azimuthal equidistant charts. Between BAND_EDGE - BLEND and BAND_EDGE + BLEND degrees of latitude the two gradients
are blended. Band and caps together have fewer pixels than the picture: the rows near the poles hold many copies of the
same few directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.sphere.polar import PolarCaps

BAND_EDGE = 45.0
"""latitude, degrees, at which band and caps count equally; there the band is stretched 1.41 times, a cap 1.11 times."""
BLEND = 5.0
"""degrees of latitude on either side of BAND_EDGE."""
PHASE = 8
"""pixels: a network sees a picture through a grid (stride 16 at the deepest layers); each step moves the tiles by
-PHASE to PHASE - 1 pixels so that the grid leaves no trace."""

RunTile = Callable[[np.ndarray], np.ndarray]
"""float32 [tile, tile, 3] -> the gradient there, the same shape."""
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
    """How the tiles lie at one step: moved by `phase` (y, x; each in [-PHASE, PHASE) pixels), and around the horizon by
    `turn` (0 to the width - 1), so that no place is always near a tile's border."""

    phase: tuple[int, int] = (0, 0)
    turn: int = 0


def walk(
    padded: np.ndarray,
    out: np.ndarray,
    border: int,
    tile: int,
    halo: int,
    run: RunTile,
    shift: Shift,
    each: Each = serially,
) -> None:
    """Fill `out` [h, w, 3], whose pixel (0, 0) is padded[border, border], tile by tile."""
    height, width = out.shape[:2]

    def fill(corner: tuple[int, int]) -> None:
        row, column = corner
        y = max(0, min(border + row + shift.phase[0], padded.shape[0] - tile))
        x = max(0, min(border + column + shift.phase[1], padded.shape[1] - tile))
        answer = run(padded[y : y + tile, x : x + tile])
        from_y, to_y = max(0, row + halo), min(height, row + tile - halo)
        from_x, to_x = max(0, column + halo), min(width, column + tile - halo)
        out[from_y:to_y, from_x:to_x] = answer[
            border + from_y - y : border + to_y - y, border + from_x - x : border + to_x - x
        ]

    each(fill, [(row, column) for row in cut(height, tile, halo) for column in cut(width, tile, halo)])


class SphereCharts:
    """Gradients of an equirectangular picture [width / 2, width, 3] from `tile` x `tile` pieces of its charts.

    `solid_angle`, float32 [width / 2], is what a pixel of each row covers, relative to one at the equator.
    """

    def __init__(self, width: int, tile: int, halo: int) -> None:
        self.width, self.tile, self.halo = width, tile, halo
        height = width // 2
        reach = math.radians(90 - BAND_EDGE + BLEND)
        degrees = (np.arange(height) + 0.5) / height * 180
        ramp = ((np.minimum(degrees, 180 - degrees) - (90 - BAND_EDGE - BLEND)) / (2 * BLEND)).clip(0, 1)
        self.solid_angle = np.sin(np.radians(degrees)).astype(np.float32)
        self._top = int((90 - BAND_EDGE - BLEND) / 180 * height)
        self._share = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)[:, None, None]
        """of the band in the blended gradient, by row."""
        self._margin = halo + PHASE
        self._border = self._margin + 4  # the caps are read with cubic interpolation
        radius = reach * width / (2 * math.pi)
        self._caps = PolarCaps(width, 2 * math.ceil(radius + self._margin), self._border, reach)

    @staticmethod
    def extents(width: int) -> tuple[int, int]:
        """(rows of the band, diameter of a cap), pixels: what tiles must cover for a picture of this width."""
        share = (90 - BAND_EDGE + BLEND) / 180
        return math.ceil(width * share), math.ceil(width * share)

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        rows, columns, cap = (
            len(cut(extent, self.tile, self.halo))
            for extent in (self.width // 2 - 2 * self._top, self.width, self._caps.size - 2 * self._margin)
        )
        return rows * columns + 2 * cap * cap

    def gradient(self, picture: np.ndarray, run: RunTile, shift: Shift, each: Each = serially) -> np.ndarray:
        """d objective / d picture, float32 [H, W, 3]."""
        padded = pad_fast(picture, self._border)
        gradient = np.empty_like(picture)
        top, bottom = self._top, len(picture) - self._top
        gradient[top:bottom] = self._band(padded[top : bottom + 2 * self._border], run, shift, each)
        for south in (False, True):
            chart = self._caps.extract(padded, south)
            answer = np.zeros_like(chart)
            inner = answer[self._margin : -self._margin, self._margin : -self._margin]
            walk(chart, inner, self._margin, self.tile, self.halo, run, shift, each)
            cap = self._caps.deposit(answer, south)
            rows = slice(len(picture) - len(cap), None) if south else slice(0, len(cap))
            share = self._share[rows]
            # Where the band has no share its rows were never written.
            known = share[:, 0, 0] > 0
            gradient[rows][known] *= share[known]
            gradient[rows][known] += cap[known] * (1 - share[known])
            gradient[rows][~known] = cap[~known]
        return gradient

    def _band(self, padded: np.ndarray, run: RunTile, shift: Shift, each: Each) -> np.ndarray:
        border = self._border
        turned = np.roll(padded[:, border:-border], shift.turn, axis=1)
        turned = np.concatenate([turned[:, -border:], turned, turned[:, :border]], axis=1)
        band = np.empty((len(padded) - 2 * border, self.width, 3), np.float32)
        walk(turned, band, border, self.tile, self.halo, run, shift, each)
        return np.roll(band, -shift.turn, axis=1)


def pad_fast(picture: np.ndarray, border: int) -> np.ndarray:
    """`kiosk.sphere.padding.pad_sphere` by block copies; `border` at most half the height."""
    height, width = picture.shape[:2]
    padded = np.empty((height + 2 * border, width + 2 * border, picture.shape[2]), picture.dtype)
    body = padded[border : border + height]
    body[:, border : border + width] = picture
    half = width // 2
    padded[:border, border : border + half] = picture[border - 1 :: -1, half:][:border]
    padded[:border, border + half : border + width] = picture[border - 1 :: -1, :half][:border]
    low = picture[: height - border - 1 : -1]
    padded[border + height :, border : border + half] = low[:, half:]
    padded[border + height :, border + half : border + width] = low[:, :half]
    padded[:, :border] = padded[:, width : width + border]
    padded[:, border + width :] = padded[:, border : 2 * border]
    return padded


@dataclass(frozen=True)
class FlatChart:
    """The same for a plain picture [height, width, 3]: one chart, its edges mirrored."""

    width: int
    height: int
    tile: int
    halo: int

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        return len(cut(self.height, self.tile, self.halo)) * len(cut(self.width, self.tile, self.halo))

    def gradient(self, picture: np.ndarray, run: RunTile, shift: Shift, each: Each = serially) -> np.ndarray:
        """As `SphereCharts.gradient`; there is no horizon to turn."""
        border = self.halo + PHASE
        # A picture smaller than a tile is mirrored until it fills one.
        below = max(border, self.tile - self.height - border)
        right = max(border, self.tile - self.width - border)
        padded = cv2.copyMakeBorder(picture, border, below, border, right, cv2.BORDER_REFLECT)
        gradient = np.empty_like(picture)
        walk(padded, gradient, border, self.tile, self.halo, run, shift, each)
        return gradient
