"""Gradients in other layouts: phases and cells, which ONNX Runtime's blocked convolutions read and write directly."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Hashable
from functools import cached_property
from typing import Any

import numpy as np

from kiosk.forge.gradient.tape import Tape, Tensor

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

    All phases have the same size: ceil(H / 2) x ceil(W / 2) cells, or along the axes where `more` is 1,
    floor(length / 2) + 1. A convolution can read the phases directly. `clean`: pixels beyond the picture are 0;
    otherwise they are whatever, and only what reads single pixels may read the phases.
    """

    def __init__(
        self,
        tape: Tape,
        phases: dict[tuple[int, int], Tensor],
        whole: Tensor,
        more: tuple[int, int] = (0, 0),
        clean: bool = True,
    ) -> None:
        super().__init__(tape)
        self.phases, self.more, self.clean = phases, more, clean
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
