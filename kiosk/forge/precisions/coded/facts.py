"""What a dream graph says about its tensors: who makes and reads them, their sizes, and which share a range."""

from __future__ import annotations

from collections import defaultdict

import onnx
from onnx import numpy_helper, shape_inference

EXAMPLE = 256
"""Side in pixels of the picture at which sizes are compared."""
SMALLEST_SIDE = 2
HIGHEST_BOUND = 16.0
"""A Clip with a higher bound than this is no ReLU6: codes of its whole range would be coarse."""


class Facts:
    """Facts about `model`, made by `add_gradient` from the float32 network `forward`."""

    def __init__(self, model: onnx.ModelProto, forward: onnx.ModelProto) -> None:
        self.model = model
        self.values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.producer = {name: node for node in model.graph.node for name in node.output if name}
        self.users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self.users[name].append(node)
        self._made_forward = {name for node in forward.graph.node for name in node.output}
        self.shapes = _example_shapes(forward)
        self._positive: dict[str, bool] = {}
        self._group = {name: name for name in self._made_forward}
        for node in model.graph.node:
            if node.op_type in ("Add", "MaxPool", "AveragePool") and self.is_forward(node.output[0]):
                for name in (*self.maps(node), self.fused(node.output[0])):
                    if name and not self.bound(name):
                        self._join(name, node.output[0])
        self.members: dict[str, list[str]] = defaultdict(list)
        for name in self._group:
            self.members[self._root(name)].append(name)

    def is_forward(self, name: str) -> bool:
        """Whether the network itself has the tensor, not its gradient."""
        return name in self._made_forward

    def is_map(self, name: str) -> bool:
        """Whether the tensor is [1, C, H, W] of the network, with H and W that grow with the picture."""
        shape = self.shapes.get(name, [])
        return name in self._made_forward and len(shape) == 4 and min(shape[1:]) >= SMALLEST_SIDE

    def maps(self, node: onnx.NodeProto) -> list[str]:
        """The inputs of `node` that are maps of its output's height and width."""
        return [name for name in node.input if self.is_map(name)]

    def channels(self, name: str) -> int:
        return self.shapes[name][1]

    def group(self, name: str) -> list[str]:
        """The tensors that have the same range as `name`, because they are added to each other or pooled."""
        return self.members[self._root(name)]

    def bound(self, name: str) -> float | None:
        """The upper bound if the tensor is made by a ReLU6, that is a Clip from 0 to a small constant, else None."""
        node = self.producer.get(name)
        if node is None or node.op_type != "Clip" or len(node.input) < 3:
            return None
        low, high = (self.values.get(bound) for bound in node.input[1:3])
        if low is None or high is None or low.size != 1 or high.size != 1 or float(low.item()) != 0:
            return None
        return float(high.item()) if 0 < high.item() <= HIGHEST_BOUND else None

    def fused(self, name: str) -> str | None:
        """The output of the ReLU or ReLU6 that is the only reader of `name`, which codes from 0 on do for free."""
        readers = self.users[name]
        if len(readers) != 1 or not self.is_forward(output := readers[0].output[0]):
            return None
        return output if readers[0].op_type == "Relu" or self.bound(output) else None

    def positive(self, name: str) -> bool:
        """Whether the tensor has no values below 0."""
        if name not in self._positive:
            node = self.producer.get(name)
            kind = node.op_type if node is not None else ""
            own = kind in ("Relu", "Sigmoid", "HardSigmoid", "Abs") or self.bound(name) is not None
            passing = kind in ("MaxPool", "AveragePool", "Concat", "Identity", "Add")
            self._positive[name] = own or (
                passing and node is not None and all(self.positive(each) for each in node.input)
            )
        return self._positive[name]

    def only_reader(self, name: str, kind: str) -> onnx.NodeProto | None:
        """The only reader of the tensor, if it is an operation of this `kind`."""
        readers = self.users[name]
        return readers[0] if len(readers) == 1 and readers[0].op_type == kind else None

    def _root(self, name: str) -> str:
        while self._group[name] != name:
            name = self._group[name]
        return name

    def _join(self, one: str, other: str) -> None:
        self._group[self._root(one)] = self._root(other)


def _example_shapes(forward: onnx.ModelProto) -> dict[str, list[int]]:
    """The sizes of the network's tensors for a picture of EXAMPLE pixels; unknown ones are 0."""
    model = onnx.ModelProto()
    model.CopyFrom(forward)
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = EXAMPLE
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*graph.value_info, *graph.output]
    }
