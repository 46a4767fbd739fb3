"""Working out what does not depend on the picture before the graph runs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator


def fold(nodes: Iterable[onnx.NodeProto], known: dict[str, np.ndarray], opset: int) -> list[onnx.NodeProto]:
    """The nodes that remain when those with only `known` inputs are evaluated; their outputs are added to `known`.

    Networks compute weights in the graph (ConstantOfShape, Unsqueeze of a scale), and gradient rules need the values.
    Nodes with a body (If, Loop) and random ones stay.
    """
    remaining = []
    for node in nodes:
        fixed = all(not name or name in known for name in node.input)
        if not fixed or node.op_type.startswith("Random") or any(a.HasField("g") for a in node.attribute):
            remaining.append(node)
            continue
        inputs = {name: known[name] for name in node.input if name}
        evaluator = ReferenceEvaluator(_alone(node, inputs, opset))
        outputs = [name for name in node.output if name]
        values = evaluator.run(outputs, inputs)
        known.update((name, np.asarray(value)) for name, value in zip(outputs, values, strict=True))
    return remaining


def _alone(node: onnx.NodeProto, inputs: dict[str, np.ndarray], opset: int) -> onnx.ModelProto:
    """A model of one node."""
    graph = helper.make_graph(
        [node],
        "constant",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for name in node.output if name],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
