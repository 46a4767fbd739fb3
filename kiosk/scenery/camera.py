"""The equirectangular camera: adaptive supersampling, and a filmic tone curve for bright scenes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from kiosk.errors import BadInput
from kiosk.scenery.shared.shaping import vector
from kiosk.sphere.grid import latitude, longitude

_BLOCK = 1 << 17  # rays at a time; limits memory to about 100 MB per thread
# Four samples on a rotated grid, each in its own row and column.
_SUBPIXELS = ((0.125, 0.375), (0.375, -0.125), (-0.125, -0.375), (-0.375, 0.125))


class Scene(Protocol):
    """A scene that can be ray-cast."""

    eye: np.ndarray
    heading: float  # direction of the photo's center, radians to the right of the scene's +z
    exposure: float

    def radiance(self, o: np.ndarray, d: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
        """Radiance in linear RGB [N, 3] and an object id [N] for rays from `o` along `d` (float32 [N, 3])."""
        ...


def photograph(
    scene: Scene, width: int, progress: Callable[[float], None] | None = None, threads: int | None = None
) -> np.ndarray:
    """Take an equirectangular photo of `scene`: uint8 [width / 2, width, 3], RGB. Row 0 is the zenith; column 0 starts
    at longitude -180 degrees.

    Each pixel gets one ray. Pixels whose neighbors show another object or differ much in brightness are then sampled
    again with four rays. `progress` gets the fraction done, 0..1. The result does not depend on the number of threads.
    Raises BadInput for a width that is odd or outside 64..16384.
    """
    if width % 2 or not 64 <= width <= 16384:
        raise BadInput(f"the width must be an even number from 64 to 16384, not {width}", "width")
    height = width // 2
    pixel = 2 * np.pi / width
    film = np.empty((height, width, 3), np.float32)
    seen = np.empty((height, width), np.int32)
    rows = max(1, _BLOCK // width)
    blocks = [(top, min(height, top + rows)) for top in range(0, height, rows)]

    def first(block: tuple[int, int]) -> None:
        y, x = np.mgrid[block[0] : block[1], 0:width]
        color, what = _look(scene, x.ravel(), y.ravel(), width, pixel)
        film[block[0] : block[1]] = color.reshape(-1, width, 3)
        seen[block[0] : block[1]] = what.reshape(-1, width)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for number, _ in enumerate(pool.map(first, blocks)):
            if progress:
                progress(0.55 * (number + 1) / len(blocks))
        again = np.flatnonzero(_uneven(film, seen))
        parts = list(_chunks(again, _BLOCK // 4))

        def second(part: np.ndarray) -> None:
            y, x = np.divmod(part, width)
            total = np.zeros((len(part), 3), np.float32)
            for dx, dy in _SUBPIXELS:
                total += _look(scene, x + dx, y + dy, width, pixel * 0.6)[0]
            film.reshape(-1, 3)[part] = total / len(_SUBPIXELS)

        for number, _ in enumerate(pool.map(second, parts)):
            if progress:
                progress(0.55 + 0.45 * (number + 1) / len(parts))
    return np.clip(np.rint(film * 255), 0, 255).astype(np.uint8)


def view(scene: Scene, yaw: float, pitch: float, fov: float, width: int, height: int) -> np.ndarray:
    """Take a rectilinear picture, uint8 [height, width, 3]. `yaw` (right), `pitch` (up) and `fov` (horizontal) are in
    degrees."""
    half = np.tan(np.radians(fov / 2))
    total = np.zeros((height * width, 3), np.float32)
    for dx, dy in _SUBPIXELS:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        u = ((x + 0.5 + dx) / width * 2 - 1) * half
        v = (1 - (y + 0.5 + dy) / height * 2) * half * height / width
        d = np.stack([u.ravel(), v.ravel(), np.ones(u.size, np.float32)], -1)
        d /= np.sqrt((d**2).sum(1))[:, None]
        p, q = np.radians(pitch), np.radians(yaw) + scene.heading
        d = d @ np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]], np.float32)
        d = d @ np.array([[np.cos(q), 0, -np.sin(q)], [0, 1, 0], [np.sin(q), 0, np.cos(q)]], np.float32)
        for part in _chunks(np.arange(len(d)), _BLOCK):
            o = np.broadcast_to(scene.eye, (len(part), 3))
            color, _ = scene.radiance(o, np.ascontiguousarray(d[part], np.float32), 2 * half / width)
            total[part] += _develop(color, scene.exposure)
    return np.clip(np.rint(total / 4 * 255), 0, 255).astype(np.uint8).reshape(height, width, 3)


def _look(scene: Scene, x, y, width: int, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    lon = longitude(np.asarray(x, np.float64), width) + scene.heading
    lat = latitude(np.asarray(y, np.float64), width // 2)
    flat = np.cos(lat)
    d = np.stack([flat * np.sin(lon), np.sin(lat), flat * np.cos(lon)], -1).astype(np.float32)
    color, what = scene.radiance(np.broadcast_to(scene.eye, d.shape), d, pixel)
    return _develop(color, scene.exposure), what


def _develop(color: np.ndarray, exposure: float) -> np.ndarray:
    """Convert linear light to sRGB values 0..1 with a filmic curve (Narkowicz's fit of the ACES reference
    transform)."""
    x = np.maximum(color, 0) * np.float32(exposure)
    x = np.clip((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-6) ** (1 / 2.4) - 0.055).astype(np.float32)


def _uneven(film: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Bool [H, W]: pixels at the edge of an object, or much brighter or darker than a neighbor."""
    luma = film @ vector(0.3, 0.59, 0.11)
    uneven = np.zeros(seen.shape, bool)
    for axis in (0, 1):
        step = np.diff(luma, axis=axis, append=luma[:1] if axis == 0 else luma[:, :1])
        other = np.diff(seen, axis=axis, append=seen[:1] if axis == 0 else seen[:, :1]) != 0
        edge = (np.abs(step) > 0.11) | (other & (np.abs(step) > 0.03))
        if axis == 0:
            edge[-1] = False
        uneven |= edge | np.roll(edge, 1, axis)
    return uneven


def _chunks(numbers: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
