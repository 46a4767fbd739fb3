"""A photo's canonical yaw: where it begins, whatever way it was turned when it came in.

The network is not symmetric, tiles have borders, and a polar chart has an orientation; so a dream of a turned photo
would not be the turned dream. Turning every photo to its canonical yaw first, and back afterwards, makes it so, to the
last bit, for a turn by any whole number of columns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STRIP = 256
"""rows that are added up at a time."""


def canonical_yaw(photo: np.ndarray, step: int = 1, *, release: Callable[[np.ndarray], None] | None = None) -> int:
    """The column of a uint8 photo [H, W, 3] that is to become column 0; a multiple of `step`, which divides W.

    It is the column (of those) that begins the largest of all rotations of the sequence of column sums (integers, so
    exact), compared as words are: first column first. Photos that differ by a turn (by multiples of `step`) get the
    same beginning; if the sums repeat all around, then so, but for chance, does the photo, and any choice is right.
    `release` is called with the photo now and then while it is read.
    """
    # Position-dependent weights: a column and its mirror image, or two columns of equal mean, must not tie.
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
    """A photo [H, W, 3] seen as if it began at another column, without a copy of it.

    Indexed by rows, or by rows and columns (slices), it gives an array of its own.
    """

    def __init__(self, photo: np.ndarray, first: int) -> None:
        self._photo, self._first = photo, first
        self.shape = photo.shape

    def __getitem__(self, key: slice | tuple[slice, slice]) -> np.ndarray:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        return np.roll(self._photo[rows], -self._first, axis=1)[:, columns]
