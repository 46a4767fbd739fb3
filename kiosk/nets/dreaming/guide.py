"""What a guide picture looks like to a network: the features that a guided dream follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kiosk.errors import BadInput
from kiosk.nets.engine.session import open_session
from kiosk.sphere.padding import mirrored
from kiosk.sphere.resample import resize_picture

SIDES = (384, 224)
"""pixels, the longer side: the guide is read at these sizes, so that what is large in it can be followed as well as
what is small. 224 is what the networks were trained at."""
SMALLEST = 32
"""pixels: a guide with a shorter side holds nothing to follow."""
MARGIN = 64
"""pixels mirrored around the guide while it is read, so that its edges are not taken for features."""
MOST = 1024
"""features of a layer, evenly picked: with more of them the search for the nearest would cost as much as the dream."""

Features = Mapping[str, np.ndarray]
"""layer -> float32 [C, K]."""


def read_features(picture: np.ndarray, graph: Path | bytes) -> Features:
    """The features of `picture`, uint8 [h, w, 3], at each layer that `graph` (one made for this purpose) gives.

    Raises BadInput for a picture that is too small, or in which the network sees nothing at all.
    """
    if min(picture.shape[:2]) < SMALLEST:
        raise BadInput(
            f"a guide is at least {SMALLEST} pixels wide and high; this one is {picture.shape[1]} x {picture.shape[0]}",
            "small_guide",
        )
    # Small enough that one session with free sizes costs less than one for each size.
    session = open_session(graph, providers=["CPUExecutionProvider"], threads=1)
    layers = [output.name for output in session.get_outputs()]
    found: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    for side in SIDES:
        image = _padded(picture, side)
        inner = (image.shape[0] - 2 * MARGIN, image.shape[1] - 2 * MARGIN)
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
        for layer, activation in zip(layers, session.run(layers, {"image": planes}), strict=True):
            found[layer].append(_inside(np.asarray(activation)[0], inner))
    features = {layer: _picked(np.concatenate(parts, axis=1)) for layer, parts in found.items()}
    if not any(values.any() for values in features.values()):
        raise BadInput("the network sees nothing in the guide", "blank_guide")
    return features


def _padded(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture with its longer side brought to `side`, or less where it is smaller, its surroundings mirrored."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    small = resize_picture(
        picture, max(SMALLEST, round(width * scale)), max(SMALLEST, round(height * scale)), wrap=False
    )
    rows, columns = (mirrored(-MARGIN, extent + 2 * MARGIN, extent) for extent in small.shape[:2])
    return small[rows[:, None], columns]


def _inside(activation: np.ndarray, inner: tuple[int, int]) -> np.ndarray:
    """The features of the positions within the guide itself, [C, k], of an activation [C, h, w] of it and its
    margins."""
    parts = []
    for axis, extent in enumerate(inner):
        positions = activation.shape[1 + axis]
        centres = (np.arange(positions) + 0.5) / positions * (extent + 2 * MARGIN) - MARGIN
        parts.append((centres >= 0) & (centres < extent))
    return activation[:, parts[0]][:, :, parts[1]].reshape(len(activation), -1)


def _picked(features: np.ndarray) -> np.ndarray:
    """At most MOST of `features` [C, K], in equal steps."""
    step = max(1, math.ceil(features.shape[1] / MOST))
    return np.ascontiguousarray(features[:, ::step], np.float32)
