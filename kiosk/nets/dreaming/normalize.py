"""Normalize the gradient locally, so that smooth sky dreams as much as detailed ground.

The 2015 recipe divides the gradient by its mean magnitude over the picture, so almost nothing happens where the photo
is smooth. Here the divisor is the weighted geometric mean of that global mean and a local mean. Pictures are processed
in blocks of rows; only one magnitude per CELL x CELL pixels is kept for the whole picture.
"""

from __future__ import annotations

import math
from functools import partial

import cv2
import numpy as np

from kiosk.nets.dreaming.tiling import Each, serially
from kiosk.nets.dreaming.tone import NO_LIMIT, expose, subdue
from kiosk.sphere.compact import FixedPoint
from kiosk.sphere.grid import latitude

CELL = 8
"""Side in pixels of the cells in which magnitudes are averaged before the blur."""
NEIGHBORHOOD = 4.0
"""Standard deviation of the blur in cells: 32 pixels, half the smallest face that grows. With a wider blur, a face
would suppress the dream around it."""
FLOOR = 0.03
"""Smallest local mean, as a share of the global one. It keeps very small gradients from being amplified to noise."""
ROWS = 64
"""Rows processed at a time, a multiple of CELL: few enough for the cache, enough to keep threads busy."""


def magnitudes(gradient: np.ndarray, each: Each = serially) -> np.ndarray:
    """Mean |gradient| per cell, float32 [ceil(H / CELL), ceil(W / CELL)], of a gradient [H, W, 3]."""
    height, width = gradient.shape[:2]
    cells = np.empty((-(-height // CELL), -(-width // CELL)), np.float32)

    def job(top: int) -> None:
        block = np.abs(gradient[top : top + ROWS].astype(np.float32, copy=False))
        gray = cv2.transform(block, np.full((1, 3), 1 / 3, np.float32))
        below, right = -len(block) % CELL, -width % CELL
        if below or right:
            gray = cv2.copyMakeBorder(gray, 0, below, 0, right, cv2.BORDER_REPLICATE)
        found = cells[top // CELL : (top + ROWS) // CELL]
        found[:] = cv2.resize(gray, found.shape[::-1], interpolation=cv2.INTER_AREA)

    each([partial(job, top) for top in range(0, height, ROWS)])
    return cells


def mean_magnitude(cells: np.ndarray, weight: np.ndarray | None) -> float:
    """The mean of `cells`, with rows weighted by `weight` [H], a sphere's solid angles, if given."""
    rows = cells.mean(axis=1, dtype=np.float64)
    if weight is None:
        return float(rows.mean())
    shares = weight[: len(rows) * CELL].reshape(len(rows), -1).sum(axis=1, dtype=np.float64)
    return math.fsum(rows * shares) / math.fsum(shares)


def neighborhood(cells: np.ndarray, sphere: bool) -> np.ndarray:
    """Blur `cells`. On a sphere the blur wraps at the sides, continues across the poles, and widens along the parallels
    by 1 / cos(latitude), so that it covers the same solid angle everywhere."""
    if not sphere:
        return cv2.GaussianBlur(cells, (0, 0), NEIGHBORHOOD, borderType=cv2.BORDER_REFLECT)
    height, width = cells.shape
    # Blur along parallels in the frequency domain, where wrapping is free and each row can have its own sigma.
    frequency = (np.fft.rfftfreq(width) * 2 * np.pi).astype(np.float32)
    sigma = (NEIGHBORHOOD / np.maximum(np.cos(latitude(np.arange(height), height)), 1e-3)).astype(np.float32)
    across = np.empty_like(cells)
    for top in range(0, height, ROWS):
        rows = slice(top, top + ROWS)
        response = np.exp(-0.5 * (sigma[rows, None] * frequency[None]) ** 2)
        across[rows] = np.fft.irfft(np.fft.rfft(cells[rows], axis=1) * response, n=width, axis=1)
    border = min(height, math.ceil(3 * NEIGHBORHOOD))
    turned = np.roll(across, width // 2, axis=1)
    tall = np.concatenate([turned[:border][::-1], across, turned[-border:][::-1]])
    blurred = cv2.GaussianBlur(
        tall, (1, 2 * border + 1), sigmaX=1e-6, sigmaY=NEIGHBORHOOD, borderType=cv2.BORDER_REFLECT
    )
    return np.maximum(blurred[border : border + height], 0)


def step_scale(
    gradient: np.ndarray, weight: np.ndarray | None, local: float, each: Each = serially
) -> np.ndarray | None:
    """The factor per cell that scales `gradient` [H, W, 3] to a mean change of about 1 per pixel.

    `weight` [H]: solid angles of a sphere's rows, None for a plain picture. `local`: weight of the local magnitude
    against the global one, 0..1. Returns None if the gradient is zero or not finite.
    """
    cells = magnitudes(gradient, each)
    mean = mean_magnitude(cells, weight)
    if not mean > 0 or not math.isfinite(mean):
        return None
    if local == 0:
        return np.full_like(cells, 1 / mean)
    near = np.maximum(neighborhood(cells, weight is not None), FLOOR * mean)
    return ((mean / near) ** local / mean).astype(np.float32)


def scale_rows(scale: np.ndarray, top: int, bottom: int, width: int, sphere: bool) -> np.ndarray:
    """Interpolate rows [top, bottom) of `scale` to pixels, float32 [rows, width, 1]. `top` is a multiple of CELL."""
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
    """Do `picture += step * scale * gradient` in place, with the tone limits of `kiosk.nets.dreaming.tone`."""
    height, width = picture.shape[:2]

    def job(top: int) -> None:
        bottom = min(height, top + ROWS)
        size = scale_rows(scale, top, bottom, width, sphere) * np.float32(step)
        change = gradient[top:bottom] * cv2.cvtColor(size, cv2.COLOR_GRAY2RGB)
        before = picture[top:bottom].astype(np.float32, copy=False)
        picture[top:bottom] = expose(before, subdue(before, change, saturation))

    each([partial(job, top) for top in range(0, height, ROWS)])
