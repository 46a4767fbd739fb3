"""Give the world beside a photo the contrast that the photo has at its rim.

What is repeated around a photo is often plainer than what its border cuts, or busier. Its detail is scaled, smoothly
along the border and away from it, so that the contrast across the border goes on as it was on its way there.
"""

from __future__ import annotations

import cv2
import numpy as np

REACH = 14.0
"""Degrees beyond a photo within which detail is scaled."""
NEAR, FAR = (0.0, 0.8), (3.0, 7.0)
"""Degrees from the border, to either side, between which the contrast at it, and beside it, is measured."""
ALONG = 6.0
"""Standard deviation in degrees of the means along the border."""
DETAIL = 2.0
"""Standard deviation in degrees of what is not detail."""
LEAST, MOST = 0.75, 2.2
"""Factors of detail."""
TILT = 1.8
"""Most by which the energy outside rises, or falls, to make up for the photo's own course."""
LIGHT = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in light (ITU-R BT.601)."""
COARSE, FINE = 256, 512
"""Widths in pixels of spheres on which means are taken, and on which factors are laid out."""
ROWS = 64
"""Rows changed at a time."""


def match(result: np.ndarray, covered: np.ndarray, rim: np.ndarray) -> None:
    """Scale the detail of `result` in place, uint8 [H, W, 3], where a photo that is `covered` (bool [H, W]) ends, and
    on its `rim`."""
    height, width = covered.shape
    rows = np.flatnonzero(covered.any(1))
    reach = round((REACH + 2 * DETAIL) / 360 * width)
    part = slice(max(0, rows[0] - reach), min(height, rows[-1] + 1 + reach))
    seen, photo = result[part], covered[part]
    apart = _apart(photo, width)
    factor = _factor(_across(seen, apart), apart, width)
    small = _reduced(seen, width, FINE).astype(np.float32)
    pad = 16
    around = np.pad(small, ((0, 0), (pad, pad), (0, 0)), mode="wrap")
    plain = cv2.GaussianBlur(around, (0, 0), DETAIL / 360 * small.shape[1], borderType=cv2.BORDER_REPLICATE)
    maps = np.dstack([plain, np.pad(factor, ((0, 0), (pad, pad)), mode="wrap")])
    changed = ~photo | rim[part]
    x, y = small.shape[1] / width, small.shape[0] / len(seen)
    for top in range(0, len(seen), ROWS):
        block, wanted = seen[top : top + ROWS], changed[top : top + ROWS]
        lie = np.array([[x, 0, 0.5 * x - 0.5 + pad], [0, y, (top + 0.5) * y - 0.5]])
        large = cv2.warpAffine(
            maps,
            lie,
            (width, len(block)),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        wanted = wanted & (np.abs(large[..., 3] - 1) > 1e-3)
        even = large[wanted]
        # Light alone: scaled, a trace of a color becomes one that the photo does not have.
        detail = (block[wanted] - even[:, :3]) @ LIGHT
        value = block[wanted] + (detail * (even[:, 3] - 1))[:, None]
        block[wanted] = np.clip(np.rint(value), 0, 255)


def _apart(photo: np.ndarray, width: int) -> np.ndarray:
    """Degrees from the border of a photo, float32 [h, w], negative in it."""
    pad = round(2 * REACH / 360 * width)
    around = np.pad(photo.astype(np.uint8), ((0, 0), (pad, pad)), mode="wrap")
    outside = cv2.distanceTransform(1 - around, cv2.DIST_L2, 5)
    inside = cv2.distanceTransform(around, cv2.DIST_L2, 5)
    return ((outside - inside) * (360 / width))[:, pad:-pad]


def _across(seen: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The squared slope of light across the border, float32 [h, w]."""
    light = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)
    slopes = [cv2.Sobel(light, cv2.CV_32F, dx, dy, ksize=1) for dx, dy in ((1, 0), (0, 1))]
    smooth = cv2.GaussianBlur(apart, (0, 0), max(1.0, 0.7 / 360 * apart.shape[1]))
    way = [cv2.Sobel(smooth, cv2.CV_32F, dx, dy, ksize=1) for dx, dy in ((1, 0), (0, 1))]
    length = way[0] ** 2 + way[1] ** 2
    return (slopes[0] * way[0] + slopes[1] * way[1]) ** 2 / np.maximum(length, 1e-9)


def _factor(energy: np.ndarray, apart: np.ndarray, width: int) -> np.ndarray:
    """The factors of detail, float32 [FINE * h / w, FINE]."""
    inside = [_mean(energy, (apart < -low) & (apart > -high), width) for low, high in (NEAR, FAR)]
    outside = [_mean(energy, (apart > low) & (apart < high), width) for low, high in (NEAR, FAR)]
    wanted = _wanted(*inside)
    size = (FINE, max(1, round(len(energy) * FINE / width)))
    at, beside = (
        cv2.resize(np.clip(np.sqrt(want / is_now), LEAST, MOST), size, interpolation=cv2.INTER_LINEAR)
        for want, is_now in zip(wanted, outside, strict=True)
    )
    away = _reduced(apart, width, FINE)
    share = np.clip((away - NEAR[1]) / (FAR[0] - NEAR[1]), 0, 1)
    fade = np.clip((REACH - away) / (REACH - FAR[1]), 0, 1)
    return 1 + (at + (beside - at) * share - 1) * fade * fade * (3 - 2 * fade)


def _wanted(at: np.ndarray, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The energy wanted at the border and beside it outside, given that inside."""
    mean = (at + beside) / 2
    # From (at + mean * t) / (beside + mean / t) = 1.
    half = (beside - at) / (2 * mean)
    tilt = np.clip(half + np.sqrt(half**2 + 1), 1 / TILT, TILT)
    return mean * tilt, mean / tilt


def _mean(energy: np.ndarray, where: np.ndarray, width: int) -> np.ndarray:
    """The mean of `energy` around each place of a small sphere where it is measured, float32 [h, COARSE]."""
    both = _reduced(np.dstack([energy * where, where.astype(np.float32)]), width, COARSE)
    pad = COARSE // 8
    around = np.pad(both, ((0, 0), (pad, pad), (0, 0)), mode="wrap")
    total = cv2.GaussianBlur(around, (0, 0), ALONG / 360 * COARSE, borderType=cv2.BORDER_CONSTANT)[:, pad:-pad]
    total = total + 1e-6 * both.mean((0, 1))
    return (total[..., 0] + 1e-6) / (total[..., 1] + 1e-9)


def _reduced(picture: np.ndarray, width: int, to: int) -> np.ndarray:
    size = (to, max(1, round(len(picture) * to / width)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
