"""Frames on the sphere, and square windows in their tangent planes.

A direction is a unit vector: x to the right of the sphere's center, y up, z ahead. A frame is float32 [3, 3] whose rows
are its east, its north and its outward direction. Turning one frame onto another is a rigid turn of the sphere, so what
is copied by it keeps its shape and size everywhere, at the poles too.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from kiosk.sphere.grid import latitude, longitude


def frame(lon: float, lat: float) -> np.ndarray:
    """The frame at a longitude and latitude in radians, float32 [3, 3]."""
    cos_lon, sin_lon, cos_lat, sin_lat = math.cos(lon), math.sin(lon), math.cos(lat), math.sin(lat)
    east = (cos_lon, 0, -sin_lon)
    north = (-sin_lat * sin_lon, cos_lat, -sin_lat * cos_lon)
    return np.array((east, north, (cos_lat * sin_lon, sin_lat, cos_lat * cos_lon)), np.float32)


def frames(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """The frames at many places, [N] each, float32 [N, 3, 3]."""
    zero, cos_lon, sin_lon, cos_lat, sin_lat = np.zeros_like(lon), np.cos(lon), np.sin(lon), np.cos(lat), np.sin(lat)
    east = np.stack([cos_lon, zero, -sin_lon], -1)
    north = np.stack([-sin_lat * sin_lon, cos_lat, -sin_lat * cos_lon], -1)
    out = np.stack([cos_lat * sin_lon, sin_lat, cos_lat * cos_lon], -1)
    return np.stack([east, north, out], -2).astype(np.float32)


def directions(width: int, rows: slice = slice(None)) -> np.ndarray:
    """The directions of the pixels in `rows` of a sphere `width` pixels wide, float32 [h, width, 3]."""
    height = width // 2
    lon = longitude(np.arange(width, dtype=np.float32), width)[None]
    lat = latitude(np.arange(height, dtype=np.float32)[rows], height)[:, None]
    flat = np.cos(lat)
    return np.stack([flat * np.sin(lon), np.broadcast_to(np.sin(lat), (len(lat), width)), flat * np.cos(lon)], -1)


def pixels(toward: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The column and row, float32, at which `toward` [..., 3] lies on a sphere `width` pixels wide."""
    x, y, z = toward[..., 0], toward[..., 1], toward[..., 2]
    column = (np.arctan2(x, z) / (2 * np.pi) + 0.5) * width - 0.5
    row = (0.5 - np.arcsin(np.clip(y, -1, 1)) / np.pi) * (width // 2) - 0.5
    return column.astype(np.float32), row.astype(np.float32)


@functools.lru_cache
def window(reach: float, side: int) -> np.ndarray:
    """The directions of a window of `side` x `side` points in a frame of its own, row 0 in the north, float32 [side,
    side, 3]. `reach`: radians from its middle to the middle of its edges."""
    across = ((np.arange(side) + 0.5) / side * 2 - 1) * np.tan(reach)
    u, v = np.meshgrid(across, -across)
    toward = np.stack([u, v, np.ones_like(u)], -1)
    return (toward / np.linalg.norm(toward, axis=-1, keepdims=True)).astype(np.float32)
