"""Choose the tensors of a network to offer as layers, and compute their strides and receptive fields."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import onnx
from onnx import helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.forward import Forward
from kiosk.forge.gradient.tape import Tape, Tensor
from kiosk.forge.rules import RULES, Step

ACTIVATIONS = {"Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Clip", "HardSwish", "Mish", "Gelu", "Tanh"}
JOINS = {"Add", "Sum", "Mul"}
WINDOWS = {"Conv", "ConvTranspose", "MaxPool", "AveragePool"}
AVERAGES = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "ReduceMax"}


def worthwhile(forward: Forward, spatial: Mapping[str, object]) -> list[str]:
    """The tensors of `spatial` that a network's author would call a layer: outputs of activations, and of nodes that
    join branches (concatenations, and sums and products of two branches not followed by an activation)."""
    users: dict[str, list[str]] = defaultdict(list)
    for node in forward.nodes:
        for name in node.input:
            users[name].append(node.op_type)
    found = []
    for node in forward.nodes:
        output = node.output[0]
        if output not in spatial:
            continue
        branches = sum(forward.depends(name) for name in node.input)
        followed = ACTIVATIONS.union({"BatchNormalization"}).intersection(users[output])
        if node.op_type in ACTIVATIONS or (
            branches > 1 and (node.op_type == "Concat" or (node.op_type in JOINS and not followed))
        ):
            found.append(output)
    return found or list(spatial)


def probe(forward: Forward) -> None:
    """Try the rule of every node, and note in `forward.refused` which do not cover their node. Constants must have been
    folded."""
    for node in forward.nodes:
        if forward.missing(node) or not any(forward.depends(name) for name in node.output):
            continue
        tape = Tape(forward.dtype, dict(forward.constants), forward.names)
        x = tuple(forward.tensor(tape, name) if name else None for name in node.input)
        for k, name in enumerate(node.input):
            if not forward.depends(name):
                continue
            y = forward.tensor(tape, node.output[0])
            try:
                RULES[node.op_type].rule(Step(node, tape, x, y, k), Tensor(tape, "dy", forward.shapes.get(y.name)))
            except BadInput as refusal:
                forward.refused[node.output[0]] = str(refusal)
            except ValueError as error:
                forward.refused[node.output[0]] = f"no gradient for {node.op_type} ({y.name}): {error}"


def behind(forward: Forward, spatial: Mapping[str, object]) -> dict[str, int]:
    """Why a node cannot be differentiated -> the number of layers of `spatial` that lie behind it and so cannot be
    dreamed."""
    first: dict[str, str] = {}
    for node in forward.nodes:
        reason = next((first[name] for name in node.input if name in first), None) or forward.missing(node)
        if reason:
            first.update((name, reason) for name in node.output if forward.depends(name))
    hidden = {name: shape for name, shape in spatial.items() if name in first}
    return dict(Counter(first[name] for name in worthwhile(forward, hidden))) if hidden else {}


def fixed(forward: Forward) -> dict[str, int]:
    """Why the graph fixes the picture's size -> the number of layers that lie behind it and so cannot be dreamed."""
    first: dict[str, str] = {}
    for node in forward.nodes:
        output = node.output[0]
        if not forward.depends(output):
            continue
        reason = next((first[name] for name in node.input if name in first), None)
        sizes = forward.shapes.get(output, [])[2:]
        if reason or (len(sizes) > 1 and all(isinstance(size, int) and size > 1 for size in sizes[-2:])):
            first[output] = reason or f"{node.op_type} ({node.name or output}) fixes the size of the picture"
    maps = [name for name in first if len(forward.shapes.get(name, [])) == 4]
    hidden = {name: None for name in maps if all(size != 1 for size in forward.shapes[name][2:])}
    return dict(Counter(first[name] for name in worthwhile(forward, hidden))) if hidden else {}


def strides_and_fields(
    nodes: list[onnx.NodeProto], shapes: Mapping[str, list], image: str
) -> dict[str, tuple[int, int]]:
    """Tensor -> (stride, receptive field) in image pixels, the larger of the two axes.

    Global averages (squeeze-and-excitation gates) see the whole picture and are ignored.
    """
    # The axes are followed apart: a 1x7 convolution sees no more rows than before.
    figures: dict[str, list[tuple[float, int]]] = {image: [(1, 1), (1, 1)]}
    for node in nodes:
        known = [figures[name] for name in node.input if name in figures]
        if not known or node.op_type in AVERAGES:
            continue
        joined = [(known[0][axis][0], max(one[axis][1] for one in known)) for axis in (0, 1)]
        after = [_behind_window(node, shapes, axis, *joined[axis]) for axis in (0, 1)]
        figures.update((name, after) for name in node.output)
    return {
        name: (max(1, *(round(stride) for stride, _ in axes)), max(field for _, field in axes))
        for name, axes in figures.items()
    }


def _behind_window(
    node: onnx.NodeProto, shapes: Mapping[str, list], axis: int, stride: float, field: int
) -> tuple[float, int]:
    """Stride and receptive field along `axis` (0: rows, 1: columns) behind `node`, if it is one of WINDOWS."""
    if node.op_type not in WINDOWS:
        return stride, field
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    kernel = attributes.get("kernel_shape") or shapes.get(node.input[1], [0, 0, 1, 1])[2:]
    reach = (attributes.get("dilations") or [1, 1])[axis] * (kernel[axis] - 1)
    step = (attributes.get("strides") or [1, 1])[axis]
    if node.op_type == "ConvTranspose":
        return stride / step, field + round(reach * stride / step)
    return stride * step, field + round(reach * stride)
