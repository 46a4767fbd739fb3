"""Make a graph that outputs a network's activations, without a backward pass."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import helper

from kiosk.forge.gradient.forward import Forward, prune


def read_layers(model: onnx.ModelProto, layers: Sequence[str], *, image_input: str = "image") -> onnx.ModelProto:
    """Make a graph from `image_input`, [1,3,H,W], to each of `layers`, [1,C,h,w], under its name.

    `model` is a forward network as for `add_gradient`. Raises BadInput (`unknown_layer`) for a missing layer.
    """
    forward = Forward(model, image_input)
    for layer in layers:
        forward.require(layer)
    nodes = forward.fold(prune(forward.nodes, set(layers)))
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        model.graph.name or "features",
        [forward.image],
        [
            helper.make_tensor_value_info(layer, forward.elem_type, [1, forward.channels(layer), None, None])
            for layer in layers
        ],
        [tensor for tensor in forward.initializers if tensor.name in used],
    )
    result = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", forward.opset)], producer_name="dreamkiosk"
    )
    result.ir_version = forward.ir_version
    result.metadata_props.extend(model.metadata_props)
    return result
