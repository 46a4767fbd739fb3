"""Convert an fp32 dream graph to fp16 for GPUs.

All tensors between picture and gradient become float16, except at the dreamed layer, where sums of squares and numbers
of positions would overflow. The gradient is rescaled there to a largest value of START, so that it neither vanishes nor
overflows on its way to the picture. The original scale is restored at the end, in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.forge.gradient.backward import is_objective

START = 8.0
STEEPEST = 6e4
"""Largest slope in float16: 1e9 would be infinite, and 0 times that NaN."""


def dream_to_half(model: onnx.ModelProto, layer: str) -> onnx.ModelProto:
    """Convert the graph that `add_gradient` makes for the single layer `layer`. Inputs and outputs stay float32."""
    return _Half(model, layer).model()


class _Half:
    """Rewrites the graph. Nodes that compute the objective at the layer stay float32; the gradient that starts there is
    the seed."""

    def __init__(self, model: onnx.ModelProto, layer: str) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        self._layer = layer
        self._nodes = list(self._model.graph.node)
        self._objective = [node for node in self._nodes if is_objective(node, layer)]
        self._others = [node for node in self._nodes if not is_objective(node, layer)]
        made = {name for node in self._objective for name in node.output}
        self._seed = next(name for node in self._others for name in node.input if name in made)
        self._halves = {"image": "image/half", self._seed: "seed/half"}
        """float32 tensor -> its float16 counterpart"""

    def model(self) -> onnx.ModelProto:
        graph = self._model.graph
        initializers = self._initializers()
        body = self._body()
        del graph.initializer[:], graph.node[:], graph.value_info[:]
        graph.initializer.extend(initializers)
        graph.node.extend(body)
        return self._model

    def _initializers(self) -> list[onnx.TensorProto]:
        """The constants in the precisions they are used in. Float16 copies have their own names."""
        in_objective = {"channel_weights", *(name for node in self._objective for name in node.input)}
        in_half = {name for node in self._others for name in node.input}
        made = []
        for tensor in self._model.graph.initializer:
            name, array = tensor.name, numpy_helper.to_array(tensor)
            if array.dtype != np.float32 or name in in_objective:
                made.append(numpy_helper.from_array(array, name))
            if array.dtype == np.float32 and name in in_half:
                self._halves[name] = f"{name}/half"
                made.append(numpy_helper.from_array(array.astype(np.float16), f"{name}/half"))
        constants = (("seed/start", START), ("seed/least", 1e-30))
        return made + [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants]

    def _body(self) -> list[onnx.NodeProto]:
        body = [_cast("image", "image/half", TensorProto.FLOAT16)]
        layer_read = seed_read = False
        for node in self._nodes:
            if is_objective(node, self._layer):
                if self._layer in node.input and not layer_read:
                    body.append(_cast(self._layer, "layer/single", TensorProto.FLOAT))
                    layer_read = True
                node.input[:] = ["layer/single" if name == self._layer else name for name in node.input]
                body.append(node)
                continue
            if self._seed in node.input and not seed_read:
                body += _start(self._seed)
                seed_read = True
            body += self._in_half(node)
        return [
            *body,
            _cast("gradient/half", "gradient/single", TensorProto.FLOAT),
            helper.make_node("Mul", ["gradient/single", "seed/factor"], ["gradient"], "gradient/sized"),
        ]

    def _in_half(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        node.input[:] = [self._halves.get(name, name) for name in node.input]
        for attribute in node.attribute:
            if node.op_type == "HardSigmoid" and attribute.name == "alpha":
                attribute.f = min(attribute.f, STEEPEST)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
            elif node.op_type == "ConstantOfShape" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16)))
        if node.output[0] == "gradient":
            node.output[0] = "gradient/half"
        return _in_single(node) if node.op_type == "ScatterElements" else [node]


def _cast(source: str, target: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], target, to=kind)


def _in_single(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """Run a ScatterElements in float32, because not every provider supports its addition in float16."""
    data, indices, updates = node.input
    output = node.output[0]
    casts = [(data, f"{output}/data", TensorProto.FLOAT), (updates, f"{output}/updates", TensorProto.FLOAT)]
    node.input[:] = [casts[0][1], indices, casts[1][1]]
    node.output[0] = f"{output}/single"
    made = [_cast(source, target, kind) for source, target, kind in casts]
    back = helper.make_node("Cast", [node.output[0]], [output], f"{output}/half", to=TensorProto.FLOAT16)
    return [*made, node, back]


def _start(seed: str) -> list[onnx.NodeProto]:
    """Nodes for `seed/half` = seed / factor, whose largest value is START."""

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
