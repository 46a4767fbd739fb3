"""Changing the size of an equirectangular picture without a trace at the +-180 degree edge."""

from __future__ import annotations

import math

import cv2
import numpy as np
from PIL import Image


def resize_picture(picture: np.ndarray, width: int, height: int, wrap: bool = True) -> np.ndarray:
    """A uint8 picture [h, w, 3] at another size, antialiased (Lanczos); with `wrap` its left and right edges are
    neighbours."""
    if picture.shape[:2] == (height, width):
        return picture
    old_height, old_width = picture.shape[:2]
    border = min(old_width, max(4, math.ceil(4 * old_width / width))) if wrap else 0
    padded = np.concatenate([picture[:, -border:], picture, picture[:, :border]], axis=1) if border else picture
    image = Image.fromarray(padded).resize(
        (width, height), Image.Resampling.LANCZOS, box=(border, 0, border + old_width, old_height)
    )
    return np.asarray(image)


def resize_detail(detail: np.ndarray, width: int, height: int, wrap: bool = True) -> np.ndarray:
    """A float32 picture [h, w, 3] at another size: cubic when it grows, area averages when it shrinks.

    With `wrap`, both widths must share a factor of at least w / 8 (all octave widths are multiples of 64), so that the
    borrowed columns end on whole pixels.
    """
    old_height, old_width = detail.shape[:2]
    if (old_height, old_width) == (height, width):
        return detail
    if width < old_width:
        return cv2.resize(detail, (width, height), interpolation=cv2.INTER_AREA)
    if not wrap:
        return cv2.resize(detail, (width, height), interpolation=cv2.INTER_CUBIC)
    shared = math.gcd(old_width, width)
    unit_in, unit_out = old_width // shared, width // shared
    units = math.ceil(4 / unit_in)
    border = units * unit_in
    padded = np.concatenate([detail[:, -border:], detail, detail[:, :border]], axis=1)
    grown = cv2.resize(padded, (width + 2 * units * unit_out, height), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(grown[:, units * unit_out : units * unit_out + width])
