"""Let a photo run on into its world at its exact border.

The world is joined at a small size; at the border, both have pixels that it knows nothing of. What they differ by on
the photo's rim is added to the world, less and less with the distance: near the rim pixel by pixel, farther away its
means over ever longer pieces of the rim, as a membrane would spread it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

REACH = 4.0
"""Degrees within which the difference fades out."""
SPREADS = 5
"""Sizes of means: a pixel, two, four, ..."""
ROWS = 32
"""Rows of differences enlarged at a time."""
WIDEST = 2048
"""Width in pixels up to which the difference is exact; on wider spheres it is that of a smaller one."""


def soften(result: np.ndarray, placed: np.ndarray, covered: np.ndarray, rim: np.ndarray) -> None:
    """Change `result` in place, uint8 [H, W, 3], a world that is painted over the `rim` of a photo too: the photo
    `placed` appears where it is `covered` (bool [H, W]), and the world around it runs up to it."""
    height, width = covered.shape
    reach = math.ceil(REACH / 360 * width)
    step = max(1, width // WIDEST)
    rows = np.flatnonzero(covered.any(1))
    first = max(0, rows[0] - reach) // step * step
    part = slice(first, min(height, first + math.ceil((rows[-1] + 1 + reach - first) / step) * step))
    differs = np.where(rim[part, :, None], placed[part].astype(np.int16) - result[part], 0).astype(np.int16)
    change = _spread(_means(differs, step), _means(rim[part], step), max(1, reach // step))
    for top in range(0, len(change), ROWS):
        # A row more on each side: enlarging reads it.
        around = change[max(0, top - 1) : top + ROWS + 1]
        large = cv2.resize(around, (width, len(around) * step), interpolation=cv2.INTER_LINEAR)
        block = result[part][top * step : (top + ROWS) * step]
        shown = covered[part][top * step : (top + ROWS) * step]
        above = step * min(top, 1)
        block[~shown] = np.clip(np.rint(block + large[above : above + len(block)]), 0, 255)[~shown]
    result[covered] = placed[covered]


def _means(picture: np.ndarray, step: int) -> np.ndarray:
    size = (max(1, picture.shape[1] // step), max(1, picture.shape[0] // step))
    return cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)


def _spread(differs: np.ndarray, rim: np.ndarray, reach: int) -> np.ndarray:
    """Spread `differs` (float32 [h, w, 3], 0 off the `rim`, float32 [h, w]) over `reach` pixels, float32 [h, w, 3].
    Columns wrap."""
    width = rim.shape[1]
    around = np.take(np.dstack([differs, rim]), np.arange(-reach, width + reach), axis=1, mode="wrap")
    near = cv2.distanceTransform((around[..., 3] <= 0).astype(np.uint8), cv2.DIST_L2, 5)
    total = np.zeros_like(around)
    for n in range(SPREADS):
        sigma = 0.7 * 2.0**n
        total += cv2.GaussianBlur(around, (0, 0), sigma) * 0.25**n
    # The widest mean is almost nothing far from the rim: there only its fade counts.
    mean = total[..., :3] / np.maximum(total[..., 3:], 1e-6)
    fade = np.clip(1 - near / reach, 0, 1)
    fade = fade * fade * (3 - 2 * fade) * (total[..., 3] > 1e-5)
    return (mean * fade[..., None])[:, reach : reach + width]
