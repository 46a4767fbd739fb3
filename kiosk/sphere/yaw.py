"""A photo's canonical yaw: a starting column that depends on the content, not on how the photo is rolled.

Networks are not symmetric, tiles have borders, and polar charts have an orientation, so dreaming a rolled photo would
not give the rolled dream. Rolling every photo to its canonical yaw first, and back at the end, makes the results
identical to the last bit for any roll by whole columns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STRIP = 256
"""Rows summed at a time."""


def canonical_yaw(photo: np.ndarray, step: int = 1, *, release: Callable[[np.ndarray], None] | None = None) -> int:
    """The column of a uint8 photo [H, W, 3] that becomes column 0: a multiple of `step`, which must divide W.

    It starts the lexicographically largest rotation of the sequence of column sums, which are exact integers. Photos
    that differ by a roll (by a multiple of `step`) get the same start. If the sums are periodic, the photo almost
    certainly is too, and any choice is right. `release(photo)` is called while reading, to let go of mapped pages.
    """
    # Row-dependent weights, so that a column does not tie with its mirror image or with one of equal mean.
    rows = np.arange(1, photo.shape[0] + 1, dtype=np.int64) * 7 % 251 + 1
    sums = np.zeros(photo.shape[1], np.int64)
    for top in range(0, len(rows), STRIP):
        part = slice(top, top + STRIP)
        sums += np.einsum("hwc,h->w", photo[part], rows[part], dtype=np.int64)
        if release:
            release(photo)
    candidates = np.flatnonzero(sums[::step] == sums[::step].max()) * step
    offset = 1
    while len(candidates) > 1 and offset < len(sums):
        following = sums[(candidates + offset) % len(sums)]
        candidates = candidates[following == following.max()]
        offset += 1
    return int(candidates[0])


class Turned:
    """A rolled view of a photo [H, W, 3] that starts at column `first`, without copying the photo.

    Indexing with a slice of rows, or slices of rows and columns, returns a new array.
    """

    def __init__(self, photo: np.ndarray, first: int) -> None:
        self._photo, self._first = photo, first
        self.shape = photo.shape

    def __getitem__(self, key: slice | tuple[slice, slice]) -> np.ndarray:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return np.roll(self._photo[rows], -self._first, axis=1)[:, columns]
