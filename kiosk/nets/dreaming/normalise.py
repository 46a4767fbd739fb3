"""The scale of an ascent step: locally, so that smooth sky dreams as much as detailed ground.

The 2015 recipe divides the gradient by its mean magnitude over the picture; where the photo is smooth, next to nothing
then happens. Here the divisor is a blend (in the logarithm) of that mean and of the mean in the neighbourhood. Pictures
are gone through in blocks of rows: only magnitudes, one for CELL x CELL pixels, are held for all of it.
"""

from __future__ import annotations

import math
from functools import partial

import cv2
import numpy as np

from kiosk.nets.dreaming.tiling import Each, serially
from kiosk.nets.dreaming.tone import NO_LIMIT, expose, subdue
from kiosk.sphere.compact import FixedPoint

CELL = 8
"""pixels: local magnitudes are averaged in cells of this size before they are blurred."""
NEIGHBOURHOOD = 4.0
"""cells: standard deviation of the blur, so about 32 pixels, half the smallest face that grows: wider, and a face keeps
the ground around it from dreaming."""
FLOOR = 0.03
"""of the global mean: where the gradient is smaller than this it is left small instead of being blown up to noise."""
ROWS = 64
"""rows worked on at a time, a multiple of CELL: few enough to stay in the cache, and enough for threads not to wait for
each other."""


def magnitudes(gradient: np.ndarray, each: Each = serially) -> np.ndarray:
    """Mean |gradient| of each cell, float32 [ceil(H / CELL), ceil(W / CELL)], of a gradient [H, W, 3]."""
    height, width = gradient.shape[:2]
    cells = np.empty((-(-height // CELL), -(-width // CELL)), np.float32)

    def job(top: int) -> None:
        block = np.abs(gradient[top : top + ROWS].astype(np.float32, copy=False))
        grey = cv2.transform(block, np.full((1, 3), 1 / 3, np.float32))
        below, right = -len(block) % CELL, -width % CELL
        if below or right:
            grey = cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE)
        found = cells[top // CELL : (top + ROWS) // CELL]
        found[:] = cv2.resize(grey, found.shape[::-1], interpolation=cv2.INTER_AREA)

    each([partial(job, top) for top in range(0, height, ROWS)])
    return cells


def mean_magnitude(cells: np.ndarray, weight: np.ndarray | None) -> float:
    """The mean over `cells`; rows weighted by `weight` [H] (a sphere's solid angles)."""
    rows = cells.mean(axis=1, dtype=np.float64)
    if weight is None:
        return float(rows.mean())
    shares = weight[: len(rows) * CELL].reshape(len(rows), -1).sum(axis=1, dtype=np.float64)
    return math.fsum(rows * shares) / math.fsum(shares)


def neighbourhood(cells: np.ndarray, sphere: bool) -> np.ndarray:
    """`cells` blurred. On a sphere the blur wraps at the sides, runs on over the poles, and widens along the parallels
    by 1 / cos(latitude), so that it covers the same solid angle everywhere."""
    if not sphere:
        return cv2.GaussianBlur(cells, (0, 0), NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT)
    height, width = cells.shape
    latitude = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    # Along a parallel in the frequency domain, where wrapping is free and each row has its own width.
    frequency = (np.fft.rfftfreq(width) * 2 * np.pi).astype(np.float32)
    sigma = (NEIGHBOURHOOD / np.maximum(np.cos(latitude), 1e-3)).astype(np.float32)
    across = np.empty_like(cells)
    for top in range(0, height, ROWS):
        rows = slice(top, top + ROWS)
        response = np.exp(-0.5 * (sigma[rows, None] * frequency[None]) ** 2)
        across[rows] = np.fft.irfft(np.fft.rfft(cells[rows], axis=1) * response, n=width, axis=1)
    border = min(height, math.ceil(3 * NEIGHBOURHOOD))
    turned = np.roll(across, width // 2, axis=1)
    tall = np.concatenate([turned[:border][::-1], across, turned[-border:][::-1]])
    blurred = cv2.GaussianBlur(
        tall, (1, 2 * border + 1), sigmaX=1e-6, sigmaY=NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT
    )
    return np.maximum(blurred[border : border + height], 0)


def step_scale(
    gradient: np.ndarray, weight: np.ndarray | None, local: float, each: Each = serially
) -> np.ndarray | None:
    """What to multiply `gradient` [H, W, 3] by, one number a cell, so that a pixel changes by about 1 on average.

    `weight` [H] are the solid angles of a sphere's rows, None for a plain picture. `local` in 0..1 says how far the
    neighbourhood's magnitude replaces the whole picture's. None for a gradient of zeros, or one that is not finite.
    """
    cells = magnitudes(gradient, each)
    mean = mean_magnitude(cells, weight)
    if not mean > 0 or not math.isfinite(mean):
        return None
    if local == 0:
        return np.full_like(cells, 1 / mean)
    near = np.maximum(neighbourhood(cells, weight is not None), FLOOR * mean)
    return ((mean / near) ** local / mean).astype(np.float32)


def scale_rows(scale: np.ndarray, top: int, bottom: int, width: int, sphere: bool) -> np.ndarray:
    """Rows [top, bottom) of `scale` interpolated to pixels, float32 [rows, width, 1]; top is a multiple of CELL."""
    first, last = top // CELL - 1, -(-bottom // CELL) + 1
    rows = scale[np.clip(np.arange(first, last), 0, len(scale) - 1)]
    rows = (
        np.concatenate([rows[:, -1:], rows, rows[:, :1]], 1)
        if sphere
        else cv2.copyMakeBorder(rows, 0, 0, 1, 1, cv2.BORDER_REPLICATE)
    )
    grown = cv2.resize(rows, (rows.shape[1] * CELL, len(rows) * CELL), interpolation=cv2.INTER_LINEAR)
    return grown[CELL : CELL + bottom - top, CELL : CELL + width, None]


def apply_step(
    picture: np.ndarray | FixedPoint,
    gradient: np.ndarray,
    scale: np.ndarray,
    step: float,
    sphere: bool,
    each: Each = serially,
    saturation: float = NO_LIMIT,
) -> None:
    """picture += step * scale * gradient, in place, as far as a picture can: see `kiosk.nets.dreaming.tone`."""
    height, width = picture.shape[:2]

    def job(top: int) -> None:
        bottom = min(height, top + ROWS)
        size = scale_rows(scale, top, bottom, width, sphere) * np.float32(step)
        change = gradient[top:bottom] * cv2.cvtColor(size, cv2.COLOR_GRAY2RGB)
        before = picture[top:bottom].astype(np.float32, copy=False)
        picture[top:bottom] = expose(before, subdue(before, change, saturation))

    each([partial(job, top) for top in range(0, height, ROWS)])
