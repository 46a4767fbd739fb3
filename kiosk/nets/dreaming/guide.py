"""Read a guide picture's features, which a guided dream follows."""

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
"""Longer sides in pixels at which the guide is read, for both small and large features. 224 is the networks' training
size."""
SMALLEST = 32
"""Smallest side of a guide in pixels."""
MARGIN = 64
"""Mirrored pixels around the guide while it is read, so that its edges do not become features."""
MOST = 1024
"""Maximum features per layer, evenly sampled. With more, the nearest-neighbor search costs as much as the dream."""

Features = Mapping[str, np.ndarray]
"""Layer -> features, float32 [C, K]."""


def read_features(picture: np.ndarray, graph: Path | bytes, align: int = 1) -> Features:
    """Read the features of `picture`, uint8 [h, w, 3], at each layer that the "features" graph `graph` outputs.
    `align`: the network takes sizes that are multiples of this.

    Raises BadInput if the picture is too small, or if it activates nothing in the network.
    """
    if min(picture.shape[:2]) < SMALLEST:
        raise BadInput(
            f"a guide needs at least {SMALLEST} pixels per side, not {picture.shape[1]} x {picture.shape[0]}",
            "small_guide",
        )
    # The guide is small: one session with free dimensions is cheaper than one per size.
    session = open_session(graph, providers=["CPUExecutionProvider"], threads=1)
    layers = [output.name for output in session.get_outputs()]
    found: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    for side in SIDES:
        image, inner = _padded(picture, side, align)
        planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
        for layer, activation in zip(layers, session.run(layers, {"image": planes}), strict=True):
            found[layer].append(_inside(np.asarray(activation)[0], inner, image.shape[:2]))
    features = {layer: _picked(np.concatenate(parts, axis=1)) for layer, parts in found.items()}
    if not any(values.any() for values in features.values()):
        raise BadInput("the network recognizes nothing in the guide", "blank_guide")
    return features


def _padded(picture: np.ndarray, side: int, align: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Reduce the picture's longer side to at most `side` pixels and pad it with mirrored pixels: MARGIN on each side,
    and more at the ends up to multiples of `align`. Returns it, and the (height, width) inside the margins."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    small = resize_picture(
        picture, max(SMALLEST, round(width * scale)), max(SMALLEST, round(height * scale)), wrap=False
    )
    inner = (small.shape[0], small.shape[1])
    rows, columns = (mirrored(-MARGIN, -(-(extent + 2 * MARGIN) // align) * align, extent) for extent in inner)
    return small[rows[:, None], columns], inner


def _inside(activation: np.ndarray, inner: tuple[int, int], padded: tuple[int, ...]) -> np.ndarray:
    """The features [C, k] at positions inside the guide, from an activation [C, h, w] of the `padded` picture."""
    parts = []
    for axis, extent in enumerate(inner):
        positions = activation.shape[1 + axis]
        centers = (np.arange(positions) + 0.5) / positions * padded[axis] - MARGIN
        parts.append((centers >= 0) & (centers < extent))
    return activation[:, parts[0]][:, :, parts[1]].reshape(len(activation), -1)


def _picked(features: np.ndarray) -> np.ndarray:
    """Sample at most MOST of `features` [C, K] in equal steps."""
    step = max(1, math.ceil(features.shape[1] / MOST))
    return np.ascontiguousarray(features[:, ::step], np.float32)
