"""The rules for CPUs give what the plain ones give, in every arrangement of the layers that they treat specially."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.rules.blocked import BLOCKED

RANDOM = np.random.default_rng(11)
POOL = {"kernel_shape": [3, 3], "strides": [2, 2]}

ARRANGEMENTS: dict[str, list[tuple[str, dict, tuple[int, ...] | None]]] = {
    "pool-relu": [("Conv", {"strides": [2, 2]}, (16, 3, 3, 3)), ("MaxPool", POOL, None), ("Relu", {}, None)],
    "relu-pool": [("Conv", {"strides": [2, 2]}, (16, 3, 3, 3)), ("Relu", {}, None), ("MaxPool", POOL, None)],
    "pool-behind-conv-1x1": [("Conv", {}, (32, 3, 1, 1)), ("MaxPool", POOL, None), ("Relu", {}, None)],
    "pool-behind-conv-3x3": [
        ("Conv", {"strides": [2, 2], "pads": [0, 0, 1, 1]}, (16, 3, 3, 3)),
        ("Relu", {}, None),
        ("Conv", {"pads": [1, 1, 1, 1]}, (16, 16, 3, 3)),
        ("MaxPool", POOL, None),
        ("Relu", {}, None),
    ],
    "pool-behind-conv-7x7": [
        ("Conv", {"strides": [2, 2], "pads": [3, 3, 3, 3]}, (16, 3, 7, 7)),
        ("MaxPool", POOL, None),
    ],
    "pool-behind-conv-5x5": [("Conv", {}, (16, 3, 5, 5)), ("MaxPool", POOL, None)],
    "pool-behind-conv-stride-3": [("Conv", {"strides": [3, 3]}, (16, 3, 4, 4)), ("MaxPool", POOL, None)],
    "two-pools": [("Conv", {}, (16, 3, 3, 3)), ("MaxPool", POOL, None), ("MaxPool", POOL, None)],
    "padded-pool": [("Conv", {}, (16, 3, 3, 3)), ("MaxPool", {**POOL, "pads": [1, 1, 1, 1]}, None)],
    "odd-channels": [("Conv", {}, (12, 3, 3, 3)), ("Relu", {}, None), ("MaxPool", POOL, None)],
    "grouped": [
        ("Conv", {}, (16, 3, 3, 3)),
        ("Conv", {"group": 4}, (16, 4, 3, 3)),
        ("MaxPool", POOL, None),
        ("Relu", {}, None),
    ],
    "clip": [("Conv", {}, (16, 3, 3, 3)), ("Clip", {}, None)],
    **{
        f"halved-{side}x{side}-{'-'.join(map(str, pads))}": [
            ("Conv", {}, (32, 3, 1, 1)),
            ("Clip", {}, None),
            ("Conv", {"strides": [2, 2], "pads": pads, "group": 32}, (32, 1, side, side)),
            ("Clip", {}, None),
        ]
        for side, pads in ((3, [0, 0, 1, 1]), (3, [1, 1, 1, 1]), (3, [0] * 4), (5, [1, 1, 2, 2]), (5, [2, 2, 2, 2]))
    },
    "halved-behind-conv-3x3": [
        ("Conv", {"pads": [1, 1, 1, 1]}, (16, 3, 3, 3)),
        ("Conv", {"strides": [2, 2], "pads": [0, 0, 1, 1], "group": 16}, (16, 1, 3, 3)),
    ],
    "halved-twice": [
        ("Conv", {}, (16, 3, 3, 3)),
        ("Clip", {}, None),
        ("Conv", {"strides": [2, 2], "pads": [1, 1, 2, 2], "group": 16}, (16, 1, 5, 5)),
        ("Clip", {}, None),
        ("Conv", {"strides": [2, 2], "pads": [0, 0, 1, 1], "group": 16}, (16, 1, 3, 3)),
        ("Clip", {}, None),
    ],
    "halved-with-odd-channels": [
        ("Conv", {}, (12, 3, 3, 3)),
        ("Clip", {}, None),
        ("Conv", {"strides": [2, 2], "pads": [0, 0, 1, 1], "group": 12}, (12, 1, 3, 3)),
    ],
}  # fmt: skip
BOUND = 0.4
"""Of the clips: exceeded by about a tenth of the values."""


def network(layers: list[tuple[str, dict, tuple[int, ...] | None]]) -> onnx.ModelProto:
    nodes, weights, name = [], [], "image"
    for number, (op, attributes, shape) in enumerate(layers):
        inputs, output = [name], f"{op}{number}"
        if shape:
            array = RANDOM.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
            weights.append(numpy_helper.from_array(array, f"w{number}"))
            inputs.append(f"w{number}")
        if op == "Clip":
            bounds = {f"low{number}": 0.0, f"high{number}": BOUND}
            weights += [numpy_helper.from_array(np.float32(bound), bounded) for bounded, bound in bounds.items()]
            inputs += bounds
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        name = output
    graph = helper.make_graph(
        nodes,
        "arrangement",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.parametrize("size", [(32, 48), (37, 41), (34, 35)], ids=str)
@pytest.mark.parametrize("flat", [False, True], ids=["noise", "flat-areas"])
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_the_gradient_is_that_of_the_plain_rules(name: str, flat: bool, size: tuple[int, int]) -> None:
    """Flat areas make equals in every window: dy must go to one of them, the same one."""
    model = network(ARRANGEMENTS[name])
    layer = model.graph.output[0].name
    image = np.random.default_rng(3).uniform(-1, 1, (1, 3, *size)).astype(np.float32)
    if flat:
        image[:, :, 4:-5, 3:-9] = 0.25
    plain, blocked = (
        open_plain(add_gradient(model, {layer: 1.0}, **rules)).run(["gradient", "objective"], {"image": image})
        for rules in ({}, {"rules": BLOCKED})
    )
    assert blocked[1] == pytest.approx(plain[1], rel=1e-5)
    assert np.abs(blocked[0] - plain[0]).max() < 1e-5 * np.abs(plain[0]).max()
