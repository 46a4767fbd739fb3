"""Dreams like a guide: the objective and its gradient, and the features that are followed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.features import read_layers
from kiosk.forge.gradient.objectives import likeness
from kiosk.nets.dreaming.guide import MOST, read_features

CHANNELS = 5


def network() -> onnx.ModelProto:
    """image -> early (5 channels) -> late (5 channels), smooth, in float64, so that differences are exact (by ONNX's
    reference: ONNX Runtime has no convolution in float64)."""
    random = np.random.default_rng(3)
    weights = {"w1": random.normal(0, 0.01, (CHANNELS, 3, 3, 3)), "w2": random.normal(0, 1, (CHANNELS, CHANNELS, 3, 3))}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["z1"], strides=[2, 2]),
        helper.make_node("Sigmoid", ["z1"], ["early"]),
        helper.make_node("Conv", ["early", "w2"], ["z2"]),
        helper.make_node("Sigmoid", ["z2"], ["late"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.DOUBLE, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("late", TensorProto.DOUBLE, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def image() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (1, 3, 20, 26))


def guide(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (CHANNELS, 7))


def test_each_position_follows_the_feature_with_the_largest_dot_product() -> None:
    graph = ReferenceEvaluator(add_gradient(network(), {"late": 3.0}, objective=likeness))
    activation = ReferenceEvaluator(read_layers(network(), ["late"])).run(["late"], {"image": image()})[0][0]
    positions = activation.reshape(CHANNELS, -1)
    best = (positions.T @ guide(0)).max(axis=1)
    value = graph.run(["objective"], {"image": image(), "guide": guide(0)})[0]
    assert value == pytest.approx(3.0 * best.sum() / positions.size, rel=1e-9)


@pytest.mark.parametrize("layers", [{"late": 1.0}, {"early": 0.5, "late": 2.0}])
def test_the_gradient_of_likeness_is_that_of_differences(layers: dict[str, float]) -> None:
    graph = ReferenceEvaluator(add_gradient(network(), layers, objective=likeness))
    guides = {"guide": guide(0)} if len(layers) == 1 else {"guide_early": guide(1), "guide_late": guide(2)}
    gradient = graph.run(["gradient"], {"image": image(), **guides})[0]
    random = np.random.default_rng(9)
    for _ in range(5):
        direction = random.normal(size=gradient.shape)
        step = 1e-3
        ahead, behind = (
            graph.run(["objective"], {"image": image() + sign * step * direction, **guides})[0] for sign in (1, -1)
        )
        assert (ahead - behind) / (2 * step) == pytest.approx(float((gradient * direction).sum()), rel=1e-4)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = GraphSpec("squeezenet", "fp32", (("fire4", 1.0), ("fire8", 1.0)), "features")
    return ensure_graph(tmp_path_factory.mktemp("graphs"), spec)


def test_a_guide_has_a_bounded_number_of_features_a_layer(reader: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 500, 3), np.uint8)
    features = read_features(picture, reader)
    assert {layer: len(values) for layer, values in features.items()} == {"fire4": 256, "fire8": 512}
    for values in features.values():
        assert 100 < values.shape[1] <= MOST
        assert values.dtype == np.float32


def test_the_features_of_a_guide_are_the_same_every_time(reader: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    first, second = read_features(picture, reader), read_features(picture, reader)
    for layer in first:
        np.testing.assert_array_equal(first[layer], second[layer])


@pytest.mark.parametrize("shape", [(31, 400, 3), (8, 8, 3)])
def test_a_tiny_guide_is_refused(reader: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="32 pixels"):
        read_features(np.zeros(shape, np.uint8), reader)


def test_guided_graphs_are_float32(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="not available in int8"):
        ensure_graph(tmp_path, GraphSpec("squeezenet", "int8", (("fire8", 1.0),), "guided"))
