"""Quantize a dream graph's forward convolutions to symmetric int8 for TensorRT: Q/DQ pairs with constant scales.

Activations have one scale per tensor, weights one per channel; all zero points are 0. The gradient stays in floating
point, where TensorRT may use fp16. Its masks use the activations of the quantized network.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

LEVELS = 127


def quantize_forward(model: onnx.ModelProto, ranges: Mapping[str, float]) -> onnx.ModelProto:
    """Add Q/DQ pairs to the input and the weights of every convolution that reads a tensor of `ranges` (tensor -> the
    magnitude of code 127)."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    added: dict[str, str] = {}
    body: list[onnx.NodeProto] = []

    def constant(name: str, value: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def pair(name: str, scale: np.ndarray, axis: int) -> str:
        """Quantize and dequantize `name`."""
        if name not in added:
            codes = constant(f"{name}/scale", scale), constant(f"{name}/zero", np.zeros(scale.shape, np.int8))
            quantized, back = f"{name}/quantized", f"{name}/rounded"
            if name in arrays:
                shape = [-1] + [1] * (arrays[name].ndim - 1)
                rounded = np.rint(arrays[name] / scale.reshape(shape)).clip(-LEVELS, LEVELS).astype(np.int8)
                constant(quantized, rounded)
            else:
                body.append(helper.make_node("QuantizeLinear", [name, *codes], [quantized], quantized))
            body.append(helper.make_node("DequantizeLinear", [quantized, *codes], [back], back, axis=axis))
            added[name] = back
        return added[name]

    for node in graph.node:
        if node.op_type == "Conv" and node.input[0] in ranges:
            x, weights = node.input[:2]
            largest = np.abs(arrays[weights]).max(axis=tuple(range(1, arrays[weights].ndim)))
            node.input[0] = pair(x, np.array(ranges[x] / LEVELS, np.float32), 1)
            node.input[1] = pair(weights, np.maximum(largest / LEVELS, 1e-12).astype(np.float32), 0)
        body.append(node)
    read = {name for node in body for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(body)
    graph.initializer.extend(kept)
    return result
