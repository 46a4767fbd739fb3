"""Gradients in 8-bit codes: sums, the masks of ReLUs, and the exact backward pass of a 3 x 3 max pool with stride 2.

Each window of the pool passes its gradient to the first of its largest codes. Pixels are processed in four phases, by
whether their row and column are odd. Within a phase, the pixels that the windows read at one tap are adjacent.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from kiosk.forge.precisions.int8_writer import MICROSOFT, CodeNames, Int8Writer

MIDDLE = 128
"""The code of a zero gradient, with SYMMETRIC_LEVELS codes on either side."""


class GradientWriter(Int8Writer):
    """Writes activations, whose zero point is 0, and gradients, whose zero point is MIDDLE. `steps`, `gradient_steps`:
    their codes with scale 1."""

    def __init__(self) -> None:
        super().__init__()
        self.zero = self.u8("zero", 0)
        self.middle = self.u8("middle", MIDDLE)
        self.one = self.constant("scale_one", np.float32(1))
        self.steps = CodeNames(self.one, self.zero)
        self.gradient_steps = CodeNames(self.one, self.middle)

    def u8(self, name: str, value: int) -> str:
        return self.constant(name, np.uint8(value))

    def sum_of(self, name: str, a: str, b: str) -> str:
        """Add two gradients of the same scale."""
        codes = self.gradient_steps
        return self.op("QLinearAdd", [a, *codes, b, *codes, *codes], name, domain=MICROSOFT)

    def masked(self, name: str, gradient: str, activation: str) -> str:
        """Mask `gradient` to where the activation's code is not 0. `name`: the activation's name."""
        lit = self.op("Clip", [activation, self.zero, self.u8("lit", 1)], f"{name}/lit")
        inputs = [gradient, *self.gradient_steps, lit, *self.steps, *self.gradient_steps]
        return self.op("QLinearMul", inputs, f"{name}/masked", domain=MICROSOFT)


def unpooled(writer: GradientWriter, name: str, gradient: str, x: str, y: str) -> list[str]:
    """Compute the gradient of `x`, an activation, from that of `y`, its max pool, which has the same scale.

    Returns four phases, (0, 0), (0, 1), (1, 0), (1, 1), each one cell larger than the number of windows. Elements that
    the ReLU set to 0 get no gradient.
    """
    op = writer.op
    signed = op(
        "Cast", [op("Sub", [gradient, writer.middle], f"{name}/wrapped")], f"{name}/signed", to=TensorProto.INT8
    )
    lit = op("Cast", [op("Cast", [y], f"{name}/lit", to=TensorProto.BOOL)], f"{name}/mask", to=TensorProto.INT8)
    left = op("Mul", [signed, lit], f"{name}/masked")
    axes, steps = writer.ints("rows_columns", [1, 2]), writer.ints("two_two", [2, 2])
    windows = op("Shape", [y], f"{name}/windows", start=1, end=3)
    far = writer.ints("far", [1 << 30, 1 << 30])
    seen = {
        (a, b): op("Slice", [x, writer.ints(f"from{a}{b}", [a, b]), far, axes, steps], f"{name}/seen{a}{b}")
        for a in (0, 1)
        for b in (0, 1)
    }
    reached: dict[tuple[int, int], str] = {}
    for i in range(3):
        for j in range(3):
            tap = f"{name}/{i}{j}"
            if (i, j) == (2, 2):
                reached[i, j] = left
                break
            begin = writer.ints(f"from{i // 2}{j // 2}", [i // 2, j // 2])
            ends = op("Add", [windows, begin], f"{tap}/ends")
            pixels = op("Slice", [seen[i % 2, j % 2], begin, ends, axes], f"{tap}/seen")
            equal = op("Cast", [op("Equal", [pixels, y], f"{tap}/equal")], f"{tap}/largest", to=TensorProto.INT8)
            # On a tie, the first one gets the whole gradient.
            reached[i, j] = op("Mul", [left, equal], f"{tap}/gradient")
            left = op("Sub", [left, reached[i, j]], f"{tap}/left")

    def cells(i: int, j: int) -> str:
        """The gradient of tap (i, j), at its pixels' position within their phase."""
        before, after = [i // 2, j // 2], [1 - i // 2, 1 - j // 2]
        pads = writer.ints(f"cells{i}{j}", [*before, *after])
        return op("Pad", [reached[i, j], pads, writer.constant("nothing", np.int8(0)), axes], f"{name}/{i}{j}/cells")

    nothing = [writer.one, writer.constant("nothing", np.int8(0))]
    phases = []
    for a in (0, 1):
        for b in (0, 1):
            taps = [(i, j) for i in ((0, 2) if a == 0 else (1,)) for j in ((0, 2) if b == 0 else (1,))]
            total = cells(*taps[0])
            for tap in taps[1:]:
                inputs = [total, *nothing, cells(*tap), *nothing, *nothing]
                total = op("QLinearAdd", inputs, f"{name}/{a}{b}/to{tap[0]}{tap[1]}", domain=MICROSOFT)
            codes = op("Cast", [total], f"{name}/{a}{b}/codes", to=TensorProto.UINT8)
            phases.append(op("Add", [codes, writer.middle], f"{name}/{a}{b}"))
    return phases


def interleaved(writer: GradientWriter, name: str, phases: list[str], x: str, channels: int) -> str:
    """Interleave four phases of `channels` channels into one gradient of the size of `x`."""
    joined = writer.op("Concat", phases, f"{name}/phases", axis=3)
    blocks = writer.op(
        "Reshape", [joined, writer.ints(f"blocks{channels}", [0, 0, 0, 2, 2, channels])], f"{name}/blocks"
    )
    rows = writer.op("Transpose", [blocks], f"{name}/rows", perm=[0, 1, 3, 2, 4, 5])
    cells = writer.op("Shape", [joined], f"{name}/cells", start=1, end=3)
    sizes = writer.op("Mul", [cells, writer.ints("twos", [2, 2])], f"{name}/sizes")
    ends = [writer.ints("one_picture", [1]), sizes, writer.ints(f"channels{channels}", [channels])]
    shape = writer.op("Concat", ends, f"{name}/shape", axis=0)
    whole = writer.op("Reshape", [rows, shape], f"{name}/whole")
    size = writer.op("Shape", [x], f"{name}/size", start=1, end=3)
    axes = writer.ints("rows_columns", [1, 2])
    return writer.op("Slice", [whole, writer.ints("origin", [0, 0]), size, axes], f"{name}/gradient")
