"""Int8, float16 and Q/DQ dream graphs of a small EfficientNet-Lite with seeded weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.precisions.fp16_dream import dream_to_half
from kiosk.forge.precisions.inverted.int8 import quantize_inverted
from kiosk.forge.precisions.inverted.network import read_inverted
from kiosk.forge.precisions.inverted.phases import phases_of
from kiosk.forge.precisions.inverted.spans import tensor_spans
from kiosk.forge.precisions.qdq_dream import quantize_forward
from kiosk.forge.readers import efficientnet
from tests.bench.calibrate_dream import Calibration
from tests.bench.calibration_points import efficientnet_points
from tests.saturation import needs_exact_sums
from tests.unit.forge.test_efficientnet import drawn

LAYER = "expand3"
"""Behind a residual addition and two depthwise convolutions with stride 2, of 3x3 and 5x5."""


@pytest.fixture(scope="module")
def forward() -> onnx.ModelProto:
    return efficientnet.forward(drawn())


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    coarse = np.random.default_rng(1).uniform(0, 255, (1, 3, 16, 12))
    return np.kron(coarse, np.ones((1, 1, 8, 8))).astype(np.float32)


def calibrated(forward: onnx.ModelProto, layer: str, picture: np.ndarray, residual: float = 1.0) -> Ranges:
    calibration = Calibration(forward, efficientnet_points(forward, layer, residual), layer, residual)
    calibration.see(picture[0].transpose(1, 2, 0), None)
    return calibration.ranges(1.1, 0.85)


def gradient(model: onnx.ModelProto, picture: np.ndarray, **inputs: np.ndarray) -> tuple[np.ndarray, float]:
    onnx.checker.check_model(model)
    found = open_plain(model).run(["gradient", "objective"], {"image": picture, **inputs})
    return found[0], float(found[1])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("residual", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("layer", ["stem", "block0", "expand1", "block2", "expand3", "block5", "head", "classes"])
def test_an_int8_gradient_points_where_the_float_one_does(
    forward: onnx.ModelProto, picture: np.ndarray, layer: str, residual: float
) -> None:
    needs_exact_sums()
    wanted, objective = gradient(add_gradient(forward, {layer: 1.0}, residual=residual), picture)
    ranges = calibrated(forward, layer, picture, residual)
    found, seen = gradient(quantize_inverted(forward, layer, ranges, residual), picture)
    assert found.shape == picture.shape
    assert seen == pytest.approx(objective, rel=0.05)
    # The rounding of every layer moves some ReLU6s over their ends.
    deep = layer in ("head", "classes")
    assert cosine(found, wanted) > (0.5 if deep else 0.8)
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(wanted), rel=0.3 if deep else 0.1)


def test_int8_follows_channel_weights(forward: onnx.ModelProto, picture: np.ndarray) -> None:
    needs_exact_sums()
    model = quantize_inverted(forward, LAYER, calibrated(forward, LAYER, picture))
    one = np.zeros(next(tensor.dims[0] for tensor in model.graph.initializer if tensor.name == "channel_weights"))
    one[20] = 1
    weights = {"channel_weights": one.astype(np.float32)}
    wanted, objective = gradient(add_gradient(forward, {LAYER: 1.0}), picture, **weights)
    found, seen = gradient(model, picture, **weights)
    assert seen == pytest.approx(objective, rel=0.1)
    assert cosine(found, wanted) > 0.7


@pytest.mark.parametrize("size", [(64, 65), (65, 64), (67, 70), (94, 61)], ids=str)
def test_int8_takes_pictures_of_any_size(forward: onnx.ModelProto, picture: np.ndarray, size: tuple[int, int]) -> None:
    needs_exact_sums()
    other = np.random.default_rng(2).uniform(0, 255, (1, 3, *size)).astype(np.float32)
    wanted, _ = gradient(add_gradient(forward, {LAYER: 1.0}), other)
    found, _ = gradient(quantize_inverted(forward, LAYER, calibrated(forward, LAYER, picture)), other)
    assert found.shape == wanted.shape
    assert cosine(found, wanted) > 0.7
    # The last row and column count as much as any other.
    for edge in (np.s_[..., -1, :], np.s_[..., -1]):
        assert cosine(found[edge], wanted[edge]) > 0.5


def test_a_channel_that_reads_nothing_keeps_its_bias(picture: np.ndarray) -> None:
    needs_exact_sums()
    tensors = drawn()
    tensors["_conv_stem.weight"][3] *= 1e-12
    model = efficientnet.forward(tensors)
    _, objective = gradient(add_gradient(model, {"block0": 1.0}), picture)
    _, seen = gradient(quantize_inverted(model, "block0", calibrated(model, "block0", picture)), picture)
    assert seen == pytest.approx(objective, rel=0.05)


@pytest.mark.parametrize("block", [1, 3])
def test_phases_are_the_transposed_convolution(forward: onnx.ModelProto, block: int) -> None:
    conv = read_inverted(forward).blocks[block].depthwise
    rng, rows = np.random.default_rng(3), 6
    dy = rng.normal(size=(rows, rows))
    whole = np.zeros((2 * rows + 8, 2 * rows + 8))
    for o, p in np.ndindex(rows, rows):
        side = conv.kernel.shape[2]
        whole[2 * o : 2 * o + side, 2 * p : 2 * p + side] += dy[o, p] * conv.kernel[0, 0]
    before = conv.pads[0]
    whole = whole[before : before + 2 * (rows + 1), before : before + 2 * (rows + 1)]
    for phase in phases_of(conv):
        top, left, bottom, right = phase.pads
        padded = np.pad(dy, ((top, bottom), (left, right)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, phase.kernel.shape[2:])
        found = np.einsum("hwij,ij->hw", windows, phase.kernel[0, 0])
        np.testing.assert_allclose(found, whole[phase.row :: 2, phase.column :: 2], atol=1e-6)


@pytest.mark.parametrize("layer", ["expand3", "block5", "classes"])
def test_a_float16_gradient_is_the_float32_one(forward: onnx.ModelProto, picture: np.ndarray, layer: str) -> None:
    model = add_gradient(forward, {layer: 1.0})
    wanted, objective = gradient(model, picture)
    found, seen = gradient(dream_to_half(model, layer), picture)
    assert cosine(found, wanted) > 0.98
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(wanted), rel=0.02)
    assert seen == pytest.approx(objective, rel=0.01)


def test_q_dq_pairs_are_around_every_convolution(forward: onnx.ModelProto, picture: np.ndarray) -> None:
    plain = add_gradient(forward, {LAYER: 1.0})
    model = quantize_forward(plain, tensor_spans(calibrated(forward, LAYER, picture)))
    before = {node.output[0]: node.input[0] for node in plain.graph.node if node.op_type == "Conv"}
    after = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Conv"}
    inner = [output for output in before if not output.startswith("gradient/")]
    assert len(inner) == 10
    assert all(after[output] == f"{before[output]}/rounded" for output in inner)
    assert cosine(gradient(model, picture)[0], gradient(plain, picture)[0]) > 0.7
