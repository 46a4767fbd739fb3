"""Carry the left eye's dream over to the right eye of a stereo photo.

Two eyes dreamed separately show different features, which causes binocular rivalry instead of depth. So the photo's
disparity is estimated (dense inverse search, Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016) and
the left eye's dreamed detail is shifted by it. Each feature then lies on the surface it was dreamed on.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.sphere.grid import colatitude
from kiosk.sphere.padding import sphere_window
from kiosk.sphere.yaw import canonical_yaw

WIDTH = 1024
"""Largest width in pixels at which the disparity is estimated. It is smooth, and DIS has subpixel precision."""
WRAP = 1 / 16
"""Padding across the +-180 degree meridian, as a share of the width. It bounds the disparity; objects closer than it
allows (20 cm for eyes 6.5 cm apart) are not expected."""
AGREED = 1.0
"""Forward-backward consistency in pixels. A larger error means that one eye sees what the other does not."""
BLURS = ((1 / 170, 1.0), (1 / 40, 0.02), (1 / 10, 0.001))
"""(standard deviation as a share of the width, weight) of the Gaussians that smooth the estimate. It is local where it
is reliable and filled in from farther away elsewhere."""
TEXTURE = 3.0
"""Slope of the grayscale picture, in 8-bit levels per pixel, at which the confidence is 0.5."""
ROWS = 256
CONTEXT = 2
"""Pixels beyond a sample that cubic interpolation reads."""


def second_eye(left: np.ndarray, right: np.ndarray, dreamed: np.ndarray) -> np.ndarray:
    """The dream for the right eye. All pictures are uint8 [H, 2 H, 3]; `dreamed` is the dream of `left`.

    A pair rolled by whole columns gives the rolled result.
    """
    turned = canonical_yaw(left)
    left, right, dreamed = (np.roll(eye, -turned, axis=1) for eye in (left, right, dreamed))
    moved = disparity(left, right)
    result = np.empty_like(right)
    height = len(right)
    detail = dreamed.astype(np.int16)
    detail -= left
    for top in range(0, height, ROWS):
        rows = slice(top, min(height, top + ROWS))
        added = _carried(detail, moved, rows)
        added += right[rows]
        result[rows] = np.rint(np.clip(added, 0, 255, out=added), out=added)
    return np.roll(result, turned, axis=1)


def disparity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Optical flow from `right` to `left` (both uint8 [H, 2 H, 3]): float32 [h, 2 h, 2], (right, down) in pixels of
    that size, which is at most WIDTH wide.

    Where the eyes disagree, the flow is filled in from the surroundings.
    """
    width = min(WIDTH, right.shape[1])
    border = math.ceil(width * WRAP)
    grays = [_gray(eye, width, border) for eye in (left, right)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there = search.calc(grays[1], grays[0], np.zeros((*grays[0].shape, 2), np.float32))
    back = search.calc(grays[0], grays[1], np.zeros((*grays[0].shape, 2), np.float32))
    height = width // 2
    x, y = np.meshgrid(np.arange(width + 2 * border, dtype=np.float32), np.arange(height, dtype=np.float32))
    returned = cv2.remap(back, x + there[..., 0], y + there[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart = np.linalg.norm(there + returned, axis=2)
    # Near a pole, columns are so dense that a disparity in pixels means little.
    sure = np.exp(-((apart / AGREED) ** 2)) * _texture(grays[1]) * _parallel(height)[:, None] ** 4
    smooth, total = np.zeros_like(there), np.full_like(sure, 1e-12)
    for blur, weight in BLURS:
        total += weight * cv2.GaussianBlur(sure, (0, 0), width * blur)
        smooth += weight * cv2.GaussianBlur(there * sure[..., None], (0, 0), width * blur)
    return np.ascontiguousarray((smooth / total[..., None])[:, border : border + width])


def _texture(gray: np.ndarray) -> np.ndarray:
    """Confidence 0..1 from local texture."""
    slope = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    squared = sum(cv2.Sobel(slope, cv2.CV_32F, *axis, ksize=1, scale=0.5) ** 2 for axis in ((1, 0), (0, 1)))
    return squared / (squared + np.float32(TEXTURE**2))


def _gray(eye: np.ndarray, width: int, border: int) -> np.ndarray:
    small = cv2.resize(cv2.cvtColor(eye, cv2.COLOR_RGB2GRAY), (width, width // 2), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, 0, 0, border, border, cv2.BORDER_WRAP)


def _parallel(height: int) -> np.ndarray:
    """Length of each row's parallel relative to the equator, float32 [height]."""
    return np.sin(colatitude(np.arange(height, dtype=np.float32), height))


def _carried(detail: np.ndarray, moved: np.ndarray, rows: slice) -> np.ndarray:
    """Warp `rows` of `detail`, int16 [H, W, 3], by the disparity `moved`; float32."""
    width = detail.shape[1]
    scale = width / moved.shape[1]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(rows.start, rows.stop, dtype=np.float32))
    # Resample the disparity at pixel centers, across the meridian too.
    padded = np.concatenate([moved[:, -1:], moved, moved[:, :1]], axis=1)
    at = cv2.remap(
        padded,
        (x + 0.5) / scale + 0.5,
        (y + 0.5) / scale - 0.5,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    x += at[..., 0] * scale
    y += at[..., 1] * scale
    top, bottom = math.floor(y.min()) - CONTEXT, math.ceil(y.max()) + CONTEXT
    left, right = math.floor(x.min()) - CONTEXT, math.ceil(x.max()) + CONTEXT
    source = sphere_window(detail, top, left, bottom - top + 1, right - left + 1)
    return cv2.remap(source.astype(np.float32), x - left, y - top, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
