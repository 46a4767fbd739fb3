"""Find the layers of a network that dream well: those whose objective grows most in a short dream of a small photo."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import onnx

from kiosk.errors import KioskError
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.rules.blocked import BLOCKED
from kiosk.nets.dreaming.dream import dream
from kiosk.recipes.recipe import DreamRecipe

TRIED = 12
"""Maximum number of layers that are tried; of more, some at all depths."""
ITERATIONS = 6


def growths(
    forward: onnx.ModelProto,
    layers: Sequence[str],
    photo: np.ndarray,
    progress: Callable[[float], None] | None = None,
) -> dict[str, float]:
    """Layer -> its objective after a short dream of `photo`, as a multiple of that before, for TRIED of the `layers` in
    the network's order.

    `forward`: a forward network for `add_gradient`. `photo`: uint8 [H, W, 3], both sides at least 64. `progress` gets
    0..1. Layers that the photo does not excite, or that break, are left out.
    """
    tried = _spread(layers, TRIED)
    found = {}
    for number, layer in enumerate(tried):
        if progress:
            progress(number / len(tried))
        recipe = DreamRecipe(
            layers=((layer, 1.0),), width=photo.shape[1], octaves=1, iterations=ITERATIONS, flat=True, precision="fp32"
        )
        try:
            graph = add_gradient(forward, {layer: 1.0}, rules=BLOCKED).SerializeToString()
            before, after = dream(photo, recipe, graph).objective
        except KioskError:
            continue
        if before > 0 and math.isfinite(after):
            found[layer] = after / before
    return found


def promising(growth: dict[str, float], count: int) -> list[str]:
    """The `count` layers that grow most, the most first."""
    return sorted(growth, key=lambda layer: -growth[layer])[:count]


def _spread(layers: Sequence[str], count: int) -> list[str]:
    """At most `count` of `layers`, evenly spaced, the last one included."""
    if len(layers) <= count:
        return list(layers)
    places = np.linspace(len(layers) / count - 1, len(layers) - 1, count)
    return [layers[round(float(place))] for place in places]
