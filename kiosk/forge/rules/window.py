"""The geometry shared by convolutions and pooling: windows over the two spatial axes.

Positions refer to the padded input: window o of an axis covers o * stride + i * dilation for i in 0..kernel-1, and
pixel 0 of the picture is at `before`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.table import Step

SPATIAL = (2, 3)


@dataclass(frozen=True)
class Window:
    """Windows over [N,C,H,W]. Pairs are (vertical, horizontal). `before` and `after`: the padding, or None if it
    depends on the picture's size (auto_pad SAME with a stride)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int] | None
    after: tuple[int, int] | None
    auto_pad: str
    ceil: bool

    @property
    def reach(self) -> tuple[int, int]:
        """Distance in pixels from the first to the last tap of a window."""
        (kh, kw), (dh, dw) = self.kernel, self.dilations
        return dh * (kh - 1), dw * (kw - 1)

    @property
    def plain(self) -> bool:
        """Whether all taps of every window are inside the picture."""
        return not self.ceil and self.before == self.after == (0, 0)

    def taps(self) -> list[tuple[int, int]]:
        """The taps of one window, row by row."""
        return [(i, j) for i in range(self.kernel[0]) for j in range(self.kernel[1])]

    def margins(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The padding before and after the picture x, int64 [2] each; computed at run time if it depends on the
        size."""
        tape = x.tape
        if self.before is not None and self.after is not None:
            return tape.ints(self.before), tape.ints(self.after)
        # total = max(0, (ceil(size / stride) - 1) * stride + reach + 1 - size), as the ONNX specification of auto_pad.
        size, stride = x.sizes(2), tape.ints(self.strides)
        count = tape.op("Div", tape.op("Add", size, tape.ints([s - 1 for s in self.strides])), stride)
        span = tape.op("Mul", tape.op("Sub", count, tape.ints([1])), stride)
        span = tape.op("Add", span, tape.ints([r + 1 for r in self.reach]))
        total = tape.op("Max", tape.op("Sub", span, size), tape.ints([0]))
        less = tape.op("Div", total, tape.ints([2]))
        more = tape.op("Sub", total, less)
        return (less, more) if self.auto_pad == "SAME_UPPER" else (more, less)

    def padded(self, x: Tensor, value: float, beyond: float | None = None) -> Tensor:
        """Pad x with `value`, and after that with `beyond` (default `value`) as far as any window reaches."""
        tape = x.tape
        if self.plain:
            return x
        pads = tape.op("Concat", *self.margins(x), axis=0)
        x = tape.op("Pad", x, pads, tape.scalar(value), tape.ints(SPATIAL))
        if not self.ceil:
            return x
        pads = tape.ints([0, 0, *(s - 1 for s in self.strides)])
        return tape.op("Pad", x, pads, tape.scalar(value if beyond is None else beyond), tape.ints(SPATIAL))

    def crop(self, padded: Tensor, x: Tensor) -> Tensor:
        """Crop `padded`, on the padded grid and reaching at least to the picture's end, to the picture."""
        tape, (begin, _) = x.tape, self.margins(x)
        return tape.op("Slice", padded, begin, tape.op("Add", begin, x.sizes(2)), tape.ints(SPATIAL))


def window_of(step: Step, kernel: tuple[int, int] | None = None) -> Window:
    """The window of a Conv, ConvTranspose or pooling node. `kernel`: its size, if the node may omit the attribute."""
    shape = step.attribute("kernel_shape", kernel)
    if shape is None or len(shape) != 2:
        raise step.refuse("only pictures, with two spatial axes, have one")
    strides = tuple(step.attribute("strides", (1, 1)))
    dilations = tuple(step.attribute("dilations", (1, 1)))
    auto_pad = step.attribute("auto_pad", "NOTSET")
    reach = [d * (k - 1) for d, k in zip(dilations, shape, strict=True)]
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None
    if auto_pad == "NOTSET":
        pads = step.attribute("pads", (0, 0, 0, 0))
        before, after = tuple(pads[:2]), tuple(pads[2:])
    elif auto_pad == "VALID":
        before = after = (0, 0)
    elif strides == (1, 1):
        less, more = tuple(r // 2 for r in reach), tuple(r - r // 2 for r in reach)
        before, after = (less, more) if auto_pad == "SAME_UPPER" else (more, less)
    else:
        before = after = None
    ceil = bool(step.attribute("ceil_mode", 0))
    return Window(tuple(shape), strides, dilations, before, after, auto_pad, ceil)  # type: ignore[arg-type]


def spread(step: Step, dy: Tensor, weights: np.ndarray, group: int, window: Window) -> Tensor:
    """The transposed convolution: the sum that each input pixel gets from the windows it is in.

    dy [N,M,h,w], weights [M,C/group,kh,kw] as for Conv, result [N,C,H,W] of the size of the step's input. Stride 1 is a
    convolution with the rotated kernel. Equal strides s in both axes are one convolution that computes all s*s phases
    of the result, interleaved by DepthToSpace, which is exact and faster on CPUs than ConvTranspose. ConvTranspose
    covers all other cases.
    """
    op, tape, x = step.op, step.tape, step.input
    reach = window.reach
    if window.strides == (1, 1) and window.before is not None and window.after is not None and not window.ceil:
        pads = [r - p for r, p in zip(reach * 2, window.before + window.after, strict=True)]
        if min(pads) >= 0:
            turned = tape.constant(_swap(weights, group)[:, :, ::-1, ::-1], "turned")
            return op("Conv", dy, turned, pads=pads, dilations=window.dilations, group=group)
    stride = window.strides[0]
    if window.strides == (stride, stride) and window.dilations == (1, 1):
        m, c, kh, kw = weights.shape
        # Tap i = stride * a + r reaches phase r of cell o + a. One extra cell covers rows that no window reads.
        cells = (-(-kh // stride), -(-kw // stride))
        grown = np.zeros((m, c, cells[0] * stride, cells[1] * stride), weights.dtype)
        grown[:, :, :kh, :kw] = weights
        phases = grown.reshape(m, c, cells[0], stride, cells[1], stride).transpose(0, 1, 3, 5, 2, 4)
        phases = _swap(phases.reshape(m, c * stride * stride, *cells), group)[:, :, ::-1, ::-1]
        pads = [cells[0] - 1, cells[1] - 1, cells[0], cells[1]]
        cells_dx = op("Conv", dy, tape.constant(phases, "phases"), pads=pads, group=group)
        return window.crop(op("DepthToSpace", cells_dx, blocksize=stride, mode="CRD"), x)
    padded = op(
        "ConvTranspose",
        dy,
        tape.constant(weights, "weights"),
        strides=window.strides,
        dilations=window.dilations,
        output_padding=[s - 1 for s in window.strides],
        group=group,
    )
    return window.crop(padded, x)


def _swap(weights: np.ndarray, group: int) -> np.ndarray:
    """[M,C/g,...] -> [C,M/g,...]: swap inputs and outputs within each group."""
    m, c = weights.shape[:2]
    grouped = weights.reshape(group, m // group, c, *weights.shape[2:])
    return grouped.swapaxes(1, 2).reshape(group * c, m // group, *weights.shape[2:])
