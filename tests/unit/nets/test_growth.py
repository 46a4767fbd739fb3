"""Which layers dream well."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.nets.growth import TRIED, growths, promising


def chain(count: int, dead: int) -> onnx.ModelProto:
    """`count` convolutions with ReLUs, relu0 to relu<count - 1>; from number `dead` on, nothing reacts."""
    random = np.random.default_rng(1)
    nodes, weights, last = [], [], "image"
    for number in range(count):
        kernel = random.normal(0, 0.4, (4, 3 if number == 0 else 4, 3, 3)) * (-1 if number < dead else 0)
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{number}"))
        nodes.append(helper.make_node("Conv", [last, f"w{number}"], [f"z{number}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"z{number}"], [f"relu{number}"]))
        last = f"relu{number}"
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


PHOTO = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)


def test_layers_grow_in_a_short_dream_and_those_that_do_not_react_are_left_out() -> None:
    steps: list[float] = []
    layers = ["relu0", "relu1", "relu2", "relu3"]
    growth = growths(chain(4, dead=2), layers, PHOTO, steps.append)
    assert list(growth) == layers[:2]
    assert min(growth.values()) > 1
    assert steps == [0, 0.25, 0.5, 0.75]


@pytest.mark.slow
def test_of_many_layers_some_of_all_depths_are_tried() -> None:
    layers = [f"relu{number}" for number in range(20)]
    tried: list[float] = []
    growth = growths(chain(20, dead=0), layers, PHOTO, tried.append)
    assert growth == {}
    assert len(tried) == TRIED


def test_the_layer_that_grows_most_comes_first() -> None:
    assert promising({"a": 1.5, "b": 9.0, "c": 4.0}, 2) == ["b", "c"]
