"""Choose the tensors of a network to offer as layers, and compute their strides and receptive fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import onnx
from onnx import helper

from kiosk.forge.gradient.backward import Forward

ACTIVATIONS = {"Relu", "LeakyRelu", "PRelu", "Clip", "HardSwish", "Tanh"}
JOINS = {"Add", "Sum", "Mul"}


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


def strides_and_fields(
    nodes: list[onnx.NodeProto], shapes: Mapping[str, list], image: str
) -> dict[str, tuple[int, int]]:
    """Tensor -> (stride, receptive field) in image pixels, the larger of the two axes.

    Global averages (squeeze-and-excitation gates) see the whole picture and are ignored.
    """
    figures: dict[str, tuple[float, int]] = {image: (1, 1)}
    for node in nodes:
        known = [figures[name] for name in node.input if name in figures]
        if not known or node.op_type == "GlobalAveragePool":
            continue
        stride, field = known[0][0], max(field for _, field in known)
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        kernel = attributes.get("kernel_shape")
        if kernel is None and node.op_type in ("Conv", "ConvTranspose"):
            kernel = [size for size in shapes.get(node.input[1], [0, 0, 1, 1])[2:] if isinstance(size, int)]
        if kernel and node.op_type in ("Conv", "MaxPool", "AveragePool", "ConvTranspose"):
            dilations = attributes.get("dilations") or [1] * len(kernel)
            step = max(attributes.get("strides") or [1])
            reach = max(d * (k - 1) for d, k in zip(dilations, kernel, strict=True))
            if node.op_type == "ConvTranspose":
                stride /= step
                field += round(reach * stride)
            else:
                field += round(reach * stride)
                stride *= step
        for name in node.output:
            figures[name] = (stride, field)
    return {name: (max(1, round(stride)), field) for name, (stride, field) in figures.items()}
