"""Quantize cunet to static int8 (u8 activations, s8 weights per channel), for CPUs.

cunet branches, adds and multiplies between its convolutions. These steps stay float, channels last; each convolution
with many channels reads 8-bit codes and writes float sums. The convolutions at both ends of the two U-nets stay float,
channels first: their rounding errors would not average out in flat areas but shift colors, and they are a small part of
the work. Squeeze-and-excitation stays float too.

All channels of a tensor share one range of codes, so they are first scaled to equal size. If the tensor comes directly
from another convolution's LeakyReLU, that costs nothing: LeakyReLU is positively homogeneous, so the factor goes into
that convolution's weights, and its inverse into those of the reading convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from kiosk.forge.precisions.codes import Codes, Kernel
from kiosk.forge.precisions.int8_matmul import MatMulWriter
from kiosk.forge.precisions.int8_writer import attributes_of

FIRST_FEATURES = 32
PICTURE = 3
"""Channels of a picture. Four times as many are the phases of a picture of twice the size."""


def quantize_branching(model: onnx.ModelProto, ranges: Mapping[str, Mapping[str, Any]]) -> onnx.ModelProto:
    """Quantize cunet's float graph.

    `ranges`, by name of each convolution to quantize: `low` <= 0 and `high` of its input; `bias`, a correction to add
    to its bias; and for those in `scaled`, `scale`, the divisor of each input channel. Other convolutions stay float.
    """
    writer = _Branching(model, ranges)
    for node in model.graph.node:
        writer.rule(node)(node)
    last = model.graph.output[0].name
    writer.op("Transpose", [writer.last(last)], last, perm=[0, 3, 1, 2])
    return writer.model_like(model)


def quantizable(model: onnx.ModelProto) -> list[str]:
    """The names of the convolutions to quantize, in order: all except those that read or write a picture, those right
    after one that reads a picture, and the one before the first U-net's output."""
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    vectors = _vectors(model)
    first_sum = next(node.output[0] for node in model.graph.node if node.op_type == "Add")
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv"
        and node.input[0] not in vectors
        and node.input[0] != first_sum
        and values[node.input[1]].dims[1] > FIRST_FEATURES
        and values[node.input[1]].dims[0] > 4 * PICTURE
    ]


def scaled(model: onnx.ModelProto) -> dict[str, str]:
    """Convolutions whose input channels are scaled to equal size -> the convolution whose LeakyReLU they read, or "" if
    they read a sum, which is then divided explicitly."""
    makers = {node.output[0]: node for node in model.graph.node}
    readers = [name for node in model.graph.node for name in node.input]
    found = {}
    for node in model.graph.node:
        maker = makers.get(node.input[0])
        if node.op_type != "Conv" or maker is None or readers.count(node.input[0]) != 1:
            continue
        if maker.op_type == "Add":
            found[node.name] = ""
        elif maker.op_type == "LeakyRelu" and makers[maker.input[0]].op_type == "Conv":
            found[node.name] = makers[maker.input[0]].name
    return found


def _vectors(model: onnx.ModelProto) -> set[str]:
    """Tensors [1, C, 1, 1]: the squeezes and everything computed only from them."""
    found: set[str] = set()
    for node in model.graph.node:
        if node.op_type == "GlobalAveragePool" or node.input[0] in found:
            found.add(node.output[0])
    return found


class _Branching(MatMulWriter):
    def __init__(self, model: onnx.ModelProto, ranges: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self.ranges = ranges
        self.values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.vectors = _vectors(model)
        # Tensors of the float graph -> their channels-first and channels-last forms, as far as they exist.
        self.first_names = {"image": "image"}
        self.last_names: dict[str, str] = {}
        self.coded: dict[tuple[str, Codes], str] = {}
        # Convolution -> divisors of its output channels, for the convolution after its LeakyReLU.
        self.makers = scaled(model)
        self.divisors = {
            maker: np.array(ranges[name]["scale"], np.float32)
            for name, maker in self.makers.items()
            if maker and "scale" in ranges.get(name, {})
        }

    def rule(self, node: onnx.NodeProto) -> Callable[[onnx.NodeProto], None]:
        if node.output[0] in self.vectors:
            return self._pool if node.op_type == "GlobalAveragePool" else self._same_vector
        rules = {
            "Conv": self._convolution,
            "LeakyRelu": self._same,
            "Add": self._same,
            "Mul": self._gate,
            "Slice": self._slice,
            "DepthToSpace": self._pixels,
        }
        return rules[node.op_type]

    def last(self, tensor: str) -> str:
        """The channels-last form of a tensor of the float graph."""
        if tensor not in self.last_names:
            source, name = self.first_names[tensor], f"{tensor}_last"
            self.last_names[tensor] = self.op("Transpose", [source], name, perm=[0, 2, 3, 1])
        return self.last_names[tensor]

    def first(self, tensor: str) -> str:
        """The channels-first form."""
        if tensor not in self.first_names:
            source, name = self.last_names[tensor], f"{tensor}_first"
            self.first_names[tensor] = self.op("Transpose", [source], name, perm=[0, 3, 1, 2])
        return self.first_names[tensor]

    def _emit(self, node: onnx.NodeProto, op: str, inputs: list[str], **attributes: Any) -> None:
        name = f"{node.output[0]}_last"
        self.last_names[node.output[0]] = self.op(op, inputs, name, **attributes)

    def _pool(self, node: onnx.NodeProto) -> None:
        self.op("GlobalAveragePool", [self.first(node.input[0])], node.output[0])

    def _same_vector(self, node: onnx.NodeProto) -> None:
        self.keep(node, self.values)

    def _gate(self, node: onnx.NodeProto) -> None:
        gate = self.op("Transpose", [node.input[1]], f"{node.input[1]}_last", perm=[0, 2, 3, 1])
        self._emit(node, "Mul", [self.last(node.input[0]), gate])

    def _same(self, node: onnx.NodeProto) -> None:
        attributes = attributes_of(node)
        if all(name in self.last_names for name in node.input):
            self._emit(node, node.op_type, [self.last(name) for name in node.input], **attributes)
            return
        name = f"{node.output[0]}_first"
        inputs = [self.first(name) for name in node.input]
        self.first_names[node.output[0]] = self.op(node.op_type, inputs, name, **attributes)

    def _slice(self, node: onnx.NodeProto) -> None:
        ends = [self.constant(name, self.values[name]) for name in node.input[1:3]]
        axes = self.ints("rows_and_columns", [1, 2])
        self._emit(node, "Slice", [self.last(node.input[0]), *ends, axes])

    def _convolution(self, node: onnx.NodeProto) -> None:
        weight, bias = (self.values[name] for name in node.input[1:3])
        if node.name in self.divisors:
            weight = weight / self.divisors[node.name][:, None, None, None]
            bias = bias / self.divisors[node.name]
        attributes = attributes_of(node)
        stride = attributes.get("strides", [1])[0]
        found = self.ranges.get(node.name)
        if found is None and weight.shape[0] <= 4 * PICTURE:
            taps = self.tap_convolution(f"{node.name}_last", self.last(node.input[0]), Kernel(weight, bias))
            self.last_names[node.output[0]] = taps
            return
        if found is None:
            source = self.first(node.input[0])
            kernel = [self.constant(f"{node.name}.{part}", v) for part, v in (("weight", weight), ("bias", bias))]
            self.first_names[node.output[0]] = self.op("Conv", [source, *kernel], f"{node.name}_first", **attributes)
            return
        source = self.last(node.input[0])
        correction = np.array(found["bias"], np.float32) / self.divisors.get(node.name, np.float32(1))
        if "scale" in found:
            scale = np.array(found["scale"], np.float32)
            weight = weight * scale[:, None, None]
            if not self.makers[node.name]:
                factors = self.constant(f"{node.name}.factors", 1 / scale)
                source = self.op("Mul", [source, factors], f"{node.name}.even")
        codes = Codes.covering(found["low"], found["high"])
        key = (source, codes)
        if key not in self.coded:
            name = f"{node.name}.codes"
            self.coded[key] = self.quantize(source, self.codes(name, codes), name)
        kernel = Kernel(weight, bias + correction)
        self.last_names[node.output[0]] = self.float_convolution(
            f"{node.name}_last", self.coded[key], kernel, codes, stride
        )

    def _pixels(self, node: onnx.NodeProto) -> None:
        source = self.last(node.input[0])
        name = node.name
        channels = self._channels(node.input[0]) // 4
        split = self.ints(f"{name}.split", [0, 0, 0, 2, 2, channels])
        phases = self.op("Reshape", [source, split], f"{name}.phases")
        woven = self.op("Transpose", [phases], f"{name}.woven", perm=[0, 1, 3, 2, 4, 5])
        shape = self.op("Shape", [source], f"{name}.shape")
        third = self.ints("third", [2])
        width = self.op("Gather", [shape, third], f"{name}.width")
        twice = self.op("Mul", [width, self.ints("twice", [2])], f"{name}.width2")
        ends = [
            self.ints("one_and_any", [1, -1]),
            self.ints(f"{name}.channels", [channels]),
        ]
        target = self.op("Concat", [ends[0], twice, ends[1]], f"{name}.target", axis=0)
        self._emit(node, "Reshape", [woven, target])

    def _channels(self, tensor: str) -> int:
        # The output of a phase convolution, with or without its activation.
        name = tensor.removesuffix("_leakyrelu")
        return len(self.values[f"{name}.bias"])
