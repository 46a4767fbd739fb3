"""The dream graph's gradient against PyTorch's autograd, where PyTorch happens to be installed."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.verify import open_plain, spotted_picture
from kiosk.forge.readers import squeezenet
from kiosk.forge.readers.weights import read_source
from kiosk.forge.rules import RULES
from kiosk.forge.rules.blocked import BLOCKED
from kiosk.recipes import catalog

torch = pytest.importorskip("torch")

SIDE = 191
# In float32 a unit within rounding of a kink (of a ReLU or a max pool) may fall on its other side: on 2 pictures in 12
# PyTorch's own float32 gradient is up to 0.0035 from its float64 one, else 1e-6. No unit of these two is that close.
NOISE_SEED, PICTURE_SEED = 3, 5


@pytest.fixture(scope="module")
def weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    network = catalog.load().network("squeezenet")
    return squeezenet.read_weights(read_source(network, network.files[0].path))


def autograd(
    weights: dict[str, tuple[np.ndarray, np.ndarray]], image: np.ndarray, layer: str
) -> tuple[np.ndarray, float]:
    """Gradient and objective of SqueezeNet 1.1 written with PyTorch's own operations, in float64."""
    functional = torch.nn.functional

    def convolution(x, name: str, **options):
        kernel, bias = (torch.tensor(w, dtype=torch.float64) for w in weights[name])
        return functional.conv2d(x, kernel, bias, **options)

    picture = torch.tensor(image, dtype=torch.float64, requires_grad=True)
    mean = torch.tensor(squeezenet.CAFFE_MEAN_BGR, dtype=torch.float64).reshape(1, 3, 1, 1)
    x = picture.flip(1) - mean
    x = functional.relu(convolution(functional.pad(x, (0, 1, 0, 1)), "conv1", stride=2))
    for number in range(2, int(layer.removeprefix("fire")) + 1):
        fire = f"fire{number}"
        if fire in squeezenet.POOL_BEFORE:
            x = functional.max_pool2d(x, 3, 2)
        x = functional.relu(convolution(x, f"{fire}/squeeze1x1"))
        small = functional.relu(convolution(x, f"{fire}/expand1x1"))
        large = functional.relu(convolution(x, f"{fire}/expand3x3", padding=1))
        x = torch.cat([small, large], 1)
    objective = (x * x).mean()
    objective.backward()
    return picture.grad.numpy(), float(objective.detach())


@pytest.mark.parametrize("rules", [RULES, BLOCKED], ids=["plain", "blocked"])
@pytest.mark.parametrize("kind", ["noise", "picture"])
@pytest.mark.parametrize("layer", ["fire4", "fire6", "fire8", "fire9"])
def test_the_gradient_is_the_one_that_autograd_gives(weights, layer: str, kind: str, rules) -> None:
    if kind == "noise":
        image = np.random.default_rng(NOISE_SEED).uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)
    else:
        image = spotted_picture(SIDE, SIDE, PICTURE_SEED)
    graph = add_gradient(squeezenet.forward(weights), {layer: 1.0}, rules=rules)
    gradient, objective = open_plain(graph).run(["gradient", "objective"], {"image": image})
    wanted, value = autograd(weights, image, layer)
    cosine = (gradient * wanted).sum() / (np.linalg.norm(gradient) * np.linalg.norm(wanted))
    error = np.linalg.norm(gradient - wanted) / np.linalg.norm(wanted)
    assert float(objective) == pytest.approx(value, rel=1e-4)
    assert cosine > 0.9999
    assert error < 1e-3
