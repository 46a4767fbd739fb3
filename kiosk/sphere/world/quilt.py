"""Lay windows of a photo over the rest of its sphere, outward from the photo, each where it fits best.

After Efros and Freeman, "Image Quilting for Texture Synthesis and Transfer", 2001, on the sphere: a window is moved by
a rigid turn, compared with what already lies there, and cut along the curve where it differs least. Large windows go
around the horizon, from the same height in the photo, so that things stand upright and whole; smaller ones go above
and below, from the photo's upper and lower rows, and where large ones do not fit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.sphere.grid import latitude
from kiosk.sphere.world import horizon
from kiosk.sphere.world.cut import inside_cut
from kiosk.sphere.world.frames import directions, frame, frames, window
from kiosk.sphere.world.sources import (
    COARSE,
    SIDE,
    Small,
    Windows,
    eroded,
    listed,
    padded,
    radius,
    sample,
    usual_people,
    windows,
)

REACHES = (0.49, 0.28, 0.15)
"""Radians from the middle of a window to its edge, in each pass around the horizon."""
SPACINGS = (0.95, 1.1, 1.2)
"""Distance between the middles of neighboring windows of each pass, in reaches."""
HORIZON = 0.3
"""Radians of latitude beyond which the largest windows are not used."""
SHAKEN = 0.3
"""Largest random shift of a window, in reaches."""
FEW = 8
"""Windows below which sky or ground is made of the whole photo."""
OPEN = 0.05
"""Share of a window's middle below which what is still open is left to a later pass."""
VARIED = 60
"""Pixels that cells are taken from, at least, or they repeat themselves in a lattice."""
CELL = 0.08
"""Radians across the small cells that fill what no window fits into."""
MIDDLE = 300.0
"""Cost of a window of the photo's middle, which shows what there is only one of."""
UNLIKE, UNFILLED, HIGHER, REPEATED = 0.4, 900.0, 150.0, 60.0
"""Costs, in squared 8-bit levels: the share that a difference of mean color still counts; a window that fills nothing;
one from a height 8 degrees off; one used before."""
LUCK = 0.15
"""Random part of the costs, so that neighbors do not always choose the same window."""


@dataclass(frozen=True)
class Quilted:
    """label: int [H, W], which turn each pixel is copied by, 0 where the photo is; turns: float32 [N, 3, 3], so that a
    direction (a row vector) times its turn is the direction in the photo. The first turn is the identity. cell: bool
    [H, W], where small cells lie."""

    label: np.ndarray
    turns: np.ndarray
    cell: np.ndarray


def quilt(photo: Small) -> Quilted:
    """Cover the whole sphere of `photo`, which must have something valid."""
    return _Quilt(photo).quilted()


@functools.lru_cache
def _places(spacing: float) -> list[tuple[float, float]]:
    """Longitudes and latitudes, radians, evenly over the sphere: the horizon first, then up and down in turn; each
    parallel from the middle to both sides."""
    places: list[tuple[float, float]] = []
    parallels = max(1, round(np.pi / 2 / spacing))
    for n in range(parallels + 1):
        lat = n / parallels * np.pi / 2
        count = max(1, round(2 * np.pi * np.cos(lat) / spacing)) if n < parallels else 1
        shift = 0.5 * (n % 2)
        turns = ((np.arange(count) + shift) / count + 0.5) % 1 - 0.5
        order = sorted(turns.tolist(), key=lambda turn: (round(abs(turn), 9), turn))
        places += [(turn * 2 * np.pi, sign * lat) for sign in ((1, -1) if n else (1,)) for turn in order]
    return places


class _Quilt:
    def __init__(self, photo: Small) -> None:
        self._photo = photo
        height, width = photo.valid.shape
        self._dirs = directions(width)
        self._rows = latitude(np.arange(height), height)
        self._around = padded(np.dstack([photo.colors, photo.valid.astype(np.float32)]))
        # Fourth channel: 0 open, 1 laid, 2 photo.
        self._canvas = padded(np.dstack([photo.colors, 2 * photo.covered.astype(np.float32)]))
        self._label = np.where(photo.covered, 0, -1)
        self._turns = [np.eye(3, dtype=np.float32)]
        self._random = np.random.default_rng(0)

    def quilted(self) -> Quilted:
        strips = horizon.strips(self._photo)
        self._lay_all(self._photo, REACHES[0], SPACINGS[0], (-HORIZON, HORIZON))
        for strip in strips:
            reach = min(REACHES[1], max(REACHES[2], 0.6 * strip.tall))
            self._lay_all(strip.photo, reach, 1.15, strip.beyond)
        for reach, spacing in zip(REACHES[1:], SPACINGS[1:], strict=True):
            self._lay_all(self._photo, reach, spacing, (-np.pi, np.pi))
        cell = self._label < 0
        self._fill_cells()
        return Quilted(self._label, np.stack(self._turns), cell)

    def _lay_all(self, photo: Small, reach: float, spacing: float, between: tuple[float, float]) -> None:
        """Lay windows of what is valid in `photo` on the latitudes `between`, radians."""
        offered = windows(photo, padded(np.dstack([photo.colors, photo.valid.astype(np.float32)])), reach)
        used = np.zeros(len(offered.lat))
        central = usual_people(photo.covered)[offered.row, offered.column]
        if len(used) < (FEW if photo is not self._photo else 1):
            return
        local, disc, core = window(reach, SIDE), radius(SIDE) <= 1, radius(SIDE) < 0.75
        heights = self._rows[photo.valid.any(1)]
        half = min(reach * 0.5, (heights[0] - heights[-1]) / 2)
        flat = offered.colors.reshape(len(used), -1)
        squares = (offered.colors**2).sum(2)
        for lon, lat in _places(reach * spacing):
            if not between[0] <= lat <= between[1]:
                continue
            # Off the lattice, or repeated things would stand in rows.
            aside, above = self._random.uniform(-SHAKEN, SHAKEN, 2) * reach
            at = frame(lon + aside, lat + above * (abs(lat) > HORIZON))
            here = sample(self._canvas, local @ at)
            known = here[..., 3] > 0.6
            if (~known & core).sum() < OPEN * core.sum():
                continue
            cost = _costs(offered, flat, squares, here, known & disc, ~known & disc)
            cost += ((offered.lat - np.clip(lat, heights[-1] + half, heights[0] - half)) / np.radians(8)) ** 2 * HIGHER
            cost += REPEATED * used + MIDDLE * central
            best = int((cost * (1 + LUCK * self._random.random(len(used)))).argmin())
            apart = (offered.lon - offered.lon[best]) ** 2 + (offered.lat - offered.lat[best]) ** 2
            used += np.exp(-apart / (reach / 2) ** 2)
            self._lay(at, offered.frames[best], reach, here, known)

    def _lay(self, at: np.ndarray, source: np.ndarray, reach: float, here: np.ndarray, known: np.ndarray) -> None:
        """Cut the window of the photo in the frame `source` to fit `here`, the canvas in the frame `at`; lay it."""
        there = sample(self._around, window(reach, SIDE) @ source)
        valid, photo = there[..., 3] > 0.99, here[..., 3] > 1.5
        both = known & valid
        apart = here[..., :3] - there[..., :3]
        if both.any():
            apart = apart - apart[both].mean(0)
        # The curve follows small differences, and goes around the photo and where one of the two is missing.
        cost = np.where(both, np.linalg.norm(apart, axis=2) + 2, np.where(known, 200, np.where(valid, 0, 30)))
        cost = np.where(photo, 400, cost).astype(np.float32)
        taken = (inside_cut(cost) | ~known) & (radius(SIDE) <= 1) & valid & ~photo
        rows, columns, local = self._near(at, reach)
        scale = SIDE / 2 / np.tan(reach)
        x, y = local[:, 0] / local[:, 2] * scale, local[:, 1] / local[:, 2] * scale
        column, row = (x + SIDE / 2 - 0.5).astype(np.float32)[None], (SIDE / 2 - 0.5 - y).astype(np.float32)[None]
        chosen = cv2.remap(taken.astype(np.float32), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[0]
        wanted = (chosen > 0.5) | ((self._label[rows, columns] < 0) & (np.hypot(x, y) <= SIDE / 2))
        rows, columns, toward = rows[wanted], columns[wanted], local[wanted] @ source
        if len(rows):
            self._copy(rows, columns, toward, at.T @ source)

    def _near(self, at: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows and columns of the pixels near a frame that are not photo, and their directions in it, [N, 3]."""
        limit = np.arctan(np.tan(reach) * 1.1)
        lat = np.arcsin(np.clip(at[2, 1], -1, 1))
        near = np.flatnonzero(np.abs(self._rows - lat) <= limit)
        band = slice(near[0], near[-1] + 1)
        inside = (self._dirs[band] @ at[2] > np.cos(limit)) & (self._label[band] != 0)
        rows, columns = np.nonzero(inside)
        return rows + band.start, columns, self._dirs[band][inside] @ at.T

    def _copy(self, rows: np.ndarray, columns: np.ndarray, toward: np.ndarray, turn: np.ndarray) -> None:
        seen = listed(self._around, toward)
        good = seen[:, 3] > 0.99
        rows, columns, seen = rows[good], columns[good], seen[good]
        self._label[rows, columns] = len(self._turns)
        self._turns.append(turn.astype(np.float32))
        self._put(rows, columns, seen)

    def _put(self, rows: np.ndarray, columns: np.ndarray, seen: np.ndarray) -> None:
        seen[:, 3] = 1
        self._canvas[rows, columns + 2] = seen
        width = self._label.shape[1]
        for there, edge in ((columns - width + 2, columns >= width - 2), (columns + width + 2, columns < 2)):
            self._canvas[rows[edge], there[edge]] = seen[edge]

    def _fill_cells(self) -> None:
        """Copy random small pieces into what is still open."""
        height, width = self._label.shape
        rows, columns = np.nonzero(self._label < 0)
        if not len(rows):
            return
        down = max(1, round(CELL / np.pi * height))
        count = np.maximum(1, np.round(2 * np.pi * np.cos(self._rows) / CELL)).astype(int)
        middle = np.minimum(rows // down * down + down // 2, height - 1)
        cell = columns * count[middle] // width
        _, first, number = np.unique(middle * width + cell, return_index=True, return_inverse=True)
        # A cell reaches beyond the pixel that it is the middle of.
        inner = eroded(self._photo.valid)
        sources = np.stack(np.nonzero(inner if inner.sum() >= VARIED else self._photo.valid), 1)
        picked = sources[self._random.integers(len(sources), size=len(first))]
        lat = self._rows[middle[first]]
        lon = ((cell[first] + 0.5) / count[middle[first]] * 2 - 1) * np.pi
        source = frames(((picked[:, 1] + 0.5) / width * 2 - 1) * np.pi, self._rows[picked[:, 0]])
        turns = np.einsum("nki,nkj->nij", frames(lon, lat), source).astype(np.float32)
        self._label[rows, columns] = len(self._turns) + number
        self._turns += list(turns)


def _costs(
    offered: Windows, flat: np.ndarray, squares: np.ndarray, here: np.ndarray, known: np.ndarray, unknown: np.ndarray
) -> np.ndarray:
    """How badly each window fits `here`, [N]: what differs where both are known, and what it does not fill."""
    points = np.dstack([here, known.astype(np.float32), unknown.astype(np.float32)])
    points = cv2.resize(points, (COARSE, COARSE), interpolation=cv2.INTER_AREA).reshape(-1, 6)
    colors, missing = np.ascontiguousarray(points[:, :3]), points[:, 5]
    # What is photo counts twice: there the border is to vanish.
    weight = np.where(points[:, 4] > 0.999, np.maximum(1, points[:, 3]), 0).astype(np.float32)
    weighted = colors * weight[:, None]
    sums = offered.filled @ np.column_stack([weight, (weighted * colors).sum(1), weighted, missing])
    overlap = np.maximum(sums[:, 0], 1e-3)
    theirs = np.tensordot(offered.colors, weight, ([1], [0]))
    apart = (sums[:, 1] - 2 * (flat @ weighted.reshape(-1)) + squares @ weight) / overlap
    mean = (sums[:, 2:5] - theirs) / overlap[:, None]
    unlike = (apart - (1 - UNLIKE) * (mean**2).sum(1)) / 3
    fits = weight.sum() >= 0.05 * len(weight)
    return unlike * fits + UNFILLED * (1 - sums[:, 5] / max(1e-3, float(missing.sum()))) ** (2 if fits else 1)
