"""Poolings."""

from __future__ import annotations

import numpy as np

from kiosk.forge.rules.table import Step, gradient
from kiosk.forge.rules.window import SPATIAL, Window, spread, window_of
from kiosk.forge.tape import Tensor


@gradient("MaxPool")
def max_pool(step: Step, dy: Tensor) -> Tensor:
    """y = max over each window: dy goes to the window's first largest pixel, row by row.

    Works at the pooled size. For each tap of the window: the pixels it sees (a strided slice), a 0/1 mask of where
    they are the largest, what is left of dy times the mask; the taps' gradients are then put back at their pixels.
    """
    op, tape = step.op, step.tape
    window = window_of(step)
    x = window.padded(step.input, float(np.finfo(tape.dtype).min))
    end = op("Mul", step.y.sizes(2), tape.ints(window.strides))
    gradients = []
    left = dy
    for number, (i, j) in enumerate(window.taps(), 1):
        start = tape.ints([i * window.dilations[0], j * window.dilations[1]])
        seen = op("Slice", x, start, op("Add", start, end), tape.ints(SPATIAL), tape.ints(window.strides))
        # y - seen is never negative: 1 where it is 0, else 0.
        largest = op("HardSigmoid", step.y - seen, alpha=-1e9, beta=1.0)
        gradients.append(left * largest)
        if number < len(window.taps()):
            left = left - gradients[-1]
    return window.crop(_interleave(step, gradients, window), step.input)


@gradient("AveragePool")
def average_pool(step: Step, dy: Tensor) -> Tensor:
    """y = the mean over each window: every pixel gets dy / n from each window it is in.

    n is the kernel's size, or, where there is padding, the number of pixels in the window, padding counted or not
    (count_include_pad); what ceil_mode adds after the padding never counts.
    """
    op, tape, x = step.op, step.tape, step.input
    window = window_of(step)
    channels = x.shape[1]
    if not isinstance(channels, int):
        raise step.refuse("its number of channels is not fixed")
    ones = np.ones((channels, 1, *window.kernel))
    if window.plain:
        return spread(step, dy, ones / ones[0].size, channels, window)
    one = op("Expand", tape.scalar(1.0), op("Concat", tape.ints([1, 1]), x.sizes(2), axis=0))
    counted = window.padded(one, float(step.attribute("count_include_pad", 0)), beyond=0.0)
    n = op("Conv", counted, tape.constant(ones[:1]), strides=window.strides, dilations=window.dilations)
    n = op("Slice", n, tape.ints([0, 0]), step.y.sizes(2), tape.ints(SPATIAL))
    return spread(step, dy / n, ones, channels, window)


@gradient("GlobalAveragePool")
def global_average_pool(step: Step, dy: Tensor) -> Tensor:
    """y = the mean over all positions: each gets dy / positions."""
    positions = step.tape.to_float(step.op("ReduceProd", step.input.sizes(2), keepdims=0))
    return step.op("Expand", dy / positions, step.input.sizes())


def _interleave(step: Step, gradients: list[Tensor], window: Window) -> Tensor:
    """Put the gradient of each tap at the pixels that the tap saw, adding where windows overlap.

    Tap i sees the padded positions stride * o + i * dilation: phase i * dilation % stride, in cells that are shifted
    by i * dilation // stride.
    """
    op, tape = step.op, step.tape
    (sh, sw), (dh, dw) = window.strides, window.dilations
    shift = [r // s + 1 for r, s in zip(window.reach, window.strides, strict=True)]
    phases: dict[tuple[int, int], Tensor] = {}
    for (i, j), tap in zip(window.taps(), gradients, strict=True):
        (row, r), (column, c) = divmod(i * dh, sh), divmod(j * dw, sw)
        pads = tape.ints([row, column, shift[0] - row, shift[1] - column])
        moved = op("Pad", tap, pads, None, tape.ints(SPATIAL))
        phases[r, c] = phases[r, c] + moved if (r, c) in phases else moved
    nothing = next(iter(phases.values())) * 0.0 if len(phases) < sh * sw else None
    ordered = [phases.get((r, c), nothing) for r in range(sh) for c in range(sw)]
    if (sh, sw) == (1, 1):
        return phases[0, 0]
    if sh == sw:
        return op("DepthToSpace", op("Concat", *ordered, axis=1), blocksize=sh, mode="DCR")
    # Unequal strides: interleave the columns of each row of phases, then the rows.
    axis = tape.ints([4])
    rows = []
    for r in range(sh):
        columns = [op("Unsqueeze", t, axis) for t in ordered[r * sw : (r + 1) * sw] if t is not None]
        rows.append(op("Reshape", op("Concat", *columns, axis=4), tape.ints([0, 0, 0, -1])))
    stacked = op("Concat", *[op("Unsqueeze", row, tape.ints([3])) for row in rows], axis=3)
    shape = op("Concat", tape.ints([0, 0, -1]), op("Shape", rows[0], start=3), axis=0)
    return op("Reshape", stacked, shape)
