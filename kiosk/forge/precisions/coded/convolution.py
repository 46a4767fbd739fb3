"""Convolutions on codes."""

from __future__ import annotations

import numpy as np
import onnx

from kiosk.forge.precisions.coded.table import lowers
from kiosk.forge.precisions.coded.writer import Coded, CodedWriter
from kiosk.forge.precisions.codes import QuantizedWeights
from kiosk.forge.precisions.int8_gradient import MIDDLE
from kiosk.forge.precisions.int8_writer import attributes_of
from kiosk.forge.precisions.rounding import round_nearest, weight_scale

FEWEST_CHANNELS = 8
"""Convolutions of fewer channels, such as the picture's, are faster on floats."""
LARGEST_DEPTHWISE = 5
"""Depthwise kernels with longer sides are faster on floats."""
LARGEST_BIAS = 1 << 30
"""Biases are 32-bit sums of products of codes."""


@lowers("Conv")
def convolution(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    facts, given = writer.facts, attributes_of(node)
    kernel, group = facts.values.get(node.input[1]), given.pop("group", 1)
    if kernel is None or kernel.ndim != 4 or given.pop("auto_pad", b"NOTSET") != b"NOTSET":
        return False
    x, output = node.input[0], node.output[0]
    depthwise = group == len(kernel) and kernel.shape[1] == 1 and group > 1
    if (group > 1 and not depthwise) or kernel.shape[1] * group < FEWEST_CHANNELS:
        return False
    if depthwise and (max(kernel.shape[2:]) > LARGEST_DEPTHWISE or x not in writer.coded):
        return False
    given.pop("kernel_shape", None)
    given["group"] = group
    bias = facts.values[node.input[2]] if len(node.input) > 2 else np.zeros(len(kernel), np.float32)
    if facts.is_forward(output):
        return _forward_convolution(writer, node, kernel, bias, depthwise, given)
    if len(node.input) > 2 or x in facts.values:
        return False
    held, target = writer.codes_of(x), writer.target(output, x)
    spaced = facts.only_reader(output, "DepthToSpace")
    if spaced is not None and not depthwise:
        kernel = _phase_by_phase(spaced, kernel)
    assert held.names
    codes = writer.convolution(
        f"int8/{output}/coded", held.codes, round_nearest(kernel), None, held.names, target, **given
    )
    writer.coded[output] = Coded(codes, MIDDLE, names=target)
    return True


def _forward_convolution(
    writer: CodedWriter, node: onnx.NodeProto, kernel: np.ndarray, bias: np.ndarray, depthwise: bool, given: dict
) -> bool:
    facts, x = writer.facts, node.input[0]
    output = facts.fused(node.output[0]) or node.output[0]
    if not (facts.is_map(x) and facts.is_map(output)):
        return False
    held, (scale, zero) = writer.codes_of(x), writer.scale_of(output)
    assert held.scale is not None
    read = held.scale.reshape((-1, 1, 1, 1) if depthwise else (1, -1, 1, 1))
    kernel, bias = kernel * read / scale.reshape(-1, 1, 1, 1), bias / scale
    # A channel that hardly reads anything has a bias that is huge beside its weights, which may then be 0.
    steps = np.maximum(weight_scale(kernel), np.abs(bias) / LARGEST_BIAS)
    weights = QuantizedWeights(np.rint(kernel / steps[:, None, None, None]).astype(np.int8), steps)
    codes = writer.convolution(
        f"int8/{output}/coded", held.codes, weights, bias, writer.steps_at(held.zero), writer.steps_at(zero), **given
    )
    writer.coded[output] = Coded(codes, zero, scale)
    return True


def _phase_by_phase(spaced: onnx.NodeProto, kernel: np.ndarray) -> np.ndarray:
    """Reorder the output channels from DepthToSpace's mode CRD, (channel, row, column), to (row, column, channel)."""
    size = attributes_of(spaced)["blocksize"]
    return kernel.reshape(-1, size * size, *kernel.shape[1:]).swapaxes(0, 1).reshape(kernel.shape)


@lowers("DepthToSpace")
def depth_to_space(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    name, output, given = node.input[0], node.output[0], attributes_of(node)
    held = writer.coded.get(name)
    convolved = writer.facts.producer[name].op_type == "Conv"
    if held is None or writer.facts.only_reader(name, "DepthToSpace") is None or given.get("mode") != b"CRD":
        return False
    if not convolved or attributes_of(writer.facts.producer[name]).get("group", 1) > 1:
        return False
    op, ints, size = writer.op, writer.ints, given["blocksize"]
    kernel = writer.facts.values[writer.facts.producer[name].input[1]]
    channels = len(kernel) // size**2
    blocks = op(
        "Reshape", [held.codes, ints(f"int8/{output}/split", [0, 0, 0, size, size, channels])], f"int8/{output}/blocks"
    )
    rows = op("Transpose", [blocks], f"int8/{output}/rows", perm=[0, 1, 3, 2, 4, 5])
    cells = op("Shape", [held.codes], f"int8/{output}/cells", start=1, end=3)
    sizes = op("Mul", [cells, ints(f"int8/{output}/factors", [size, size])], f"int8/{output}/sizes")
    parts = [ints("one_picture", [1]), sizes, ints(f"int8/{output}/channels", [channels])]
    codes = op("Reshape", [rows, op("Concat", parts, f"int8/{output}/shape", axis=0)], f"int8/{output}/coded")
    writer.coded[output] = Coded(codes, MIDDLE, names=held.names)
    return True
