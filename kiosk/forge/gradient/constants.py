"""Constant folding: evaluate what does not depend on the picture."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from kiosk.errors import BadInput

log = logging.getLogger(__name__)

MOST_VALUES = 2**27
"""Maximum elements of one constant; the largest of known classifiers has 100 million."""
_SHAPE = 64
"""An input with at most this many elements may be a shape that determines the output's size."""


def fold(nodes: Iterable[onnx.NodeProto], known: dict[str, np.ndarray], opset: int) -> list[onnx.NodeProto]:
    """Evaluate nodes with only `known` inputs and add their outputs to `known`. Returns the remaining nodes.

    Networks may compute weights in the graph (ConstantOfShape, Unsqueeze of a scale), and gradient rules need the
    values. Nodes with a body (If, Loop) and random ones are not evaluated. Raises BadInput if a constant would have
    more than MOST_VALUES elements: a malicious node of a few bytes may ask for a tensor of any shape.
    """
    remaining = []
    for node in nodes:
        fixed = all(not name or name in known for name in node.input)
        if not fixed or node.op_type.startswith("Random") or any(a.HasField("g") for a in node.attribute):
            remaining.append(node)
            continue
        inputs = {name: known[name] for name in node.input if name}
        _refuse_large(node, inputs, opset)
        outputs = [name for name in node.output if name]
        try:
            values = ReferenceEvaluator(_alone(node, inputs, opset)).run(outputs, inputs)
        except (NotImplementedError, RuntimeError, ValueError, TypeError, IndexError) as error:
            # An operation that the evaluator lacks: the gradient rules decide whether they need its value.
            log.info("%s (%s) stays in the graph: %s", node.op_type, node.output[0], error)
            remaining.append(node)
            continue
        known.update((name, np.asarray(value)) for name, value in zip(outputs, values, strict=True))
    return remaining


def _refuse_large(node: onnx.NodeProto, inputs: dict[str, np.ndarray], opset: int) -> None:
    model = _alone(node, {name: value for name, value in inputs.items() if value.size > _SHAPE}, opset)
    shapes = {name: value for name, value in inputs.items() if value.size <= _SHAPE}
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in shapes.items())
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    for value in (*graph.output, *graph.value_info):
        if math.prod(max(1, dim.dim_value) for dim in value.type.tensor_type.shape.dim) > MOST_VALUES:
            raise BadInput(
                f"{node.op_type} ({value.name}) makes a constant of more than {MOST_VALUES} numbers", "bad_network"
            )


def _alone(node: onnx.NodeProto, inputs: dict[str, np.ndarray], opset: int) -> onnx.ModelProto:
    """A model that contains only `node`."""
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
