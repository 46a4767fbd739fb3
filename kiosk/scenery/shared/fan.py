"""An index of rays from one point, sorted by direction, to find the rays that could hit an object."""

from __future__ import annotations

import numpy as np

_BINS = 720


class Fan:
    """Index of rays from the common origin `o` [3] along unit directions `d` (float32 [N, 3])."""

    def __init__(self, o: np.ndarray, d: np.ndarray) -> None:
        self._o = o.astype(np.float64)
        turn = np.arctan2(d[:, 0], d[:, 2]) * np.float32(_BINS / (2 * np.pi)) + np.float32(_BINS / 2)
        bins = np.clip(turn.astype(np.int16), 0, _BINS - 1)
        self._order = np.argsort(bins, kind="stable")
        self._starts = np.append(0, np.cumsum(np.bincount(bins, minlength=_BINS)))
        self._low, self._high = float(d[:, 1].min()), float(d[:, 1].max())

    def towards(self, foot: np.ndarray, reach: float, height: float) -> np.ndarray:
        """Indices of the rays that may hit a vertical cylinder with `foot` [3] on its axis, radius `reach` and
        `height`."""
        x, y, z = foot.astype(np.float64) - self._o
        distance = float(np.hypot(x, z))
        if distance <= reach * 1.01:
            return self._order
        near, far = distance - reach, distance + reach
        top, bottom = y + height, y
        high = top / np.hypot(top, near if top > 0 else far)
        low = bottom / np.hypot(bottom, near if bottom < 0 else far)
        if high < self._low or low > self._high:
            return self._order[:0]
        middle = np.arctan2(x, z) * _BINS / (2 * np.pi) + _BINS / 2
        half = np.arcsin(reach / distance) * _BINS / (2 * np.pi)
        first, last = int(np.floor(middle - half)), int(np.floor(middle + half))
        parts = []
        for start, stop in ((first, last + 1), (first + _BINS, last + 1 + _BINS), (first - _BINS, last + 1 - _BINS)):
            a, b = max(start, 0), min(stop, _BINS)
            if a < b:
                parts.append(self._order[self._starts[a] : self._starts[b]])
        return np.concatenate(parts) if len(parts) > 1 else parts[0]
