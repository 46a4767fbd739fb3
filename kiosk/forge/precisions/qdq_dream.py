"""Quantize a dream graph's forward convolutions to symmetric int8 for TensorRT: Q/DQ pairs with constant scales.

Activations have one scale per tensor, weights one per channel; all zero points are 0. The gradient stays in floating
point, where TensorRT may use fp16. Its masks use the activations of the quantized network.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from kiosk.forge.precisions.codes import SYMMETRIC_LEVELS
from kiosk.forge.precisions.int8_writer import CodeNames, Int8Writer
from kiosk.forge.precisions.rounding import round_nearest


def quantize_forward(model: onnx.ModelProto, ranges: Mapping[str, float]) -> onnx.ModelProto:
    """Add Q/DQ pairs to the input and the weights of every convolution that reads a tensor of `ranges` (tensor -> the
    magnitude of code 127)."""
    writer = _Pairs()
    writer.constants.update((tensor.name, tensor) for tensor in model.graph.initializer)
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] in ranges:
            x, weight = node.input[:2]
            pairs = [writer.activation(x, ranges[x]), writer.weight(weight)]
            source, node = node, onnx.NodeProto()
            node.CopyFrom(source)
            node.input[:2] = pairs
        writer.nodes.append(node)
    read = {name for node in writer.nodes for name in node.input}
    writer.constants = {name: tensor for name, tensor in writer.constants.items() if name in read}
    result = writer.model_like(model)
    result.metadata_props.extend(model.metadata_props)
    return result


class _Pairs(Int8Writer):
    def __init__(self) -> None:
        super().__init__()
        self._rounded: dict[str, str] = {}
        """tensor -> what its Q/DQ pair makes of it"""

    def activation(self, x: str, largest: float) -> str:
        """Quantize and dequantize the tensor `x`."""
        if x not in self._rounded:
            codes = self._symmetric(x, np.float32(largest / SYMMETRIC_LEVELS))
            self._rounded[x] = self.dequantize(self.quantize(x, codes, f"{x}/quantized"), codes, f"{x}/rounded", axis=1)
        return self._rounded[x]

    def weight(self, name: str) -> str:
        """Dequantize the codes of the constant `name`."""
        if name not in self._rounded:
            weights = round_nearest(numpy_helper.to_array(self.constants[name]))
            codes = self._symmetric(name, weights.scale)
            quantized = self.constant(f"{name}/quantized", weights.codes)
            self._rounded[name] = self.dequantize(quantized, codes, f"{name}/rounded", axis=0)
        return self._rounded[name]

    def _symmetric(self, name: str, scale: np.ndarray | np.generic) -> CodeNames:
        zero = np.zeros(scale.shape, np.int8)
        return CodeNames(self.constant(f"{name}/scale", scale), self.constant(f"{name}/zero", zero))
