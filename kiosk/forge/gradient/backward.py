"""Add the backward pass to a network, because ONNX Runtime has no autograd.

This is reverse-mode differentiation: it visits nodes in reverse order, computes the gradients of each node's inputs
from that of its output by its rule in `kiosk.forge.rules`, and sums the contributions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import onnx
from onnx import helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.forward import Forward, prune
from kiosk.forge.gradient.objectives import Objective, Seed, reaction
from kiosk.forge.gradient.tape import Dim, Tape, Tensor
from kiosk.forge.rules import RULES, Entry, Step

_OBJECTIVE = "objective/"


def add_gradient(
    model: onnx.ModelProto,
    layers: Mapping[str, float],
    *,
    image_input: str = "image",
    rules: Mapping[str, Entry] = RULES,
    objective: Objective = reaction,
    residual: float = 1.0,
) -> onnx.ModelProto:
    """Make the dream graph of `layers`: forward pass, objective, and its gradient with respect to the picture.

    `model` is a forward network whose only input without an initializer, `image_input`, is [1,3,H,W], float32 (or
    float64, for numerical checks); H and W may be free. `layers` maps names of its tensors [1,C,...] to weights.

    The result takes `image_input` and returns
      `gradient`, of the image's shape: d objective / d image;
      `objective`, a scalar: the sum over layers of `objective`, one of `kiosk.forge.gradient.objectives`.
    Inputs of the objective, such as `channel_weights`, get the layer's name as a suffix if there are several layers:
    `channel_weights_<layer>`. Nodes that the layers do not need are removed.

    `rules` is the table of gradient rules: the default, or `kiosk.forge.rules.blocked.BLOCKED` for CPUs. `residual`:
    factor on the gradient that enters the residual branch of a block with a skip connection; below 1, the result is no
    longer the true gradient, but one that more networks agree on (Wu et al., "Skip Connections Matter", 2020).

    Raises BadInput with code `unknown_layer`, or `no_gradient_rule` with the operation and the layers that would work.
    """
    if not layers:
        raise BadInput("name at least one layer to dream", "unknown_layer")
    forward = Forward(model, image_input)
    for layer in layers:
        forward.require(layer)
    nodes = prune(forward.nodes, set(layers))
    forward.require_rules(nodes, layers)
    nodes = forward.fold(nodes)
    tape = Tape(forward.dtype, forward.constants, forward.names)

    seeds = {layer: _seed(tape, forward, objective, layer, layers) for layer in layers}
    gradients: dict[str, list[Tensor]] = defaultdict(list)
    for layer, seed in seeds.items():
        gradients[layer].append(seed.gradient)
    _walk_back(tape, forward, nodes, rules, gradients, residual)
    if not gradients[forward.image.name]:
        raise BadInput("the layers do not depend on the picture", "unknown_layer")
    tape.scope = "result"
    _name_result(tape, _sum(gradients[forward.image.name]), "gradient")
    _name_result(tape, _sum([seed.value for seed in seeds.values()]), "objective")
    inputs = [forward.image, *(value for seed in seeds.values() for value in seed.inputs)]
    return _result(model, forward, inputs, [*nodes, *tape.nodes], tape.initializers)


def _seed(tape: Tape, forward: Forward, objective: Objective, layer: str, layers: Mapping[str, float]) -> Seed:
    """The objective at one of `layers` and its gradient there."""
    tape.scope = _OBJECTIVE + layer
    suffix = "" if len(layers) == 1 else f"_{layer}"
    return objective(tape, forward.tensor(tape, layer), forward.channels(layer), float(layers[layer]), suffix)


def _walk_back(
    tape: Tape,
    forward: Forward,
    nodes: list[onnx.NodeProto],
    rules: Mapping[str, Entry],
    gradients: dict[str, list[Tensor]],
    residual: float,
) -> None:
    """Propagate `gradients` (tensor -> contributions) from the layers back to the picture."""
    for node in reversed(nodes):
        for number, output in enumerate(node.output):
            if not forward.depends(output) or not gradients[output]:
                continue
            tape.scope = f"gradient/{node.name or node.output[0]}"
            dy = _sum(gradients.pop(output))
            x = tuple(forward.tensor(tape, name) if name else None for name in node.input)
            y = forward.tensor(tape, output)
            for k, name in enumerate(node.input):
                factor = residual if residual != 1 and forward.is_branch(node, k) else 1.0
                if factor and forward.depends(name):
                    dx = rules[node.op_type].rule(Step(node, tape, x, y, k, number), dy)
                    gradients[name].append(dx if factor == 1 else dx * factor)


def _result(
    model: onnx.ModelProto,
    forward: Forward,
    inputs: list[onnx.ValueInfoProto],
    nodes: list[onnx.NodeProto],
    initializers: list[onnx.TensorProto],
) -> onnx.ModelProto:
    """The graph from `inputs` to `gradient` and `objective`, without unused nodes."""
    outputs = [
        helper.make_tensor_value_info("gradient", forward.elem_type, forward.shapes[forward.image.name]),
        helper.make_tensor_value_info("objective", forward.elem_type, []),
    ]
    body = prune(nodes, {"gradient", "objective"})
    used = {name for node in body for name in node.input}
    kept = [tensor for tensor in [*forward.initializers, *initializers] if tensor.name in used]
    graph = helper.make_graph(body, model.graph.name or "dream", inputs, outputs, kept)
    result = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", forward.opset)], producer_name="dreamkiosk"
    )
    result.ir_version = forward.ir_version
    result.metadata_props.extend(model.metadata_props)
    return result


def is_objective(node: onnx.NodeProto, layer: str) -> bool:
    """Whether `add_gradient` made the node to compute the objective at `layer` or its gradient there."""
    return node.name.startswith(f"{_OBJECTIVE}{layer}/") or node.output[0] == "objective"


def dreamable_layers(model: onnx.ModelProto, *, image_input: str = "image") -> dict[str, list[Dim]]:
    """The tensors [1,C,H,W] of `model` that `add_gradient` accepts as layers, in graph order, with their shapes."""
    return Forward(model, image_input).dreamable()


def _sum(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _name_result(tape: Tape, value: Tensor, name: str) -> None:
    tape.nodes.append(helper.make_node("Identity", [value.name], [name], name=name))
