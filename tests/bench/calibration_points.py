"""Where int8 dream graphs have codes, and the tensors of the float32 graph that show their ranges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx

from kiosk.forge.precisions.dream_ranges import EXPANDS, FIRES, SCORES
from kiosk.forge.precisions.inverted.gradient import shares_of
from kiosk.forge.precisions.inverted.network import CLASSES, HEAD, STEM, read_inverted
from kiosk.forge.readers.squeezenet import POOL_BEFORE


class Point(NamedTuple):
    """A gradient in codes."""

    name: str
    tensors: list[str]
    """It is the gradient at these tensors."""
    measured: str = ""
    """If given: the RMS of the gradient at this tensor is what the ranges of the points after this one refer to."""
    shares: np.ndarray | None = None
    """[C]: the channels' scales, relative to the range."""


class Points(NamedTuple):
    """Points in the order of their computation."""

    activations: dict[str, str]
    """Range -> tensor, before or after its ReLU."""
    seed: str
    """The tensor at which the gradient starts; the ranges of the first points refer to its RMS."""
    gradients: list[Point]
    single: tuple[str, ...] = ()
    """The activations that have one range for all their channels."""


def squeezenet_points(forward: onnx.ModelProto, layer: str, _residual: float = 1.0) -> Points:
    """The points of SqueezeNet's graphs."""
    fires = FIRES if layer == SCORES else FIRES[: FIRES.index(layer) + 1]
    activations = {"conv1": "conv1/z"}
    for fire in fires:
        activations[f"{fire}/squeeze"] = f"{fire}/squeeze"
        activations |= {f"{fire}/{part}": f"{fire}/{part}/z" for part in EXPANDS}
    gradients = []
    if layer == SCORES:
        activations[SCORES] = SCORES
        gradients.append(Point(fires[-1], [fires[-1]]))
    for index in range(len(fires) - 1, -1, -1):
        fire, before = fires[index], fires[index - 1] if index else "conv1"
        # The first of the modules reads a single part.
        gradients.append(Point(f"{fire}/squeeze", [f"{fire}/squeeze"], f"{fire}/squeeze/{'z' if index else '0'}"))
        parts = [f"{before}/{part}" for part in EXPANDS] if index else ["conv1"]
        if fire in POOL_BEFORE:
            parts = [f"{fire}/pool{number}/relu" for number in range(len(parts))]
        gradients.append(Point(before, parts))
    return Points(activations, layer, gradients)


def efficientnet_points(forward: onnx.ModelProto, layer: str, residual: float = 1.0) -> Points:
    """The points of EfficientNet-Lite's graphs. ReLU6s have a range already. With `residual` 0, no gradient enters the
    blocks that add their input."""
    network = read_inverted(forward)
    blocks = network.until(layer)
    activations = {block.name: block.name for block in blocks}
    names = {node.output[0] for node in forward.graph.node}
    gradients = []
    if layer == CLASSES:
        activations[CLASSES] = CLASSES
        gradients.append(Point(HEAD, [f"{HEAD}/z"]))
    if blocks and layer != blocks[-1].name:
        gradients.append(Point(blocks[-1].name, [blocks[-1].name], blocks[-1].name))
    for block in reversed(blocks):
        if block.adds and not residual:
            continue
        # What the ReLU6 lets pass is what counts.
        inner = zip((block.filtered, block.expanded), shares_of(block), strict=True)
        gradients += [Point(name, [f"{name}/z"], shares=shares) for name, shares in inner]
        if block.before != STEM:
            gradients.append(Point(block.before, [block.before], block.before))
    clipped = f"{layer}/z" in names and layer not in activations
    return Points(activations, f"{layer}/z" if clipped else layer, gradients, (CLASSES,))


POINTS = {"squeezenet": squeezenet_points, "efficientnet-lite0": efficientnet_points}
