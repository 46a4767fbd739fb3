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


def walk(
    padded: np.ndarray,
    out: np.ndarray,
    border: int,
    tile: int,
    halo: int,
    run: RunTile,
    phase: tuple[int, int],
) -> None:
    """Fill `out` [h, w, 3], whose pixel (0, 0) is padded[border, border], tile by tile."""
    height, width = out.shape[:2]
    for row in cut(height, tile, halo):
        for column in cut(width, tile, halo):
            y = max(0, min(border + row + phase[0], padded.shape[0] - tile))
            x = max(0, min(border + column + phase[1], padded.shape[1] - tile))
            answer = run(padded[y : y + tile, x : x + tile])
            from_y, to_y = max(0, row + halo), min(height, row + tile - halo)
            from_x, to_x = max(0, column + halo), min(width, column + tile - halo)
            out[from_y:to_y, from_x:to_x] = answer[
                border + from_y - y : border + to_y - y, border + from_x - x : border + to_x - x
            ]


@dataclass(frozen=True)
class SphereCharts:
    """Gradients of an equirectangular picture [width / 2, width, 3] from `tile` x `tile` pieces of its charts."""

    width: int
    tile: int
    halo: int

    def __post_init__(self) -> None:
        height = self.width // 2
        reach = np.radians(90 - BAND_EDGE + BLEND)
        top = int((90 - BAND_EDGE - BLEND) / 180 * height)
        radius = reach * self.width / (2 * np.pi)
        size = 2 * math.ceil(radius + self.halo + PHASE)
        rows = (np.arange(height) + 0.5) / height * 180
        colatitude = np.minimum(rows, 180 - rows)
        ramp = ((colatitude - (90 - BAND_EDGE - BLEND)) / (2 * BLEND)).clip(0, 1)
        set_ = object.__setattr__
        set_(self, "_top", top)
        set_(self, "_band", height - 2 * top)
        set_(self, "_border", self.halo + PHASE + 4)
        set_(self, "_caps", PolarCaps(self.width, size, self.halo + PHASE + 4, float(reach)))
        set_(self, "_band_share", (ramp * ramp * (3 - 2 * ramp)).astype(np.float32))
        set_(self, "solid_angle", np.sin(np.radians(rows)).astype(np.float32))

    @staticmethod
    def extents(width: int) -> tuple[int, int]:
        """(rows of the band, diameter of a cap), pixels: what tiles must cover for a picture of this width."""
        share = (90 - BAND_EDGE + BLEND) / 180
        return math.ceil(width * share), math.ceil(width * share)

    @property
    def tiles(self) -> int:
        """Tiles run for one gradient."""
        caps: PolarCaps = self._caps  # type: ignore[attr-defined]
        core = caps.size - 2 * (self.halo + PHASE)
        return (
            len(cut(self._band, self.tile, self.halo)) * len(cut(self.width, self.tile, self.halo))
            + 2
            * len(  # type: ignore[attr-defined]
                cut(core, self.tile, self.halo)
            )
            ** 2
        )

    def gradient(self, picture: np.ndarray, run: RunTile, phase: tuple[int, int]) -> np.ndarray:
        """d objective / d picture, float32 [H, W, 3]; `phase` (each in [-PHASE, PHASE)) moves the tiles, (y, x)."""
        caps: PolarCaps = self._caps  # type: ignore[attr-defined]
        top, border = self._top, self._border  # type: ignore[attr-defined]
        padded = pad_fast(picture, border)
        band = np.empty((self._band, self.width, 3), np.float32)  # type: ignore[attr-defined]
        walk(padded[top : top + len(band) + 2 * border], band, border, self.tile, self.halo, run, phase)
        gradient = np.empty_like(picture)
        gradient[top : top + len(band)] = band
        reach = self.halo + PHASE
        rows = caps.rows
        for south in (False, True):
            chart = caps.extract(padded, south)
            answer = np.zeros_like(chart)
            inner = answer[reach:-reach, reach:-reach]
            walk(chart, inner, reach, self.tile, self.halo, run, phase)
            cap = caps.deposit(answer, south)
            where = slice(len(picture) - rows, None) if south else slice(0, rows)
            pure = slice(len(picture) - top, None) if south else slice(0, top)
            mixed = slice(len(picture) - rows, len(picture) - top) if south else slice(top, rows)
            gradient[pure] = cap[rows - top :] if south else cap[:top]
            share = self._band_share[where][: rows - top] if south else self._band_share[mixed]  # type: ignore[attr-defined]
            part = cap[: rows - top] if south else cap[top:]
            gradient[mixed] *= share[:, None, None]
            gradient[mixed] += part * (1 - share)[:, None, None]
        return gradient


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

    def gradient(self, picture: np.ndarray, run: RunTile, phase: tuple[int, int]) -> np.ndarray:
        """As `SphereCharts.gradient`."""
        border = self.halo + PHASE
        # A picture smaller than a tile is mirrored until it fills one.
        below = max(border, self.tile - self.height - border)
        right = max(border, self.tile - self.width - border)
        padded = cv2.copyMakeBorder(picture, border, below, border, right, cv2.BORDER_REFLECT)
        gradient = np.empty_like(picture)
        walk(padded, gradient, border, self.tile, self.halo, run, phase)
        return gradient
