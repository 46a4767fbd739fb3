"""The same gradients in the only operations that ONNX Runtime keeps in its blocked layout on CPUs.

ONNX Runtime's CPU convolutions work on blocks of 8 or 16 channels. A convolution, max pool, addition, multiplication or
ReLU passes blocks on; anything else, even a slice, first has the whole tensor reordered, and most such kernels are
slower than the convolutions around them. So here a strided slice is a depthwise convolution with a single 1, a
difference one with -1, and a mask the activation of such a convolution: ONNX Runtime makes one pass over memory of
each. These rules take precedence over the plain ones where they apply, and leave the rest to them.

Time of a whole SqueezeNet step, in tests/bench/bench_gradient.py, is what decides over what is in this file.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from kiosk.forge.rules import convolution, elementwise, pooling
from kiosk.forge.rules.table import RULES, Entry, Step
from kiosk.forge.rules.window import Window, window_of
from kiosk.forge.tape import Tape, Tensor

BLOCK = 16
"""Channels in a block on AVX-512; blocks of 8, on other machines, divide it."""
STEEP = 1e9
"""Slope of a hard sigmoid that serves as a mask: 0 or 1 for all but differences of a billionth."""


class Phased(Tensor):
    """A gradient [1,C,H,W] held as its four phases: (a, b) -> the pixels in rows 2m + a and columns 2n + b.

    Phase 0 of an axis has `windows` + 1 cells, phase 1 `windows`. A convolution can read the phases as they are; for
    anyone else they are interleaved, once, when the name is asked for.
    """

    def __init__(self, tape: Tape, phases: dict[tuple[int, int], Tensor], whole: Tensor) -> None:
        super().__init__(tape, "")
        self.phases = phases
        self._whole = whole

    @property
    def name(self) -> str:
        return self._merged.name

    @name.setter
    def name(self, value: str) -> None:
        """Named when it is merged."""

    @cached_property
    def _merged(self) -> Tensor:
        channels = self._whole.shape[1]
        assert isinstance(channels, int)
        identity = np.eye(channels, dtype=self.tape.dtype)[:, :, None, None]
        return interleave(self, identity, 1, (0, 0), self._whole)


def applies(x: Tensor) -> bool:
    """Whether the channels of x come in whole blocks."""
    try:
        return x.rank == 4 and isinstance(x.shape[1], int) and x.shape[1] % BLOCK == 0
    except ValueError:
        return False


def depthwise(x: Tensor, channels: int, kernel: list[list[float]], **attributes: Any) -> Tensor:
    """Every channel of x filtered with the same `kernel`."""
    taps = np.array(kernel, x.tape.dtype)
    weights = x.tape.constant(np.broadcast_to(taps, (channels, 1, *taps.shape)), "taps")
    return x.tape.op("Conv", x, weights, group=channels, kernel_shape=list(taps.shape), **attributes)


def difference(a: Tensor, b: Tensor, channels: int) -> Tensor:
    """a - b"""
    return depthwise(b, channels, [[-1.0]]) + a


def equals(seen: Tensor, largest: Tensor) -> Tensor:
    """1 where -`seen` + `largest` is 0, else 0; `seen` is the negative of values that are nowhere larger."""
    return seen.tape.op("HardSigmoid", seen + largest, alpha=-STEEP, beta=1.0)


def relu(step: Step, dy: Tensor) -> Tensor:
    """y = max(0, x); the slope at 0 is 0."""
    if not applies(step.y):
        return elementwise.relu(step, dy)
    positive = depthwise(step.y, step.y.shape[1], [[1.0]])  # type: ignore[arg-type]
    return dy * step.op("HardSigmoid", positive, alpha=STEEP, beta=0.0)


def max_pool(step: Step, dy: Tensor) -> Tensor:
    """3x3 windows with stride 2: the largest of three columns in each row, then the largest of three such rows.

    Backwards, dy goes to the first row whose value is the largest, what is left to the second or else the third, and in
    each row likewise to a column: autograd's choice among equals, row by row. All at the size of the pooled picture.
    """
    x = step.input
    window = window_of(step)
    if window.kernel != (3, 3) or window.strides != (2, 2) or not window.plain or not applies(x):
        return pooling.max_pool(step, dy)
    channels = x.shape[1]
    assert isinstance(channels, int)

    def pick(t: Tensor, rows: int, columns: int, row: int, column: int, value: float, strides: list[int]) -> Tensor:
        kernel = np.zeros((rows, columns))
        kernel[row, column] = value
        return depthwise(t, channels, kernel.tolist(), strides=strides)

    def first_second_third(whole: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        to_first = whole * first
        left = difference(whole, to_first, channels)
        to_second = left * second
        return to_first, to_second, difference(left, to_second, channels)

    def overlap(first: Tensor, third: Tensor, vertical: bool) -> Tensor:
        """The even cells: the first of window m and the third of window m - 1."""
        pads = [1, 0, 1, 0] if vertical else [0, 1, 0, 1]
        here, before = ([[0.0], [1.0]], [[1.0], [0.0]]) if vertical else ([[0.0, 1.0]], [[1.0, 0.0]])
        return depthwise(third, channels, before, pads=pads) + depthwise(first, channels, here, pads=pads)

    widest = step.op("MaxPool", x, kernel_shape=[1, 3], strides=[1, 2])
    by_row = [equals(pick(widest, 3, 1, row, 0, -1.0, [2, 1]), step.y) for row in (0, 1)]
    rows = first_second_third(dy, *by_row)
    phases: dict[tuple[int, int], Tensor] = {}
    for a, given in ((0, overlap(rows[0], rows[2], vertical=True)), (1, rows[1])):
        # Odd rows are read with a window of three rows, so that there are as many of them as windows.
        height, row = (1, 0) if a == 0 else (3, 1)
        largest = pick(widest, height, 1, row, 0, 1.0, [2, 1])
        by_column = [equals(pick(x, height, 3, row, column, -1.0, [2, 2]), largest) for column in (0, 1)]
        columns = first_second_third(given, *by_column)
        phases[a, 0] = overlap(columns[0], columns[2], vertical=False)
        phases[a, 1] = columns[1]
    return Phased(step.tape, phases, x)


def conv(step: Step, dy: Tensor) -> Tensor:
    """y = W * x + b: a gradient in phases is read as it is; what is interleaved is dx, which has fewer channels."""
    weights = step.arg(1).value
    window = None if weights is None else window_of(step, weights.shape[2:])
    if (
        not isinstance(dy, Phased)
        or weights is None
        or not isinstance(window, Window)
        or window.before is None
        or window.dilations != (1, 1)
        or window.strides[0] != window.strides[1]
        or step.attribute("group", 1) != 1
    ):
        return convolution.conv(step, dy)
    return interleave(dy, weights, window.strides[0], window.before, step.input)


def interleave(dy: Phased, weights: np.ndarray, stride: int, before: tuple[int, int], x: Tensor) -> Tensor:
    """The transpose of a convolution (weights [M,C,kh,kw], padding `before` the picture x) of a gradient in phases.

    Row o = 2n + a of dy reaches row stride * o + k - before of x through tap k. With a block of 2 * stride rows to a
    cell of x, that is row q of cell m, where q + 2 * stride * (m - n) = stride * a + k - before: for each phase a
    convolution from dy's cells to x's that makes all rows and columns of the blocks as channels.
    """
    tape, block = dy.tape, 2 * stride
    made, (_, inputs, *kernel) = weights.shape[0], weights.shape
    total: Tensor | None = None

    def reaches(phase: tuple[int, int]) -> list[list[tuple[int, int]]]:
        """Per axis: tap -> (row in the block, cells that x's cell is after dy's)."""
        return [
            [((stride * a + k - pad) % block, (stride * a + k - pad) // block) for k in range(size)]
            for a, size, pad in zip(phase, kernel, before, strict=True)
        ]

    # The last cell of phase 0 is one after that of phase 1, and may reach a cell more of x than either has.
    more = [max(0, *(cell - phase[axis] for phase in dy.phases for _, cell in reaches(phase)[axis])) for axis in (0, 1)]
    for phase, part in dy.phases.items():
        reach = reaches(phase)
        lowest = [min(0, *(cell for _, cell in axis)) for axis in reach]
        highest = [max(0, *(cell for _, cell in axis)) for axis in reach]
        spans = [high - low + 1 for low, high in zip(lowest, highest, strict=True)]
        taps = np.zeros((block, block, inputs, made, *spans), weights.dtype)
        for i, (q, down) in enumerate(reach[0]):
            for j, (p, right) in enumerate(reach[1]):
                # Cell m of x reads cell m - down of dy: later cells of x, earlier taps.
                taps[q, p, :, :, highest[0] - down, highest[1] - right] = weights[:, :, i, j].T
        pads = [*highest, *(a - low + extra for a, low, extra in zip(phase, lowest, more, strict=True))]
        taps = taps.reshape(block * block * inputs, made, *spans)
        grown = tape.op("Conv", part, tape.constant(taps, "phases"), kernel_shape=spans, pads=pads)
        total = grown if total is None else grown + total
    assert total is not None
    whole = tape.op("DepthToSpace", total, blocksize=block, mode="DCR")
    # Rows that no window reads lie beyond the last cell.
    missing = tape.op("Max", tape.op("Sub", x.sizes(2), whole.sizes(2)), tape.ints([0, 0]))
    pads = tape.op("Concat", tape.ints([0, 0]), missing, axis=0)
    whole = tape.op("Pad", whole, pads, None, tape.ints([2, 3]))
    return tape.op("Slice", whole, tape.ints([0, 0]), x.sizes(2), tape.ints([2, 3]))


BLOCKED: dict[str, Entry] = {
    **RULES,
    "Relu": Entry(relu, (0,)),
    "MaxPool": Entry(max_pool, (0,)),
    "Conv": Entry(conv, (0,)),
}
"""The table with these rules in place of the plain ones."""
