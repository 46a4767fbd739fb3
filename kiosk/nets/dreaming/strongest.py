"""Measure which channels a photo excites, to dream with the strongest ones, or with weights that equalize them.

A few channels rule a whole layer: in some, one has fifty times the mean square activation of the others, and the layer
dreams of little else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from kiosk.nets.dreaming.detail import at_size
from kiosk.nets.engine.session import open_session
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.resample import resize_picture
from kiosk.sphere.view import rectilinear
from kiosk.sphere.yaw import canonical_yaw

LOOKS = (*((yaw, 0) for yaw in range(0, 360, 90)), (0, 90), (0, -90))
"""(yaw, pitch) in degrees of the views that a sphere is measured on, the faces of a cube."""
SPHERE_WIDTH = 1024
"""Largest width in pixels at which a sphere is measured."""
MULTIPLE = 32
"""Sides of measured pictures are multiples of this, and at least twice as long: some networks take no others."""
SPREAD = 0.1
"""Share of the mean level that is added to a channel's before it divides, so that idle channels stay quiet."""

Levels = Mapping[str, np.ndarray]
"""Layer -> mean square activation of each channel, float64 [C]."""


def measure(photo: np.ndarray, graph: Path | bytes, *, width: int, flat: bool = False) -> Levels:
    """Measure the channels on `photo`, uint8 [H, W, 3], at the layers that the "features" graph `graph` outputs.

    `width`: width of the dream, pixels. A `flat` photo is a plain picture. A turned sphere gives the same levels to the
    last bit.
    """
    views = list(_flat(photo) if flat else _around(photo, width))
    # A single thread, so that the result does not depend on the number of cores.
    height, across = views[0].shape[:2]
    session = open_session(graph, height=height, width=across, providers=["CPUExecutionProvider"], threads=1)
    layers = [output.name for output in session.get_outputs()]
    levels: dict[str, np.ndarray] = {}
    for view in views:
        planes = np.ascontiguousarray(view.transpose(2, 0, 1)[None], np.float32)
        for layer, activation in zip(layers, session.run(layers, {"image": planes}), strict=True):
            squares = np.square(np.asarray(activation)[0], dtype=np.float64).mean(axis=(1, 2))
            levels[layer] = levels.get(layer, 0.0) + squares / len(views)
    return levels


def ranked(levels: np.ndarray, count: int) -> list[int]:
    """The `count` channels with the highest levels, strongest first; fewer if the others are not excited at all."""
    order = np.argsort(-levels, kind="stable")[:count]
    return [int(channel) for channel in order if levels[channel] > 0]


def with_strongest(recipe: DreamRecipe, levels: Levels) -> DreamRecipe:
    """`recipe` with its strongest channels as ordinary ones, equal in weight, at every layer that has no channels."""
    own = {layer for layer, _, _ in recipe.channels}
    picked = [
        (layer, channel, round(1 / len(strongest), 6))
        for layer, _ in recipe.layers
        if recipe.strongest and layer not in own
        for strongest in [ranked(levels[layer], recipe.strongest)]
        for channel in strongest
    ]
    return dataclasses.replace(recipe, channels=(*recipe.channels, *picked), strongest=0)


def with_equalized(recipe: DreamRecipe, levels: Levels) -> DreamRecipe:
    """`recipe` with weights for every channel if it is equalized: mean / (level + SPREAD * mean) times its own."""
    if not recipe.equalized:
        return recipe
    channels = []
    for layer, _ in recipe.layers:
        count = len(levels[layer])
        own = {channel: weight for name, channel, weight in recipe.channels if name == layer}
        weights = own or dict.fromkeys(range(count), 1 / count)
        used = levels[layer][list(weights)]
        mean = used.mean()
        factors = mean / (used + SPREAD * mean) if mean > 0 else np.ones(len(used))
        channels += [(layer, c, w * float(f)) for (c, w), f in zip(weights.items(), factors, strict=True)]
    return dataclasses.replace(recipe, channels=tuple(channels), equalized=False)


def _around(photo: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Square views in all directions of a sphere, from its canonical yaw."""
    width = min(width, SPHERE_WIDTH)
    sphere = at_size(photo, canonical_yaw(photo), width, width // 2, True)[:]
    side = max(2 * MULTIPLE, width // 4 // MULTIPLE * MULTIPLE)
    for yaw, pitch in LOOKS:
        yield rectilinear(sphere, side, side, yaw=yaw, pitch=pitch, fov=90)


def _flat(photo: np.ndarray) -> Iterator[np.ndarray]:
    """A plain picture, no longer than half a sphere."""
    height, width = photo.shape[:2]
    scale = min(1.0, SPHERE_WIDTH / 2 / max(height, width))
    size = [max(2, round(extent * scale / MULTIPLE)) * MULTIPLE for extent in (width, height)]
    yield resize_picture(photo, size[0], size[1], wrap=False)
