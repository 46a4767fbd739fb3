"""The scale of an ascent step: locally, so that smooth sky dreams as much as detailed ground.

The 2015 recipe divides the gradient by its mean magnitude over the picture; where the photo is smooth, next to nothing
then happens. Here the divisor is a blend (in the logarithm) of that mean and of the mean in the neighbourhood.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

CELL = 8
"""pixels: local magnitudes are averaged in cells of this size before they are blurred."""
NEIGHBOURHOOD = 6.0
"""cells: standard deviation of the blur, so about 48 pixels, a little less than the smallest face that grows."""
FLOOR = 0.05
"""of the global mean: where the gradient is smaller than this it is left small instead of being blown up to noise."""


def magnitude(gradient: np.ndarray, weight: np.ndarray | None) -> float:
    """Mean of |gradient| [H, W, 3]; rows weighted by `weight` [H] (a sphere's solid angles).

    Summed in an order that does not depend on where on the parallel a picture starts: a photo turned about the vertical
    has, to the last bit, the same mean.
    """
    rows = np.ones(len(gradient)) if weight is None else weight.astype(np.float64)
    columns = np.einsum("hwc,h->w", np.abs(gradient), rows, optimize=False)
    return math.fsum(columns) / (3 * gradient.shape[1] * math.fsum(rows))


def local_magnitude(gradient: np.ndarray, sphere: bool) -> np.ndarray:
    """Blurred |gradient| in cells, float32 [ceil(H / CELL), ceil(W / CELL)].

    On a sphere the blur wraps at the sides and widens by 1 / cos(latitude), so that it covers the same solid angle
    everywhere.
    """
    height, width = gradient.shape[:2]
    cells = (max(1, width // CELL), max(1, height // CELL))
    plane = cv2.resize(
        cv2.transform(np.abs(gradient), np.full((1, 3), 1 / 3, np.float32)), cells, interpolation=cv2.INTER_AREA
    )
    if not sphere:
        return cv2.GaussianBlur(plane, (0, 0), NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT)
    latitude = (0.5 - (np.arange(cells[1]) + 0.5) / cells[1]) * np.pi
    # Across a parallel: a Gaussian in the frequency domain, where wrapping is free and each row has its own width.
    frequency = np.fft.rfftfreq(cells[0]) * 2 * np.pi
    sigma = NEIGHBOURHOOD / np.maximum(np.cos(latitude), 1e-3)
    response = np.exp(-0.5 * (sigma[:, None] * frequency[None]) ** 2)
    across = np.fft.irfft(np.fft.rfft(plane, axis=1) * response, n=cells[0], axis=1).astype(np.float32)
    # Along the meridians, over the poles.
    border = min(cells[1], math.ceil(3 * NEIGHBOURHOOD))
    turned = np.roll(across, cells[0] // 2, axis=1)
    tall = np.concatenate([turned[:border][::-1], across, turned[-border:][::-1]])
    blurred = cv2.GaussianBlur(
        tall, (1, 2 * border + 1), sigmaX=1e-6, sigmaY=NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT
    )
    return np.maximum(blurred[border : border + cells[1]], 0)


def step_scale(gradient: np.ndarray, weight: np.ndarray | None, local: float) -> np.ndarray | float:
    """What to multiply `gradient` [H, W, 3] by so that the mean change of a pixel is 1: a number, or a plane [H, W].

    `local` in 0..1 says how far the neighbourhood's magnitude replaces the whole picture's. A gradient of zeros, or
    one that is not finite, gives 0.
    """
    mean = magnitude(gradient, weight)
    if not mean > 0 or not math.isfinite(mean):
        return 0.0
    if local == 0:
        return 1 / mean
    sphere = weight is not None
    cells = np.maximum(local_magnitude(gradient, sphere), FLOOR * mean)
    scale = (mean / cells) ** local / mean
    height, width = gradient.shape[:2]
    if sphere:
        scale = np.concatenate([scale[:, -2:], scale, scale[:, :2]], axis=1)
        grown = cv2.resize(scale, (width + 4 * CELL, height), interpolation=cv2.INTER_LINEAR)
        return grown[:, 2 * CELL : -2 * CELL]
    return cv2.resize(scale, (width, height), interpolation=cv2.INTER_LINEAR)
