"""Gradient rules for CPUs that use only operations that ONNX Runtime runs in its blocked layout.

ONNX Runtime's CPU convolutions work on blocks of 8 or 16 channels. Convolutions, max pools, additions, multiplications
and ReLUs keep this layout. Any other operation, even a slice, first reorders the whole tensor, and most such kernels
are slower than the convolutions around them. So a strided slice becomes a depthwise convolution with a single 1, a
difference one with -1, and a mask the activation of such a convolution; each is one pass over memory. Where these rules
apply they replace the default ones.

What belongs in this file is decided by the time of a whole SqueezeNet step (`tests/bench/bench_dream.py step`).
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Hashable
from functools import cached_property
from typing import Any

import numpy as np

from kiosk.forge.gradient.tape import Tape, Tensor
from kiosk.forge.rules import convolution, elementwise, pooling
from kiosk.forge.rules.table import RULES, Entry, Step
from kiosk.forge.rules.window import Window, window_of

BLOCK = 16
"""Channels per block on AVX-512; a multiple of the 8 on other machines."""
STEEP = 1e9
"""Slope of a hard sigmoid used as a mask: it is 0 or 1 except for values between 0 and 1e-9."""


class Lazy(Tensor, ABC):
    """A gradient in another layout. It is converted to the usual layout once, when its name is first used."""

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape, "")

    @property
    def name(self) -> str:
        return self._usual.name

    @name.setter
    def name(self, value: str) -> None:
        """Ignored: the name is set by the conversion to the usual layout."""

    @cached_property
    def _usual(self) -> Tensor:
        return self._brought()

    @abstractmethod
    def _brought(self) -> Tensor:
        """Convert the gradient to the usual layout. Called at most once."""


class Phased(Lazy):
    """A gradient [1,C,H,W] stored as four phases: (a, b) -> the pixels in rows 2m + a and columns 2n + b.

    All phases have ceil(H / 2) x ceil(W / 2) cells; cells beyond the picture are 0. A convolution can read the phases
    directly.
    """

    def __init__(self, tape: Tape, phases: dict[tuple[int, int], Tensor], whole: Tensor) -> None:
        super().__init__(tape)
        self.phases = phases
        self._whole = whole

    def _brought(self) -> Tensor:
        channels = self._whole.shape[1]
        assert isinstance(channels, int)
        identity = np.eye(channels, dtype=self.tape.dtype)[:, :, None, None]
        return interleave(self, identity, 1, (0, 0), self._whole)


class Cells(Lazy):
    """A gradient of `whole` [1,C,H,W] in cells of 2 x 2 quarters with `side` x `side` pixels each: one tensor
    [1,side * side * C,h,w] per quarter, with its pixels as channels.

    Gradients of the same `kind` have equal h and w and are added in this layout. `complete`: the cells cover the whole
    picture; otherwise rows and columns of zeros are missing at its end.
    """

    def __init__(self, quarters: list[Tensor], side: int, whole: Tensor, kind: Hashable, complete: bool) -> None:
        super().__init__(quarters[0].tape)
        self._quarters, self._side, self._whole, self._kind, self._complete = quarters, side, whole, kind, complete

    def __add__(self, other: Tensor | float) -> Tensor:
        if isinstance(other, Cells) and other._kind == self._kind:
            quarters = [a + b for a, b in zip(self._quarters, other._quarters, strict=True)]
            return Cells(quarters, self._side, self._whole, self._kind, self._complete)
        return super().__add__(other)

    def _brought(self) -> Tensor:
        tape, side = self.tape, self._side
        channels = tape.op("Concat", *self._quarters, axis=1)
        if side > 1:
            # Reorder from (quarter, pixel within quarter) to rows and columns within the cell.
            order = np.arange(4 * side * side * self._channels).reshape(2, 2, side, side, -1).transpose(0, 2, 1, 3, 4)
            channels = tape.op("Gather", channels, tape.ints(order.ravel().tolist()), axis=1)
        pixels = tape.op("DepthToSpace", channels, blocksize=2 * side, mode="DCR")
        if not self._complete:
            missing = tape.op("Max", tape.op("Sub", self._whole.sizes(2), pixels.sizes(2)), tape.ints([0, 0]))
            pads = tape.op("Concat", tape.ints([0, 0]), missing, axis=0)
            pixels = tape.op("Pad", pixels, pads, None, tape.ints([2, 3]))
        return tape.op("Slice", pixels, tape.ints([0, 0]), self._whole.sizes(2), tape.ints([2, 3]))

    @property
    def _channels(self) -> int:
        channels = self._whole.shape[1]
        assert isinstance(channels, int)
        return channels


def applies(x: Tensor) -> bool:
    """Whether the number of channels of x is a multiple of BLOCK."""
    try:
        return x.rank == 4 and isinstance(x.shape[1], int) and x.shape[1] % BLOCK == 0
    except ValueError:
        return False


def depthwise(x: Tensor, channels: int, kernel: list[list[float]], **attributes: Any) -> Tensor:
    """Filter every channel of x with the same `kernel`."""
    taps = np.array(kernel, x.tape.dtype)
    weights = x.tape.constant(np.broadcast_to(taps, (channels, 1, *taps.shape)), "taps")
    return x.tape.op("Conv", x, weights, group=channels, kernel_shape=list(taps.shape), **attributes)


def difference(a: Tensor, b: Tensor, channels: int) -> Tensor:
    """a - b"""
    return depthwise(b, channels, [[-1.0]]) + a


def equals(seen: Tensor, largest: Tensor) -> Tensor:
    """1 where -`seen` equals `largest`, else 0. `seen` holds negated values that are nowhere larger than `largest`."""
    return seen.tape.op("HardSigmoid", seen + largest, alpha=-STEEP, beta=1.0)


def relu(step: Step, dy: Tensor) -> Tensor:
    """y = max(0, x); the slope at 0 is 0."""
    if not applies(step.y):
        return elementwise.relu(step, dy)
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
    if (
        not isinstance(dy, Phased)
        or weights is None
        or not isinstance(window, Window)
        or window.before is None
        or window.after is None
        or window.dilations != (1, 1)
        or window.strides[0] != window.strides[1]
        or step.attribute("group", 1) != 1
    ):
        return convolution.conv(step, dy)
    return interleave(dy, weights, window.strides[0], window.before, step.input, window.after)


def interleave(
    dy: Phased,
    weights: np.ndarray,
    stride: int,
    before: tuple[int, int],
    x: Tensor,
    after: tuple[int, int] = (0, 0),
) -> Cells:
    """The transposed convolution (weights [M,C,kh,kw], padding `before` and `after` the picture x) of a gradient in
    phases.

    Row o = 2n + a of dy reaches row stride * o + k - before of x through tap k. With 2 * stride rows per cell of x,
    that is row q of cell m, where q + 2 * stride * (m - n) = stride * a + k - before. So each phase contributes to each
    quarter of x's cells by a convolution that outputs the quarter's pixels as channels. (One convolution to whole cells
    would multiply mostly zeros, because few taps of a phase reach all quarters of the same cell.)
    """
    tape = dy.tape
    made, (_, inputs, *kernel) = weights.shape[0], weights.shape

    def reaches(axis: int, phase: int, half: int) -> list[tuple[int, int, int]]:
        """(tap, row within this half of the cell, offset of x's cell from dy's)"""
        rows = [(k, stride * phase + k - before[axis]) for k in range(kernel[axis])]
        places = [(k, row % (2 * stride), row // (2 * stride)) for k, row in rows]
        return [(k, q - half * stride, cell) for k, q, cell in places if q // stride == half]

    def more(axis: int) -> int:
        """Number of cells of x beyond those of dy. Phase 1 ends one nonzero cell earlier, but phase 0 may reach
        farther; if all taps reach the next cell, there is one more."""
        cells = [(phase, [cell for *_, cell in reaches(axis, phase, half)]) for phase in (0, 1) for half in (0, 1)]
        return max([0, *(n for phase, found in cells if found for n in (max(found) - phase, min(found)))])

    extra = [more(0), more(1)]
    quarters: list[Tensor] = []
    for halves in itertools.product((0, 1), repeat=2):
        total: Tensor | None = None
        for phase, part in dy.phases.items():
            reach = [reaches(axis, phase[axis], halves[axis]) for axis in (0, 1)]
            if not all(reach):
                continue
            lowest = [min(beyond, *(cell for *_, cell in axis)) for axis, beyond in zip(reach, extra, strict=True)]
            highest = [max(0, *(cell for *_, cell in axis)) for axis in reach]
            spans = [high - low + 1 for low, high in zip(lowest, highest, strict=True)]
            taps = np.zeros((stride, stride, inputs, made, *spans), weights.dtype)
            for i, q, down in reach[0]:
                for j, p, right in reach[1]:
                    # Cell m of x reads cell m - down of dy, so larger offsets use earlier taps.
                    taps[q, p, :, :, highest[0] - down, highest[1] - right] = weights[:, :, i, j].T
            pads = [*highest, *(beyond - low for low, beyond in zip(lowest, extra, strict=True))]
            taps = taps.reshape(stride * stride * inputs, made, *spans)
            grown = tape.op("Conv", part, tape.constant(taps, "phases"), kernel_shape=spans, pads=pads)
            total = grown if total is None else grown + total
        assert total is not None, "tap 0 of phases 0 and 1 is a half apart"
        quarters.append(total)
    # Two gradients of x have the same number of cells if both convolutions keep the picture's size.
    same = stride == 1 and all(a + b == k - 1 for a, b, k in zip(before, after, kernel, strict=True))
    kind = (stride, *extra) if same else object()
    # With a stride, no window may read the last rows.
    return Cells(quarters, stride, x, kind, complete=stride == 1)


BLOCKED: dict[str, Entry] = {
    **RULES,
    "Relu": Entry(relu, (0,)),
    "MaxPool": Entry(max_pool, (0,)),
    "Conv": Entry(conv, (0,)),
}
"""The table of gradient rules with these in place of the default ones."""
