"""Fill in the part of a sphere that a photo does not cover, by mirroring and blurring."""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.sphere.grid import latitude


def fill_sphere(placed: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Return a copy of `placed` (uint8 [H, W, 3]) with all pixels filled in where the bool mask `covered` is False.

    Near the photo the fill is its mirror image, farther away a smooth continuation of its edges (push-pull pyramid),
    and farthest away the photo's mean color at that latitude (sky above, ground below). All of it is low-pass filtered
    along the parallels with a cutoff proportional to cos(latitude), so that each pole has one color.
    """
    if covered.all():
        return placed.copy()
    if not covered.any():
        return np.full_like(placed, 127)
    picture = placed.astype(np.float32)
    smooth = _push_pull(picture, covered.astype(np.float32))
    distance = _distance(covered)
    by_row = _row_colors(picture, covered)[:, None]
    smooth = by_row + (smooth - by_row) * np.exp(-((distance / (placed.shape[1] / 12)) ** 2))[..., None]
    reach = placed.shape[1] / 18
    keep = np.exp(-((distance / reach) ** 2))[..., None]
    fill = smooth + (_mirrored(np.where(covered[..., None], picture, smooth), covered) - smooth) * keep
    fill = _band_limited(fill)
    # A few pixels of cross-fade outside the edge hide the shift caused by the low-pass filter.
    near = np.exp(-distance / 3)[..., None]
    fill += (smooth - fill) * near
    result = np.where(covered[..., None], picture, fill)
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)


def _push_pull(picture: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill missing pixels from coarser and coarser means of the known ones (push-pull). Columns wrap."""
    height, width = weight.shape
    if height <= 2 or width <= 4 or weight.min() > 0:
        mean = (picture * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where(weight[..., None] > 0, picture, mean).astype(np.float32)
    size = ((width + 1) // 2, (height + 1) // 2)
    small_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(picture * weight[..., None], size, interpolation=cv2.INTER_AREA)
    small /= np.maximum(small_weight, 1e-6)[..., None]
    coarse = _push_pull(small, np.minimum(small_weight * 2, 1) * (small_weight > 1e-4))
    padded = np.concatenate([coarse[:, -2:], coarse, coarse[:, :2]], axis=1)
    x = (np.arange(width, dtype=np.float32) + 0.5) * (size[0] / width) + 1.5
    y = (np.arange(height, dtype=np.float32) + 0.5) * (size[1] / height) - 0.5
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    pulled = cv2.remap(padded, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return picture * weight[..., None] + pulled * (1 - weight[..., None])


def _row_colors(picture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """The covered pixels' mean color at each latitude, float32 [H, 3], smoothed and extrapolated to both poles."""
    height = len(covered)
    rows = np.flatnonzero(covered.any(1))
    means = (picture * covered[..., None]).sum(1)[rows] / covered.sum(1)[rows, None]
    edge = max(1, len(rows) // 16)
    means[:edge], means[-edge:] = means[:edge].mean(0), means[-edge:].mean(0)
    every = np.arange(height)
    filled = np.stack([np.interp(every, rows, means[:, channel]) for channel in range(3)], -1).astype(np.float32)
    return (
        cv2.GaussianBlur(filled[:, None], (1, height // 8 | 1), sigmaX=1, sigmaY=height / 32)[:, 0]
        if height >= 32
        else filled
    )


def _distance(covered: np.ndarray) -> np.ndarray:
    """Distance in pixels to the nearest covered pixel, across the meridian too, float32 [H, W]."""
    width = covered.shape[1]
    tiled = np.concatenate([covered, covered, covered], axis=1)
    return cv2.distanceTransform((~tiled).astype(np.uint8), cv2.DIST_L2, 5)[:, width : 2 * width]


def _mirrored(picture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Reflect the covered box at its edges repeatedly. An odd number of mirror images, slightly stretched or squeezed,
    fits between its right and left edges, so the result wraps without a jump."""
    height, width = covered.shape
    rows = np.flatnonzero(covered.any(1))
    top, tall = rows[0], rows[-1] - rows[0] + 1
    columns = np.flatnonzero(covered.any(0))
    gaps = np.diff(np.append(columns, columns[0] + width))
    widest = int(gaps.argmax())
    left = (columns[0] + np.append(0, np.cumsum(gaps))[widest + 1]) % width
    wide = width - int(gaps[widest]) + 1
    x = (np.arange(width) - left) % width
    outside = width - wide
    if outside > 0:
        images = max(1, 2 * round((outside / wide - 1) / 2) + 1)
        sweep = (x - wide + 0.5) / outside * images
        back = 1 - np.abs((sweep % 2) - 1)
        x = np.where(x < wide, x, (1 - back) * (wide - 1))
    y = np.abs((np.arange(height) - top - tall + 0.5) % (2 * tall) - tall)
    y = np.clip(np.rint(y - 0.5), 0, tall - 1).astype(int) + top
    return picture[y][:, (np.rint(x).astype(int) + left) % width]


def _band_limited(picture: np.ndarray) -> np.ndarray:
    """Low-pass filter each row with a cutoff proportional to cos(latitude), for even sharpness on the sphere."""
    height, width = picture.shape[:2]
    cutoff = np.maximum(width / 12 * np.cos(latitude(np.arange(height), height)), 1e-3)
    waves = np.arange(width // 2 + 1)
    gain = np.exp(-((waves[None] / cutoff[:, None]) ** 2)).astype(np.float32)
    result = np.empty_like(picture)
    for channel in range(picture.shape[2]):
        result[..., channel] = np.fft.irfft(np.fft.rfft(picture[..., channel], axis=1) * gain, n=width, axis=1)
    return result
