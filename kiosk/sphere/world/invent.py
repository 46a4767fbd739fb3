"""Invent what a photo does not show of its sphere.

The photo is reduced to a small sphere, whose rest is laid out with turned pieces of the photo (`quilt`) and joined in
its colors (`join`). That is the same small world for every width; at a width, each pixel takes its color from it and
its detail from the photo, by the same turns. So previews and the finished picture show one world, whatever the width,
and the work grows with the pixels only in the last step.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from kiosk.sphere.grid import latitude, longitude
from kiosk.sphere.world.border import soften
from kiosk.sphere.world.contrast import match
from kiosk.sphere.world.frames import pixels
from kiosk.sphere.world.join import join
from kiosk.sphere.world.labels import grown, label_at
from kiosk.sphere.world.quilt import Quilted, quilt
from kiosk.sphere.world.sources import Small, eroded, listed, looked_up, middle_column, padded, small
from kiosk.sphere.yaw import canonical_yaw

WIDTH = 256
"""Width of the small world, pixels."""
ROWS = 64
"""Rows of the result computed at a time."""

FEW = 0.05
"""Share of a photo that may be repeated, below which detail is taken from all of it."""
ROUNDS = 2
"""How often contrast and colors at the border are matched."""


@dataclass(frozen=True)
class _Maps:
    """What is looked up for each pixel, padded: the world's colors, the small photo's and where it is shunned, the rows
    of the placed photo from `top` on with what it covers (0 or 255); and the labels."""

    colors: np.ndarray
    photo: np.ndarray
    placed: np.ndarray
    top: int
    label: np.ndarray


@dataclass(frozen=True)
class World:
    """A small world. colors: float32 [WIDTH / 2, WIDTH, 3]; photo and quilted: what it was made of; first: longitude in
    radians, by which it is turned."""

    colors: np.ndarray
    photo: Small
    quilted: Quilted
    first: float

    def at(self, placed: np.ndarray, covered: np.ndarray) -> np.ndarray:
        """The sphere of the photo placed at any width: `placed`, uint8 [H, W, 3], where `covered`, bool [H, W], and
        the world elsewhere."""
        height = len(placed)
        # The world is painted over the photo's rim too, where both are known: what they differ by is smoothed away.
        rim = covered & ~eroded(covered)
        result = placed.copy()
        rows = np.flatnonzero(covered.any(1))
        part = slice(max(0, rows[0] - 2), rows[-1] + 3)
        shown = np.dstack([placed[part], 255 * (covered & ~rim)[part].astype(np.uint8)])
        maps = _Maps(padded(self.colors), padded(self._plain()), padded(shown), part.start, grown(self.quilted.label))
        paint = partial(self._paint, result, ~covered | rim, maps)
        threads = max(1, min(4, cv2.getNumThreads()))
        # With one thread none is started: a confined process may not.
        with ThreadPoolExecutor(threads) if threads > 1 else contextlib.nullcontext() as pool:
            list((pool.map if pool else map)(paint, range(0, height, ROWS)))
        # Running up to the border changes the contrast there: what the second round finds is what the first one left.
        for _ in range(ROUNDS):
            match(result, covered, rim)
            soften(result, placed, covered, rim)
        return result

    def _plain(self) -> np.ndarray:
        """The small photo, and 1 where it shows what its detail must not be taken from, else 0: float32 [h, w, 4]."""
        shunned = eroded(eroded(self.photo.covered)) & ~self.photo.valid
        if self.photo.valid.sum() < FEW * self.photo.covered.sum():
            # A photo that is all people has no other detail; pieces this small show cloth, and nobody.
            shunned = np.zeros_like(shunned)
        return np.dstack([self.photo.colors, shunned.astype(np.float32)])

    def _paint(self, result: np.ndarray, wanted: np.ndarray, maps: _Maps, top: int) -> None:
        """Paint the pixels of ROWS rows that are `wanted`, bool [H, W]."""
        height, width = wanted.shape
        rows, columns = np.nonzero(wanted[top : top + ROWS])
        if not len(rows):
            return
        lat = latitude((rows + top).astype(np.float32), height)
        lon = longitude(columns.astype(np.float32), width) - self.first
        flat = np.cos(lat)
        toward = np.stack([flat * np.sin(lon), np.sin(lat), flat * np.cos(lon)], -1)
        column, row = pixels(toward, WIDTH)
        label = label_at(maps.label, column, row)
        source = np.einsum("nk,nkd->nd", toward, self.quilted.turns[label])
        column, row = pixels(source, width)
        column = (column + self.first / (2 * np.pi) * width + 0.5) % width - 0.5
        seen = looked_up(maps.placed, column, row - maps.top, cv2.INTER_CUBIC)
        plain = listed(maps.photo, source)
        value = listed(maps.colors, toward)
        value += (seen[:, :3] - plain[:, :3]) * ((seen[:, 3:] > 254) & (plain[:, 3:] < 0.5))
        result[top : top + ROWS][rows, columns] = np.clip(np.rint(value), 0, 255)


def invent(placed: np.ndarray, covered: np.ndarray, avoid: np.ndarray | None = None) -> np.ndarray:
    """A copy of `placed`, uint8 [H, W, 3], with all pixels invented where `covered`, bool [H, W], is False.

    avoid: bool [h, w] of any size, what is never repeated, such as people. None: not known; then the middle of the
    photo, where people usually are, is not repeated.
    """
    if covered.all():
        return placed.copy()
    if not covered.any():
        return np.full_like(placed, 127)
    return world_of(placed, covered, avoid).at(placed, covered)


def world_of(placed: np.ndarray, covered: np.ndarray, avoid: np.ndarray | None = None) -> World:
    """The world of a photo as `invent` takes it, which must cover some but not all of its sphere. The width at which
    it is placed hardly matters."""
    photo = small(placed, covered, avoid, WIDTH)
    middle = middle_column(photo.covered)
    if middle is None:
        middle = canonical_yaw(photo.colors.astype(np.uint8))
    turned = middle - WIDTH // 2
    photo = Small(*(np.roll(part, -turned, axis=1) for part in (photo.colors, photo.covered, photo.valid)))
    quilted = quilt(photo)
    return World(join(photo, quilted), photo, quilted, turned / WIDTH * 2 * np.pi)
