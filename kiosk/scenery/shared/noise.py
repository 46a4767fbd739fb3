"""Periodic noise, generated once in the frequency domain and then looked up.

A lookup at any scale is one bilinear sample of four independent patterns. It uses the mipmap level that matches the
pixel's footprint, so distant texture fades to its mean instead of aliasing.
"""

from __future__ import annotations

import cv2
import numpy as np

_SIZE = 1024
_LEVELS = 8

CLOUD, DRIFT, RIDGE, GRAIN = range(4)  # channels: two soft fractals, one of sharp crests, one of fine bumps


class Noise:
    """Four periodic noise patterns with mean 0 and standard deviation 1, determined by `seed`."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        soft = [_fractal(rng, slope) for slope in (1.75, 1.75)]
        crest = np.zeros((_SIZE, _SIZE), np.float32)
        for octave in range(5):
            crest -= np.abs(_fractal(rng, 1.0, low=3 * 2**octave, high=6 * 2**octave)) * 0.55**octave
        grain = _fractal(rng, 0.9, low=12)
        channels = [*soft, (crest - crest.mean()) / crest.std(), grain]
        picture = np.stack(channels, -1).astype(np.float32)
        self._levels = []
        for level in range(_LEVELS):
            self._levels.append(np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="wrap"))
            if level + 1 < _LEVELS:
                picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

    def sample(self, u: np.ndarray, v: np.ndarray, footprint: np.ndarray | float = 0.0) -> np.ndarray:
        """Noise at `u`, `v` (float [N], period 1): float32 [N, 4]. `footprint`: width of a pixel in the same unit."""
        wanted = np.log2(np.maximum(np.asarray(footprint, np.float32) * _SIZE, 1e-3))
        level = np.clip(np.floor(wanted + 0.5), 0, _LEVELS - 1).astype(np.int8)
        if level.ndim == 0 or level.size == 0 or level.min() == level.max():
            return self._lookup(int(level.flat[0]) if level.size else 0, u, v)
        result = np.empty((len(u), 4), np.float32)
        for number in np.unique(level):
            chosen = np.flatnonzero(level == number)
            result[chosen] = self._lookup(int(number), u[chosen], v[chosen])
        return result

    def _lookup(self, level: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        size = _SIZE >> level
        count = len(u)
        if not count:
            return np.zeros((0, 4), np.float32)
        rows = -(-count // 256)
        x, y = np.zeros((2, rows * 256), np.float32)
        x[:count] = (u - np.floor(u)) * size + 0.5
        y[:count] = (v - np.floor(v)) * size + 0.5
        sampled = cv2.remap(self._levels[level], x.reshape(-1, 256), y.reshape(-1, 256), cv2.INTER_LINEAR)
        return sampled.reshape(-1, 4)[:count]


def scatter(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hash pairs of integers (arrays of one shape) to pseudorandom numbers in [0, 1), float32."""
    with np.errstate(over="ignore"):
        h = a.astype(np.int64).astype(np.uint32) * np.uint32(73856093)
        h ^= b.astype(np.int64).astype(np.uint32) * np.uint32(19349663)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0x5BD1E995)
        h ^= h >> np.uint32(15)
        h *= np.uint32(0x27D4EB2D)
        h ^= h >> np.uint32(16)
    return h.astype(np.float32) / np.float32(2**32)


def _fractal(rng: np.random.Generator, slope: float, low: float = 2, high: float = _SIZE / 3) -> np.ndarray:
    """White noise shaped to amplitude 1 / frequency^slope between `low` and `high` cycles per period."""
    spectrum = np.fft.rfft2(rng.standard_normal((_SIZE, _SIZE), dtype=np.float32))
    fy, fx = np.fft.fftfreq(_SIZE, 1 / _SIZE), np.arange(_SIZE // 2 + 1)
    frequency = np.hypot(fy[:, None], fx[None])
    gain = np.where((frequency >= low) & (frequency <= high), np.maximum(frequency, 1) ** -slope, 0)
    picture = np.fft.irfft2(spectrum * gain, s=(_SIZE, _SIZE))
    return ((picture - picture.mean()) / picture.std()).astype(np.float32)
