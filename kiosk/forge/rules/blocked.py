"""Gradient rules for CPUs that use only operations that ONNX Runtime runs in its blocked layout.

ONNX Runtime's CPU convolutions work on blocks of 8 or 16 channels. Convolutions, max pools, additions, multiplications
and ReLUs keep this layout. Any other operation, even a slice, first reorders the whole tensor, and most such kernels
are slower than the convolutions around them. So a strided slice becomes a depthwise convolution with a single 1, a
difference one with -1, and a mask the activation of such a convolution; each is one pass over memory. Where these rules
apply they replace the default ones.

What belongs in this file is decided by the time of a whole SqueezeNet step (`tests/bench/bench_dream.py step`).
"""

from __future__ import annotations

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules import activations, convolution, inverted, pooling
from kiosk.forge.rules.phases import STEEP, Phased, applies, depthwise, interleave
from kiosk.forge.rules.table import RULES, Entry, Step
from kiosk.forge.rules.window import Window, window_of


def difference(a: Tensor, b: Tensor, channels: int) -> Tensor:
    """a - b"""
    return depthwise(b, channels, [[-1.0]]) + a


def equals(seen: Tensor, largest: Tensor) -> Tensor:
    """1 where -`seen` equals `largest`, else 0. `seen` holds negated values that are nowhere larger than `largest`."""
    return seen.tape.op("HardSigmoid", seen + largest, alpha=-STEEP, beta=1.0)


def relu(step: Step, dy: Tensor) -> Tensor:
    """y = max(0, x); the slope at 0 is 0."""
    if not applies(step.y):
        return activations.relu(step, dy)
    positive = depthwise(step.y, step.y.shape[1], [[1.0]])  # type: ignore[arg-type]
    return dy * step.op("HardSigmoid", positive, alpha=STEEP, beta=0.0)


def max_pool(step: Step, dy: Tensor) -> Tensor:
    """3x3 windows with stride 2: the maximum of three columns in each row, then of three such rows.

    Backward, dy goes to the first row with the maximum, and within it to the first column with the maximum, which is
    autograd's choice on ties. Everything is computed at the size of the pooled picture.
    """
    x = step.input
    window = window_of(step)
    if window.kernel != (3, 3) or window.strides != (2, 2) or not window.plain or not applies(x):
        return pooling.max_pool(step, dy)
    channels = x.shape[1]
    assert isinstance(channels, int)

    def pick(t: Tensor, row: int, column: int, value: float, strides: list[int]) -> Tensor:
        """Every second row and column, starting at `row` and `column`, padded with 0 if there are fewer odd ones."""
        kernel = np.zeros((row + 1, column + 1))
        kernel[row, column] = value
        return depthwise(t, channels, kernel.tolist(), strides=strides, pads=[0, 0, row, column])

    def first_second_third(whole: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        to_first = whole * first
        left = difference(whole, to_first, channels)
        to_second = left * second
        return to_first, to_second, difference(left, to_second, channels)

    # Add one window in both axes, so that all following tensors have the size of the picture's even rows. The gradient
    # of the extra windows is 0.
    widest = step.op("MaxPool", x, kernel_shape=[1, 3], strides=[1, 2], pads=[0, 0, 0, 2])
    largest = step.op("MaxPool", widest, kernel_shape=[3, 1], strides=[2, 1], pads=[0, 0, 2, 0])
    given = depthwise(dy, channels, [[1.0]], pads=[0, 0, 1, 1])
    by_row = [equals(pick(widest, row, 0, -1.0, [2, 1]), largest) for row in (0, 1)]
    first, second, third = first_second_third(given, *by_row)
    # Even rows are the first row of window m and the third of window m - 1.
    rows = (depthwise(third, channels, [[1.0], [0.0]], pads=[1, 0, 0, 0]) + first, second)
    phases: dict[tuple[int, int], Tensor] = {}
    for a, given in enumerate(rows):
        in_row = pick(widest, a, 0, 1.0, [2, 1])
        by_column = [equals(pick(x, a, column, -1.0, [2, 2]), in_row) for column in (0, 1)]
        first, second, third = first_second_third(given, *by_column)
        phases[a, 0] = depthwise(third, channels, [[1.0, 0.0]], pads=[0, 1, 0, 0]) + first
        phases[a, 1] = second
    return Phased(step.tape, phases, x)


def conv(step: Step, dy: Tensor) -> Tensor:
    """y = W * x + b. A gradient in phases is read directly; dx, which has fewer channels, is interleaved instead."""
    weights = step.arg(1).value
    window = None if weights is None else window_of(step, weights.shape[2:])
    if weights is not None and window and inverted.halves(weights, step.attribute("group", 1), window, step.input):
        return inverted.phased(step, dy, weights, window)
    if (
        not isinstance(dy, Phased)
        or weights is None
        or not (dy.clean or weights.shape[2:] == (1, 1))
        or not isinstance(window, Window)
        or window.before is None
        or window.after is None
        or window.dilations != (1, 1)
        or window.strides[0] != window.strides[1]
        or step.attribute("group", 1) != 1
    ):
        return convolution.conv(step, dy)
    return interleave(dy, weights, window.strides[0], window.before, step.input, window.after)


BLOCKED: dict[str, Entry] = {
    **RULES,
    "Clip": Entry(inverted.clip, (0,)),
    "Relu": Entry(relu, (0,)),
    "MaxPool": Entry(max_pool, (0,)),
    "Conv": Entry(conv, (0,)),
}
"""The table of gradient rules with these in place of the default ones."""
