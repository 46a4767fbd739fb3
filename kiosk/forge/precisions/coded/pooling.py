"""The gradient of a max pool of an activation in codes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from kiosk.forge.precisions.coded.facts import Facts
from kiosk.forge.precisions.coded.table import lowers
from kiosk.forge.precisions.coded.writer import Coded, CodedWriter
from kiosk.forge.precisions.int8_gradient import MIDDLE, interleaved, unpooled
from kiosk.forge.precisions.int8_writer import MICROSOFT, attributes_of


@lowers("Reshape")
def max_pool_gradient(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    """The last node of the gradient rule: what it wrote before on floats is left out if nobody reads it."""
    pool = _pool_before(writer.facts, node)
    if pool is None:
        return False
    again, dy = pool
    x = again.input[0]
    y = next((one.output[0] for one in writer.facts.users[x] if _same(one, again)), "")
    if any(name not in writer.coded for name in (x, y, dy)) or writer.coded[x].zero:
        return False
    given = attributes_of(again)
    strides, pads = given.get("strides", [1, 1]), given.get("pads", [0, 0, 0, 0])
    if given.get("auto_pad", b"NOTSET") != b"NOTSET" or given.get("dilations", [1, 1]) != [1, 1]:
        return False
    ceil = 1 if given.get("ceil_mode", 0) and max(strides) > 1 else 0
    names = writer.coded[dy].names
    assert names
    output, codes = node.output[0], [writer.coded[name].codes for name in (dy, x, y)]
    padded = codes[1]
    if ceil or any(pads):
        ends = [*pads[:2], pads[2] + ceil, pads[3] + ceil]
        margins = [writer.ints(f"int8/{output}/pads", ends), writer.zero, writer.ints("rows_columns", [1, 2])]
        padded = writer.op("Pad", [codes[1], *margins], f"int8/{output}/padded")
    if given["kernel_shape"] == [3, 3] and strides == [2, 2]:
        phases = unpooled(writer, f"int8/{output}", codes[0], padded, codes[2])
        whole = interleaved(writer, f"int8/{output}/whole", phases, padded, writer.facts.channels(x))
    elif given["kernel_shape"] == strides == [2, 2]:
        whole = _unpooled_apart(writer, output, codes[0], padded, codes[2], writer.facts.channels(x))
    elif strides == [1, 1] and max(given["kernel_shape"]) > 1:
        # A pixel may be the largest of all windows that it is in: what they sum up to has a range of its own.
        source, names = names, writer.target(output, dy)
        scales = (source.scale, names.scale)
        whole = _unpooled_everywhere(writer, output, codes[0], padded, codes[2], given["kernel_shape"], scales)
    else:
        return False
    if padded != codes[1]:
        sizes = writer.op("Shape", [codes[1]], f"int8/{output}/x_size", start=1, end=3)
        start = writer.ints(f"int8/{output}/start", pads[:2])
        end = writer.op("Add", [sizes, start], f"int8/{output}/end")
        whole = writer.op("Slice", [whole, start, end, writer.ints("rows_columns", [1, 2])], f"int8/{output}/inner")
    writer.coded[output] = Coded(whole, MIDDLE, names=names)
    return True


def _pool_before(facts: Facts, node: onnx.NodeProto) -> tuple[onnx.NodeProto, str] | None:
    """The max pool that gives the indices, and its output's gradient, if `node` ends the rule of a max pool."""
    scatter = facts.producer.get(node.input[0])
    if facts.is_forward(node.output[0]) or scatter is None or scatter.op_type != "ScatterElements":
        return None
    indices, dy = (facts.producer.get(name) for name in scatter.input[1:3])
    if indices is None or dy is None or indices.op_type != "Reshape" or dy.op_type != "Reshape":
        return None
    again = facts.producer.get(indices.input[0])
    return (again, dy.input[0]) if again is not None and again.op_type == "MaxPool" else None


def _same(one: onnx.NodeProto, other: onnx.NodeProto) -> bool:
    """Whether `one` is the network's own max pool, of which `other` is the copy with indices."""
    return one.op_type == "MaxPool" and len(one.output) == 1 and attributes_of(one) == attributes_of(other)


def _reached(
    writer: CodedWriter, name: str, gradient: str, x: str, y: str, kernel: list[int], stride: int
) -> list[tuple[int, int, str]]:
    """(row, column, int8 gradient of the windows) of each tap. The first largest code of a window gets its gradient; a
    window of zeros has none."""
    op, axes = writer.op, writer.ints("rows_columns", [1, 2])
    wrapped = op("Sub", [gradient, writer.middle], f"int8/{name}/wrapped")
    signed = op("Cast", [wrapped], f"int8/{name}/signed", to=TensorProto.INT8)
    lit = op(
        "Cast", [op("Cast", [y], f"int8/{name}/lit", to=TensorProto.BOOL)], f"int8/{name}/mask", to=TensorProto.INT8
    )
    left, found = op("Mul", [signed, lit], f"int8/{name}/masked"), []
    windows = op("Shape", [y], f"int8/{name}/windows", start=1, end=3)
    steps = writer.ints(f"strides{stride}", [stride, stride])
    extent = op("Mul", [windows, steps], f"int8/{name}/extent")
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            tap, begin = f"int8/{name}/{i}_{j}", writer.ints(f"from{i}{j}", [i, j])
            end = op("Add", [extent, begin], f"{tap}/end")
            seen = op("Slice", [x, begin, end, axes, steps], f"{tap}/seen")
            equal = op("Cast", [op("Equal", [seen, y], f"{tap}/equal")], f"{tap}/largest", to=TensorProto.INT8)
            reached = op("Mul", [left, equal], f"{tap}/reached")
            left = op("Sub", [left, reached], f"{tap}/left")
            found.append((i, j, reached))
    return found


def _unpooled_everywhere(
    writer: CodedWriter, name: str, gradient: str, x: str, y: str, kernel: list[int], scales: tuple[str, str]
) -> str:
    """The gradient of `x`, all of whose windows lie inside it, from that of `y`, its max pool with stride 1. `scales`:
    of the gradient of y and of x."""
    op, axes, total = writer.op, writer.ints("rows_columns", [1, 2]), ""
    nothing, of_total = writer.constant("nothing", np.int8(0)), scales[0]
    for i, j, reached in _reached(writer, name, gradient, x, y, kernel, 1):
        around = writer.ints(f"around{i}{j}of{kernel[0]}{kernel[1]}", [i, j, kernel[0] - 1 - i, kernel[1] - 1 - j])
        placed = op("Pad", [reached, around, nothing, axes], f"int8/{name}/{i}_{j}/placed")
        inputs = [total, of_total, nothing, placed, scales[0], nothing, scales[1], nothing]
        total = op("QLinearAdd", inputs, f"int8/{name}/{i}_{j}/total", domain=MICROSOFT) if total else placed
        of_total = scales[1] if (i, j) != (0, 0) else scales[0]
    unsigned = op("Cast", [total], f"int8/{name}/unsigned", to=TensorProto.UINT8)
    return op("Add", [unsigned, writer.middle], f"int8/{name}/everywhere")


def _unpooled_apart(writer: CodedWriter, name: str, gradient: str, x: str, y: str, channels: int) -> str:
    """The gradient of `x` from that of `y`, its max pool over 2x2 windows that do not overlap. A last odd row or column
    that no window reads gets none."""
    op, phases = writer.op, []
    for i, j, reached in _reached(writer, name, gradient, x, y, [2, 2], 2):
        unsigned = op("Cast", [reached], f"int8/{name}/{i}_{j}/unsigned", to=TensorProto.UINT8)
        phases.append(op("Add", [unsigned, writer.middle], f"int8/{name}/{i}_{j}/codes"))
    whole = interleaved(writer, f"int8/{name}/whole", phases, x, channels)
    sizes = [op("Shape", [one], f"int8/{name}/size{k}", start=1, end=3) for k, one in enumerate((x, whole))]
    pads = op(
        "Concat", [writer.ints("origin", [0, 0]), op("Sub", sizes, f"int8/{name}/odd")], f"int8/{name}/unread", axis=0
    )
    return op("Pad", [whole, pads, writer.middle, writer.ints("rows_columns", [1, 2])], f"int8/{name}/apart")
