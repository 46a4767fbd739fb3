"""Which piece a pixel belongs to, between the pixels of the small sphere on which pieces are laid out."""

from __future__ import annotations

import numpy as np


def grown(label: np.ndarray) -> np.ndarray:
    """The labels, with those next to the photo continued two pixels into it: its exact border lies between pixels."""
    label = label.copy()
    for _ in range(2):
        for axis, step in ((1, 1), (1, -1), (0, 1), (0, -1)):
            beside = np.roll(label, step, axis)
            take = (label == 0) & (beside > 0)
            label[take] = beside[take]
    return label


def label_at(label: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The labels, int [N], at columns and rows, float [N], of `label`, int [H, W], whose columns wrap.

    The nine pixels around a place vote, each with its share of a quadratic B-spline: borders of pieces are lines, not
    the stairs of the nearest pixels.
    """
    height, width = label.shape
    across, down = np.rint(column).astype(int), np.rint(row).astype(int)
    down, across = np.clip(down, 0, height - 1), across % width
    result = label[down, across]
    torn = np.flatnonzero(_torn(label)[down, across])
    column, row, across, down = column[torn], row[torn], across[torn], down[torn]
    columns = [(across + step) % width for step in (-1, 0, 1)]
    rows = [np.clip(down + step, 0, height - 1) for step in (-1, 0, 1)]
    votes = np.stack([label[y, x] for y in rows for x in columns])
    shares = _spline(np.clip(row - down, -0.5, 0.5))[:, None] * _spline(column - np.rint(column))[None]
    shares = shares.reshape(votes.shape)
    sums = np.stack([(shares * (votes == one)).sum(0) for one in votes])
    result[torn] = np.take_along_axis(votes, sums.argmax(0)[None], 0)[0]
    return result


def _torn(label: np.ndarray) -> np.ndarray:
    """Where not all nine pixels around one have its label, bool [H, W]."""
    around = np.pad(np.pad(label, ((0, 0), (1, 1)), mode="wrap"), ((1, 1), (0, 0)), mode="edge")
    torn = np.zeros(label.shape, bool)
    for y in range(3):
        for x in range(3):
            torn |= around[y : y + label.shape[0], x : x + label.shape[1]] != label
    return torn


def _spline(at: np.ndarray) -> np.ndarray:
    """The weights of the pixel before, the nearest one and the one after it at a distance of `at` from it, -0.5..0.5:
    [3, N]."""
    return np.stack([0.5 * (0.5 - at) ** 2, 0.75 - at**2, 0.5 * (0.5 + at) ** 2])
