"""Convert an fp32 graph to fp16 for GPUs, with fp32 input and output."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert `model` (one input and one output, both float32): its float32 initializers and all operations become
    float16."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    graph = half.graph
    source, target = graph.input[0].name, graph.output[0].name
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for node in graph.node:
        node.input[:] = [f"{source}_half" if name == source else name for name in node.input]
        node.output[:] = [f"{target}_half" if name == target else name for name in node.output]
    del graph.value_info[:]
    graph.node.insert(0, helper.make_node("Cast", [source], [f"{source}_half"], to=TensorProto.FLOAT16))
    graph.node.append(helper.make_node("Cast", [f"{target}_half"], [target], to=TensorProto.FLOAT))
    return half
