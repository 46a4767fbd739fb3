"""Int8, float16 and Q/DQ dream graphs of a SqueezeNet with seeded weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from kiosk.errors import Unavailable
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.precisions.dream_ranges import Ranges, read_ranges, tensor_ranges, write_ranges
from kiosk.forge.precisions.fp16_dream import dream_to_half
from kiosk.forge.precisions.int8_dream import quantize_dream
from kiosk.forge.precisions.qdq_dream import quantize_forward
from kiosk.forge.readers.squeezenet import forward
from tests.bench.calibrate_dream import Calibration
from tests.bench.calibration_points import squeezenet_points
from tests.saturation import needs_exact_sums

LAYER = "fire4"


@pytest.fixture(scope="module")
def weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """He-normal weights; SqueezeNet's own shapes, which the graphs are written for."""
    rng = np.random.default_rng(0)
    found = {"conv1": (64, 3, 3)}
    inputs = 64
    for number, (squeeze, expand) in enumerate([(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2 + [(64, 256)] * 2, 2):
        found[f"fire{number}/squeeze1x1"] = (squeeze, inputs, 1)
        found[f"fire{number}/expand1x1"] = (expand, squeeze, 1)
        found[f"fire{number}/expand3x3"] = (expand, squeeze, 3)
        inputs = 2 * expand
    found["conv10"] = (1000, inputs, 1)
    return {
        name: (
            (rng.normal(size=(m, c, k, k)) * np.sqrt(2 / (c * k * k))).astype(np.float32),
            np.full(m, 0.1, np.float32),
        )
        for name, (m, c, k) in found.items()
    }


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (1, 3, 16, 12))
    return np.kron(coarse, np.ones((1, 1, 8, 8))).astype(np.float32)


@pytest.fixture(scope="module")
def ranges(weights: dict, picture: np.ndarray) -> Ranges:
    model = forward(weights)
    calibration = Calibration(model, squeezenet_points(model, LAYER), LAYER)
    calibration.see(picture[0].transpose(1, 2, 0), None)
    return calibration.ranges(1.2, 2.0)


def gradient(model: onnx.ModelProto, picture: np.ndarray, **inputs: np.ndarray) -> tuple[np.ndarray, float]:
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(["gradient", "objective"], {"image": picture, **inputs})
    return found[0], float(found[1])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def test_an_int8_gradient_points_where_the_float_one_does(weights: dict, picture: np.ndarray, ranges: Ranges) -> None:
    needs_exact_sums()
    wanted, objective = gradient(add_gradient(forward(weights), {LAYER: 1.0}), picture)
    found, seen = gradient(quantize_dream(weights, LAYER, ranges), picture)
    assert found.shape == picture.shape
    assert seen == pytest.approx(objective, rel=0.05)
    assert cosine(found, wanted) > 0.9
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(wanted), rel=0.1)


def test_int8_follows_channel_weights(weights: dict, picture: np.ndarray, ranges: Ranges) -> None:
    one = np.zeros(256, np.float32)
    one[200] = 1
    wanted, objective = gradient(add_gradient(forward(weights), {LAYER: 1.0}), picture, channel_weights=one)
    found, seen = gradient(quantize_dream(weights, LAYER, ranges), picture, channel_weights=one)
    assert seen == pytest.approx(objective, rel=0.1)
    assert cosine(found, wanted) > 0.8


@pytest.mark.parametrize("size", [(64, 65), (65, 64), (67, 70), (94, 61)])
def test_int8_takes_pictures_of_any_size(weights: dict, ranges: Ranges, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(2).uniform(0, 255, (1, 3, *size)).astype(np.float32)
    wanted, _ = gradient(add_gradient(forward(weights), {LAYER: 1.0}), picture)
    found, _ = gradient(quantize_dream(weights, LAYER, ranges), picture)
    assert found.shape == wanted.shape
    assert cosine(found, wanted) > 0.7


def test_a_float16_gradient_is_the_float32_one(weights: dict, picture: np.ndarray) -> None:
    model = add_gradient(forward(weights), {LAYER: 1.0})
    wanted, objective = gradient(model, picture)
    found, seen = gradient(dream_to_half(model, LAYER), picture)
    assert cosine(found, wanted) > 0.99
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(wanted), rel=0.02)
    assert seen == pytest.approx(objective, rel=0.01)


def test_q_dq_pairs_are_symmetric_with_constant_scales(weights: dict, picture: np.ndarray, ranges: Ranges) -> None:
    plain = add_gradient(forward(weights), {LAYER: 1.0})
    model = quantize_forward(plain, tensor_ranges(ranges))
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    pairs = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    for node in pairs:
        assert node.input[1] in constants
        assert constants[node.input[2]].dtype == np.int8
        assert not constants[node.input[2]].any()
    assert cosine(gradient(model, picture)[0], gradient(plain, picture)[0]) > 0.7


def test_ranges_survive_their_file(tmp_path: Path, ranges: Ranges) -> None:
    path = tmp_path / "ranges.toml"
    write_ranges(path, ranges)
    back = read_ranges(path)
    assert back.activations.keys() == ranges.activations.keys()
    np.testing.assert_allclose(back.activations["conv1"], ranges.activations["conv1"], rtol=0.01)
    assert back.gradients == pytest.approx(ranges.gradients, rel=0.01)


def test_without_ranges_there_is_no_int8(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        read_ranges(tmp_path / "none.toml")
    assert caught.value.code == "precision"
