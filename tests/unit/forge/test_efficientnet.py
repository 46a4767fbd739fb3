"""EfficientNet-Lite is what its paper says: compared with an implementation that folds nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.errors import Unavailable
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.features import read_layers
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.readers import efficientnet
from kiosk.forge.rules import RULES
from kiosk.forge.rules.blocked import BLOCKED

WIDTHS = (16, 24, 24, 40, 80, 112, 112, 192, 320)
"""Of each block: stages of one or two blocks."""
SIDES = (3, 3, 3, 5, 3, 5, 5, 5, 3)
CLASSES = 1000
NORMS = (("weight", 0.5, 1.5), ("bias", -0.5, 1), ("running_mean", -1, 1), ("running_var", 0.5, 2))
"""The parts of a normalization, and the range that they are drawn from."""


def drawn() -> dict[str, np.ndarray]:
    """Random weights of a small network."""
    random = np.random.default_rng(4)
    tensors: dict[str, np.ndarray] = {}

    def convolution(name: str, norm: str, shape: tuple[int, ...]) -> None:
        spread = np.sqrt(2 / np.prod(shape[1:]))
        tensors[f"{name}.weight"] = random.normal(0, spread, shape).astype(np.float32)
        for part, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.5, 1),
            ("running_mean", -1, 1),
            ("running_var", 0.5, 2),
        ):
            tensors[f"{norm}.{part}"] = random.uniform(low, high, shape[0]).astype(np.float32)

    convolution("_conv_stem", "_bn0", (32, 3, 3, 3))
    before = 32
    for number, (width, side) in enumerate(zip(WIDTHS, SIDES, strict=True)):
        place, inner = f"_blocks.{number}", before * (2 if number else 1)
        if number:
            convolution(f"{place}._expand_conv", f"{place}._bn0", (inner, before, 1, 1))
        convolution(f"{place}._depthwise_conv", f"{place}._bn1", (inner, 1, side, side))
        convolution(f"{place}._project_conv", f"{place}._bn2", (width, inner, 1, 1))
        before = width
    convolution("_conv_head", "_bn1", (1280, before, 1, 1))
    tensors["_fc.weight"] = random.normal(0, 0.05, (CLASSES, 1280)).astype(np.float32)
    tensors["_fc.bias"] = random.normal(0, 0.1, CLASSES).astype(np.float32)
    return tensors


def plainly(tensors: dict[str, np.ndarray], image: np.ndarray) -> dict[str, np.ndarray]:
    """The layers, computed as the paper and TensorFlow define them."""
    seen: dict[str, np.ndarray] = {}

    def same(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
        depthwise, side = kernel.shape[1] == 1 and len(x) == len(kernel), kernel.shape[2]
        sizes = [-(-length // stride) for length in x.shape[1:]]
        totals = [max((n - 1) * stride + side - length, 0) for n, length in zip(sizes, x.shape[1:], strict=True)]
        padded = np.pad(x, [(0, 0), *((total // 2, total - total // 2) for total in totals)])
        result = np.zeros((len(kernel), *sizes))
        for i in range(side):
            for j in range(side):
                part = padded[:, i : i + stride * sizes[0] : stride, j : j + stride * sizes[1] : stride]
                part = part[:, : sizes[0], : sizes[1]]
                result += (
                    kernel[:, 0, i, j, None, None] * part
                    if depthwise
                    else np.tensordot(kernel[:, :, i, j], part, axes=1)
                )
        return result

    def normalized(x: np.ndarray, norm: str) -> np.ndarray:
        weight, bias, mean, variance = (
            tensors[f"{norm}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + efficientnet.EPSILON) * weight + bias

    def relu6(x: np.ndarray) -> np.ndarray:
        return x.clip(0, 6)

    x = seen["stem"] = relu6(normalized(same((image - 127) / 128, tensors["_conv_stem.weight"], 2), "_bn0"))
    for number, stride in enumerate((1, 2, 1, 2, 2, 1, 1, 2, 1)):
        place, inner = f"_blocks.{number}", x
        if number:
            inner = relu6(normalized(same(x, tensors[f"{place}._expand_conv.weight"], 1), f"{place}._bn0"))
            seen[f"expand{number}"] = inner
        inner = relu6(normalized(same(inner, tensors[f"{place}._depthwise_conv.weight"], stride), f"{place}._bn1"))
        inner = normalized(same(inner, tensors[f"{place}._project_conv.weight"], 1), f"{place}._bn2")
        x = seen[f"block{number}"] = inner + x if stride == 1 and len(inner) == len(x) else inner
    seen["head"] = relu6(normalized(same(x, tensors["_conv_head.weight"], 1), "_bn1"))
    scores = np.tensordot(tensors["_fc.weight"], seen["head"], axes=1) + tensors["_fc.bias"][:, None, None]
    seen["classes"] = np.maximum(scores + efficientnet.CLASS_SHIFT, 0)
    return seen


@pytest.mark.slow
def test_every_layer_is_what_the_paper_says() -> None:
    tensors = drawn()
    image = np.random.default_rng(5).uniform(0, 255, (3, 64, 96)).astype(np.float32)
    wanted = plainly(tensors, image)
    found = open_plain(read_layers(efficientnet.forward(tensors), list(wanted))).run(
        list(wanted), {"image": image[None]}
    )
    for (name, layer), values in zip(wanted.items(), found, strict=True):
        assert values[0] == pytest.approx(layer, abs=1e-4 * np.abs(layer).max()), name


@pytest.mark.parametrize("layer", ["expand1", "block3", "expand7", "classes"])
@pytest.mark.parametrize("size", [(96, 64), (77, 83)], ids=str)
def test_the_fast_gradient_is_the_plain_one(layer: str, size: tuple[int, int]) -> None:
    image = np.random.default_rng(6).uniform(0, 255, (1, 3, *size)).astype(np.float32)
    plain, fast = (
        open_plain(add_gradient(efficientnet.forward(drawn()), {layer: 1.0}, rules=rules)).run(
            ["gradient"], {"image": image}
        )[0]
        for rules in (RULES, BLOCKED)
    )
    assert np.abs(fast - plain).max() < 1e-4 * np.abs(plain).max()


def test_weights_of_another_network_are_refused() -> None:
    tensors = {name: array for name, array in drawn().items() if not name.startswith("_blocks.8")}
    with pytest.raises(Unavailable, match="6 stages"):
        efficientnet.forward(tensors)
