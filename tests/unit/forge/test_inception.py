"""InceptionV3 is what its paper and Keras say: compared with an implementation that folds nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.forge.archives import inception
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.features import read_layers
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.rules import RULES
from kiosk.forge.rules.blocked import BLOCKED
from kiosk.recipes import catalog
from tests.archives import weights

LAYERS = list(inception.BLOCKS)


def plainly(image: np.ndarray) -> dict[str, np.ndarray]:
    """The layers, computed as Keras' `applications` defines them, with its order of convolutions."""
    tensors, count = weights(), iter(range(1, 51))

    def windows(x: np.ndarray, sides: tuple[int, int], stride: int, same: bool, fill: float = 0.0) -> np.ndarray:
        """[positions of the kernel, channels, height, width]"""
        if same:
            x = np.pad(x, [(0, 0), *((side // 2, side // 2) for side in sides)], constant_values=fill)
        height, width = ((n - side) // stride + 1 for n, side in zip(x.shape[1:], sides, strict=True))
        rows, columns = (height - 1) * stride + 1, (width - 1) * stride + 1
        return np.stack(
            [x[:, i : i + rows : stride, j : j + columns : stride] for i in range(sides[0]) for j in range(sides[1])]
        )

    def conv(x: np.ndarray, height: int, width: int, stride: int = 1, same: bool = True) -> np.ndarray:
        number = next(count)
        kernel, beta, mean, variance = (tensors[part.format(number)].astype(float) for part in inception.PARTS)
        assert kernel.shape[:2] == (height, width)
        taps = kernel.reshape(height * width, *kernel.shape[2:])
        z = np.einsum("kchw,kco->ohw", windows(x, (height, width), stride, same), taps)
        per_channel = (slice(None), None, None)
        z = (z - mean[per_channel]) / np.sqrt(variance[per_channel] + 1e-3) + beta[per_channel]
        return np.maximum(z, 0)

    def largest(x: np.ndarray) -> np.ndarray:
        return windows(x, (3, 3), 2, same=False).max(0)

    def mean(x: np.ndarray) -> np.ndarray:
        return np.nanmean(windows(x, (3, 3), 1, same=True, fill=np.nan), 0)

    seen = {}
    x = conv((image - 127.5) / 127.5, 3, 3, stride=2, same=False)
    x = conv(conv(x, 3, 3, same=False), 3, 3)
    x = conv(conv(largest(x), 1, 1, same=False), 3, 3, same=False)
    x = largest(x)
    for name in ("mixed0", "mixed1", "mixed2"):
        single = conv(x, 1, 1)
        five = conv(conv(x, 1, 1), 5, 5)
        double = conv(conv(conv(x, 1, 1), 3, 3), 3, 3)
        x = seen[name] = np.concatenate([single, five, double, conv(mean(x), 1, 1)])
    three = conv(x, 3, 3, stride=2, same=False)
    double = conv(conv(conv(x, 1, 1), 3, 3), 3, 3, stride=2, same=False)
    x = seen["mixed3"] = np.concatenate([three, double, largest(x)])
    for name in ("mixed4", "mixed5"):
        single = conv(x, 1, 1)
        seven = conv(conv(conv(x, 1, 1), 1, 7), 7, 1)
        double = conv(conv(conv(conv(conv(x, 1, 1), 7, 1), 1, 7), 7, 1), 1, 7)
        x = seen[name] = np.concatenate([single, seven, double, conv(mean(x), 1, 1)])
    return seen


def test_every_layer_is_what_the_paper_says() -> None:
    image = np.random.default_rng(5).uniform(0, 255, (3, 107, 126)).astype(np.float32)
    wanted = plainly(image)
    graph = read_layers(inception.forward(weights()), LAYERS)
    found = open_plain(graph).run(LAYERS, {"image": image[None]})
    for (name, layer), values in zip(wanted.items(), found, strict=True):
        assert values[0] == pytest.approx(layer, abs=1e-4 * np.abs(layer).max()), name


@pytest.mark.parametrize("layer", ["mixed0", "mixed3", "mixed5"])
@pytest.mark.parametrize("size", [(96, 112), (131, 107)], ids=str)
def test_the_fast_gradient_is_the_plain_one(layer: str, size: tuple[int, int]) -> None:
    image = np.random.default_rng(6).uniform(0, 255, (1, 3, *size)).astype(np.float32)
    forward = inception.forward(weights())
    plain, fast = (
        open_plain(add_gradient(forward, {layer: 1.0}, rules=rules)).run(["gradient"], {"image": image})[0]
        for rules in (RULES, BLOCKED)
    )
    assert np.abs(plain).max() > 0
    assert np.abs(fast - plain).max() < 1e-4 * np.abs(plain).max()


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_position_sees_as_far_as_the_catalog_says(layer: str, axis: int) -> None:
    """A line of changed pixels reaches no positions farther apart."""
    figures = catalog.load().network("inception").layers[layer]
    shape = [1, 3, 127, 127]
    shape[axis] = 2 * figures.halo + 4 * figures.stride
    picture = np.random.default_rng(8).uniform(0, 255, shape).astype(np.float32)
    changed = np.moveaxis(picture.copy(), axis, 0)
    changed[shape[axis] // 2] += 99
    session = open_plain(read_layers(inception.forward(weights()), [layer]))
    before, after = (
        np.moveaxis(session.run([layer], {"image": each})[0], axis, 0)
        for each in (picture, np.ascontiguousarray(np.moveaxis(changed, 0, axis)))
    )
    touched = np.flatnonzero(np.abs(after - before).max(axis=(1, 2, 3)))
    assert 0 < (touched[-1] - touched[0]) * figures.stride <= figures.halo


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("conv2d_7/kernel", lambda kernel: kernel[:, :, :-1]),
        ("conv2d_7/kernel", lambda kernel: kernel[0]),
        ("batch_normalization_3/beta", lambda beta: beta[:-1]),
        ("batch_normalization_3/moving_variance", lambda variance: -variance),
    ],
)
def test_weights_of_another_network_are_refused(name: str, change) -> None:
    with pytest.raises(BadInput, match=r"convolution [37] of the weights"):
        inception.forward({**weights(), name: change(weights()[name])})
