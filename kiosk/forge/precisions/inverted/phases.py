"""The gradient of a depthwise convolution with stride 2, in four phases: whether row and column are odd."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiosk.forge.precisions.inverted.network import Convolution

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Phase:
    """The convolution [C, 1, h, w] with stride 1 that gives the gradient of one phase, and its pads."""

    row: int
    """0: even rows, 1: odd ones."""
    column: int
    kernel: np.ndarray
    pads: list[int]

    @property
    def name(self) -> str:
        return f"phase{self.row}{self.column}"


def phases_of(conv: Convolution) -> list[Phase]:
    """The phases of the transposed depthwise convolution. Each gives one row and one column more than its input has.

    Row 2m + a of x is read by row o of the gradient through tap k = 2m + a + before - 2o.
    """
    side = conv.kernel.shape[2]
    found = []
    for phase in PHASES:
        taps, pads = [], []
        for axis in (0, 1):
            before = conv.pads[axis]
            chosen = range((phase[axis] + before) % 2, side, 2)
            # Tap k reads the gradient's row m + offset: later taps read earlier rows.
            offsets = [(phase[axis] + before - k) // 2 for k in chosen]
            taps.append(list(chosen)[::-1])
            pads.append((-min(offsets), max(offsets) + 1))
        kernel = conv.kernel[:, :, taps[0]][:, :, :, taps[1]]
        sides = [pads[0][0], pads[1][0], pads[0][1], pads[1][1]]
        found.append(Phase(*phase, kernel, sides))
    return found
