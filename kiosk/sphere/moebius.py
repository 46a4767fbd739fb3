"""Zoom toward a point of a sphere without a seam: a Möbius transformation that fixes the point and its antipode.

In stereographic projection from the antipode, the point ahead is the origin and zooming scales the plane. The map is
conformal, so features grow without distortion. Content flows outward from the point ahead, past the sides, and
contracts behind.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.sphere.grid import latitude, longitude
from kiosk.sphere.padding import sphere_window

CONTEXT = 3
"""Pixels beyond a sample that cubic interpolation reads."""


class Zoom:
    """Zooms a sphere `width` pixels wide (`width` / 2 high) at its center by `factor` > 0. Zooming by f and then by g
    equals zooming by f * g."""

    def __init__(self, width: int, factor: float) -> None:
        height = width // 2
        lon = longitude(np.arange(width), width)[None]
        lat = latitude(np.arange(height), height)[:, None]
        ahead = np.cos(lat) * np.cos(lon)
        right, up = np.cos(lat) * np.sin(lon), np.sin(lat) + 0 * lon
        # Let t be the tangent of half the angle from the point ahead. A pixel of the new view samples the angle with
        # t / factor. In terms of the cosine c: t^2 = (1 - c) / (1 + c).
        squared = (1 - ahead) / np.maximum(1 + ahead, 1e-12) / factor**2
        cosine = (1 - squared) / (1 + squared)
        sideways = np.sqrt(np.maximum(1 - cosine**2, 0)) / np.maximum(np.hypot(right, up), 1e-12)
        right, up = right * sideways, up * sideways
        self._columns = ((np.arctan2(right, cosine) / (2 * math.pi) + 0.5) * width - 0.5 + CONTEXT).astype(np.float32)
        self._rows = (np.arccos(np.clip(up, -1, 1)) / math.pi * height - 0.5 + CONTEXT).astype(np.float32)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Zoom `picture`, uint8 [width / 2, width, 3], by one step."""
        height, width = picture.shape[:2]
        padded = sphere_window(picture, -CONTEXT, -CONTEXT, height + 2 * CONTEXT, width + 2 * CONTEXT)
        return cv2.remap(padded, self._columns, self._rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


class FlatZoom:
    """Zooms a plain picture [height, width, 3] at its center. Beyond its edges the picture is mirrored."""

    def __init__(self, height: int, width: int, factor: float) -> None:
        across = (np.arange(width) - (width - 1) / 2) / factor + (width - 1) / 2
        down = (np.arange(height) - (height - 1) / 2) / factor + (height - 1) / 2
        columns, rows = np.meshgrid(across.astype(np.float32), down.astype(np.float32))
        self._columns, self._rows = columns, rows

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Zoom `picture`, uint8 [height, width, 3], by one step."""
        return cv2.remap(picture, self._columns, self._rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
