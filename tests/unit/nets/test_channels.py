"""Single channels of one or several layers, on a network whose activations are the picture's own channels."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.backward import add_gradient
from kiosk.nets.dreaming.gradient import TileRunner

LAYERS = {"first": 1.0, "second": 0.5}
PICTURE = np.random.default_rng(0).uniform(1, 9, (8, 8, 3)).astype(np.float32)


def graph(*layers: str) -> bytes:
    """image -> first -> second, both equal to the picture if it is positive."""
    nodes = [helper.make_node("Relu", ["image"], ["first"]), helper.make_node("Relu", ["first"], ["second"])]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    last = helper.make_tensor_value_info("second", TensorProto.FLOAT, [1, 3, "height", "width"])
    model = helper.make_model(
        helper.make_graph(nodes, "equal", [image], [last]), opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    )
    return add_gradient(
        onnx.shape_inference.infer_shapes(model), {name: LAYERS[name] for name in layers}
    ).SerializeToString()


def objective(channels: tuple[tuple[str, int, float], ...], *layers: str) -> float:
    return TileRunner(graph(*layers), channels, threads=1, providers=["CPUExecutionProvider"]).objective(PICTURE)


SQUARES = (PICTURE.astype(np.float64) ** 2).mean(axis=(0, 1))
"""Mean square of each channel."""


@pytest.mark.parametrize(
    ("channels", "wanted"),
    [
        ((), 1.5 * SQUARES.mean()),
        ((("first", 0, 1.0),), SQUARES[0] + 0.5 * SQUARES.mean()),
        (
            (("second", 2, 1.0), ("first", 0, 0.25), ("second", 1, 3.0)),
            0.25 * SQUARES[0] + 0.5 * (SQUARES[2] + 3 * SQUARES[1]),
        ),
    ],
)
def test_channels_of_each_layer_are_weighted_apart(channels: tuple[tuple[str, int, float], ...], wanted: float) -> None:
    assert objective(channels, "first", "second") == pytest.approx(wanted, rel=1e-5)


def test_the_gradient_follows_the_channels() -> None:
    runner = TileRunner(
        graph("first", "second"),
        (("first", 0, 1.0), ("second", 1, 1.0)),
        threads=1,
        providers=["CPUExecutionProvider"],
    )
    np.testing.assert_allclose(runner(PICTURE), 2 * PICTURE * [1.0, 0.5, 0.0], rtol=1e-5)


def test_a_graph_of_a_single_layer_takes_its_channels() -> None:
    assert objective((("second", 2, 2.0),), "second") == pytest.approx(SQUARES[2], rel=1e-5)


@pytest.mark.parametrize(
    ("channel", "code"), [(("first", 3, 1.0), "bad_channel"), (("third", 0, 1.0), "unknown_layer")]
)
def test_channels_that_the_graph_lacks_are_refused(channel: tuple[str, int, float], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        objective((channel,), "first", "second")
    assert refused.value.code == code
