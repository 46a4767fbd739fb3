"""Free a network's height and width: exporters write sizes of the example picture into the graph.

Reshapes that keep height and width (channel shuffles) take them from their input, and sizes that the graph reads but
that no picture changes, such as half the channels, become constants.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from kiosk.forge.gradient.constants import fold

SMALL = 1000
"""Constants of at most this many elements may be sizes."""
ROUNDS = 64
"""Each round reaches behind one more stage of the network; ShuffleNet's 16 need 16."""
FIXED_AXES = (0, 1)
"""Pictures and channels, whose number does not depend on the picture's size."""


def free_sizes(model: onnx.ModelProto) -> None:
    """Change `model`, whose picture input still has its size, in place."""
    del model.graph.value_info[:]
    for _ in range(ROUNDS):
        shapes = _shapes(model)
        known = _small_constants(model)
        # Both, in every round: what lies behind a reshape gets its shape from it.
        if not (_free_reshapes(model, shapes, known) + _settle_reads(model, shapes, known)):
            return


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """The shapes at the size that the input says, as far as known; unknown sizes are 0. Weights are left out, because
    inference would copy them."""
    light = onnx.ModelProto()
    light.opset_import.extend(model.opset_import)
    light.ir_version = model.ir_version
    source = model.graph
    light.graph.node.extend(source.node)
    light.graph.name = "shapes"
    light.graph.input.extend(source.input)
    light.graph.output.extend(onnx.ValueInfoProto(name=value.name) for value in source.output)
    inputs = {value.name for value in source.input}
    for tensor in source.initializer:
        if int(np.prod(tensor.dims)) <= SMALL:
            light.graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    graph = shape_inference.infer_shapes(light, data_prop=True).graph
    return {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*graph.value_info, *graph.input]
        if value.type.tensor_type.HasField("shape")
    }


def _small_constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Initializers and outputs of Constant nodes."""
    tensors = {t.name: t for t in model.graph.initializer}
    tensors.update((n.output[0], n.attribute[0].t) for n in model.graph.node if _has_tensor(n))
    return {name: numpy_helper.to_array(t) for name, t in tensors.items() if int(np.prod(t.dims)) <= SMALL}


def _has_tensor(node: onnx.NodeProto) -> bool:
    return node.op_type == "Constant" and node.attribute[0].name == "value"


def _free_reshapes(model: onnx.ModelProto, shapes: dict[str, list[int]], known: dict[str, np.ndarray]) -> int:
    """Make reshapes that keep height and width take them from their input. Returns how many changed."""
    graph, changed = model.graph, 0
    nodes = []
    for number, node in enumerate(graph.node):
        source = shapes.get(node.input[0], []) if node.input else []
        target = known[node.input[1]].tolist() if node.op_type == "Reshape" and node.input[1] in known else []
        if len(source) > 3 < len(target) and source[-2:] == target[-2:] and min(source[-2:]) > 1:
            base = f"reshape_{node.output[0]}_{number}"
            for part, values in (("front", target[:-2]), ("axes", [len(source) - 2, len(source) - 1])):
                graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), f"{base}/{part}"))
            nodes += [
                helper.make_node("Shape", [node.input[0]], [f"{base}/sizes"]),
                helper.make_node("Gather", [f"{base}/sizes", f"{base}/axes"], [f"{base}/back"], axis=0),
                helper.make_node("Concat", [f"{base}/front", f"{base}/back"], [f"{base}/shape"], axis=0),
            ]
            node.input[1] = f"{base}/shape"
            changed += 1
        nodes.append(node)
    _replace_nodes(graph, nodes)
    return changed


def _settle_reads(model: onnx.ModelProto, shapes: dict[str, list[int]], known: dict[str, np.ndarray]) -> int:
    """Replace reads of a fixed size, Gather(Shape(x), axis), and what is computed from them. Returns how many."""
    graph = model.graph
    reads = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Shape" and not n.attribute}
    settled: dict[str, np.ndarray] = {}
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] in reads and node.input[1] in known:
            shape, axis = shapes.get(reads[node.input[0]], []), known[node.input[1]]
            axes = axis.reshape(-1).tolist()
            if len(shape) > 2 and all(a in FIXED_AXES and shape[a] > 0 for a in axes):
                settled[node.output[0]] = np.array([shape[a] for a in axes], np.int64).reshape(axis.shape)
    if not settled:
        return 0
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    values = {**{name: value for name, value in known.items() if value.dtype == np.int64}, **settled}
    candidates = [n for n in graph.node if n.output[0] not in values and n.input]
    rest = fold(candidates, values, opset)
    folded = {n.output[0] for n in candidates} - {n.output[0] for n in rest}
    made = folded | settled.keys()
    graph.initializer.extend(numpy_helper.from_array(values[name], name) for name in sorted(made))
    _replace_nodes(graph, [node for node in graph.node if node.output[0] not in made])
    return len(settled)


def _replace_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(kept)


__all__ = ["free_sizes"]
