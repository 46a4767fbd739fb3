"""Render a rectilinear view of an equirectangular picture, as seen from inside the sphere."""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.sphere.grid import latitude, longitude


def rectilinear(
    picture: np.ndarray, width: int, height: int, *, yaw: float = 0.0, pitch: float = 0.0, fov: float = 90.0
) -> np.ndarray:
    """Render a view [height, width, 3] of `picture` [H, 2 H, 3], in the same dtype.

    `yaw` (to the right of the picture's center) and `pitch` (up) are in degrees; `fov` is the horizontal field of view,
    degrees in (0, 180). If the picture has more detail than the view can show, it is reduced first to avoid aliasing.
    """
    half = math.tan(math.radians(fov / 2))
    # Sphere pixels per view pixel at the center of the view.
    density = picture.shape[1] / (2 * math.pi) * 2 * half / width
    if density > 1.5:
        size = (max(2, round(picture.shape[1] / density)), max(1, round(picture.shape[0] / density)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    rows, columns = picture.shape[:2]
    across = (np.arange(width) + 0.5) / width * 2 - 1
    down = (np.arange(height) + 0.5) / height * 2 - 1
    x, v = np.meshgrid(across * half, -down * half * height / width)
    tilt = math.radians(pitch)
    y, z = v * math.cos(tilt) + math.sin(tilt), math.cos(tilt) - v * math.sin(tilt)
    longitude, latitude = np.arctan2(x, z) + math.radians(yaw), np.arctan2(y, np.hypot(x, z))
    column = ((longitude / (2 * math.pi) + 0.5) % 1 * columns - 0.5).astype(np.float32)
    row = np.clip((0.5 - latitude / math.pi) * rows - 0.5, 0, rows - 1).astype(np.float32)
    # OpenCV's remap does not interpolate across the wrapped edge without an extra column on each side.
    padded = np.concatenate([picture[:, -1:], picture, picture[:, :1]], axis=1)
    return cv2.remap(padded, column + 1, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def onto_sphere(seen: np.ndarray, width: int, *, yaw: float = 0.0, pitch: float = 0.0, fov: float = 90.0) -> np.ndarray:
    """The reverse of `rectilinear`: put a square view (float32 [s, s]) where it was seen on a sphere's picture, float32
    [width / 2, width]; 0 elsewhere. Angles as in `rectilinear`."""
    side, height = seen.shape[0], width // 2
    half = math.tan(math.radians(fov / 2))
    angle = longitude(np.arange(width, dtype=np.float32), width)[None] - math.radians(yaw)
    lat = latitude(np.arange(height, dtype=np.float32), height)[:, None]
    tilt = math.radians(pitch)
    x, level = np.cos(lat) * np.sin(angle), np.cos(lat) * np.cos(angle)
    y = np.sin(lat)
    ahead = level * math.cos(tilt) + y * math.sin(tilt)
    up = y * math.cos(tilt) - level * math.sin(tilt)
    before = ahead > 1e-3
    ahead = np.where(before, ahead, 1)
    column = np.where(before, (x / ahead / half + 1) * side / 2 - 0.5, -9)
    row = np.where(before, (1 - up / ahead / half) * side / 2 - 0.5, -9)
    return cv2.remap(
        seen, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
