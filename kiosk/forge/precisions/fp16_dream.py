"""A float32 dream graph in float16, for GPUs.

Between picture and gradient every tensor is a half float, except at the layer that is dreamed: sums of squares, and
counts of positions, do not fit. The gradient starts from there with a largest value of START, so that what is left of
it at the picture neither vanishes nor overflows, and gets its true size back at the end, in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

START = 8.0
STEEPEST = 6e4
"""A half float's limit: a slope of 1e9 would be infinite, and 0 times it not a number."""


def dream_to_half(model: onnx.ModelProto, layer: str) -> onnx.ModelProto:
    """The float16 version of what `add_gradient` makes of the one layer `layer`; inputs and outputs stay float32."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    graph = half.graph
    graph.name = model.graph.name
    nodes = list(graph.node)
    scope = f"objective/{layer}/"
    at_layer = [node for node in nodes if node.name.startswith(scope) or node.output[0] == "objective"]
    kept = {id(node) for node in at_layer}
    made = {name for node in at_layer for name in node.output}
    seed = next(
        name
        for node in nodes
        if id(node) not in kept and node.output[0] != "objective"
        for name in node.input
        if name in made
    )
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    single = {name for node in at_layer for name in node.input if name in arrays}
    single |= {"channel_weights"}
    used_in_half = {name for node in nodes if id(node) not in kept for name in node.input}
    del graph.initializer[:]
    renamed: dict[str, str] = {"image": "image/half", seed: "seed/half"}
    for name, array in arrays.items():
        if array.dtype != np.float32 or name in single:
            graph.initializer.append(numpy_helper.from_array(array, name))
        if array.dtype == np.float32 and name in used_in_half:
            renamed[name] = f"{name}/half"
            graph.initializer.append(numpy_helper.from_array(array.astype(np.float16), f"{name}/half"))
    for name, value in (("seed/start", START), ("seed/least", 1e-30)):
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))

    body = [helper.make_node("Cast", ["image"], ["image/half"], "image/half", to=TensorProto.FLOAT16)]
    started = False
    for node in nodes:
        if id(node) in kept:
            # What it reads of the network is a half float.
            for index, name in enumerate(node.input):
                if name == layer:
                    node.input[index] = "layer/single"
                    if not any(other.output[0] == "layer/single" for other in body):
                        body.append(
                            helper.make_node("Cast", [layer], ["layer/single"], "layer/single", to=TensorProto.FLOAT)
                        )
            body.append(node)
            continue
        if not started and seed in node.input:
            started = True
            body += _start(seed)
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
        for attribute in node.attribute:
            if node.op_type == "HardSigmoid" and attribute.name == "alpha":
                attribute.f = min(attribute.f, STEEPEST)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
            elif node.op_type == "ConstantOfShape" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16)))
        if node.output[0] == "gradient":
            node.output[0] = "gradient/half"
        body += _in_single(node) if node.op_type == "ScatterElements" else [node]
    body.append(
        helper.make_node("Cast", ["gradient/half"], ["gradient/single"], "gradient/single", to=TensorProto.FLOAT)
    )
    body.append(helper.make_node("Mul", ["gradient/single", "seed/factor"], ["gradient"], "gradient/sized"))
    del graph.node[:]
    graph.node.extend(body)
    del graph.value_info[:]
    return half


def _in_single(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """A ScatterElements in float32: not every provider adds half floats."""
    data, indices, updates = node.input
    output = node.output[0]
    casts = [(data, f"{output}/data", TensorProto.FLOAT), (updates, f"{output}/updates", TensorProto.FLOAT)]
    node.input[:] = [casts[0][1], indices, casts[1][1]]
    node.output[0] = f"{output}/single"
    made = [helper.make_node("Cast", [source], [target], target, to=kind) for source, target, kind in casts]
    back = helper.make_node("Cast", [node.output[0]], [output], f"{output}/half", to=TensorProto.FLOAT16)
    return [*made, node, back]


def _start(seed: str) -> list[onnx.NodeProto]:
    """`seed/half` = seed / factor, with a largest value of START."""

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [output], output, **attributes)

    return [
        node("Abs", [seed], "seed/abs"),
        node("ReduceMax", ["seed/abs"], "seed/largest", keepdims=0),
        node("Max", ["seed/largest", "seed/least"], "seed/most"),
        node("Div", ["seed/most", "seed/start"], "seed/factor"),
        node("Div", [seed, "seed/factor"], "seed/started"),
        node("Cast", ["seed/started"], "seed/half", to=TensorProto.FLOAT16),
    ]
