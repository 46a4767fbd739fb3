"""Compute cunet's squeeze-and-excitation over the whole picture, although the picture is processed in tiles.

A squeeze is the mean of a feature map. cunet has four, each depending on the previous ones. Computed per tile they
would give neighboring tiles different gains. So the graph is cut at its squeezes: part k outputs the k-th feature map
of a tile, the mean over all tiles becomes an input of the later parts, and only the last part outputs pixels. On a
sphere the mean is weighted by solid angle. On a plain picture it includes the border of context, as if the whole
picture went through the network at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx.shape_inference
import onnx.utils


@dataclass(frozen=True)
class Part:
    """A graph (its bytes) with inputs `image` and the previous squeezes, and the output `output`. `pitch`: input pixels
    per position of that feature map; 0 for the last part, whose output is `upscaled`."""

    graph: bytes
    output: str
    pitch: float


def cut_at_squeezes(graph: Path) -> list[Part]:
    """Cut a graph file into parts, one more than it has squeezes (upconv_7: just the graph)."""
    model = onnx.shape_inference.infer_shapes(onnx.load(graph))
    properties = {entry.key: entry.value for entry in model.metadata_props}
    pitches = [float(word) for word in properties.get("squeeze_pitch", "").split(",") if word]
    extractor = onnx.utils.Extractor(model)
    averaged = {node.output[0]: node.input[0] for node in model.graph.node}
    names = [squeeze_name(index) for index in range(len(pitches))]
    outputs = [averaged[name] for name in names] + ["upscaled"]
    return [
        Part(extractor.extract_model(["image", *names[:index]], [output]).SerializeToString(), output, pitch)
        for index, (output, pitch) in enumerate(zip(outputs, [*pitches, 0.0], strict=True))
    ]


def squeeze_name(index: int) -> str:
    """The name of the tensor of squeeze `index` (from 0)."""
    return f"squeeze{index + 1}"


def position_weights(
    top: int, tile: int, positions: int, pitch: float, extent: int, *, sphere: bool, latitude: bool
) -> np.ndarray:
    """The weight of each of a feature map's rows (or columns) in the mean, float32 [positions].

    The tile covers [top, top + tile) of a picture `extent` pixels high (or wide). Its feature map is centered on it,
    with `pitch` pixels between positions. A position's weight is its overlap with the tile and the picture, so that
    every pixel counts once; on a plain picture, tiles at the edge also count their border. With `latitude`, rows are
    weighted by the cosine of their latitude.
    """
    centers = top + tile / 2 + (np.arange(positions) - (positions - 1) / 2) * pitch
    low, high = float(top), min(top + tile, extent)
    if not sphere:
        # As much border as a tile's feature map has, which is what the untiled picture would have too.
        reach = (positions * pitch - tile) / 2
        low = low - reach if top == 0 else low
        high = high + reach if top + tile >= extent else high
    overlap = np.minimum(centers + pitch / 2, high) - np.maximum(centers - pitch / 2, low)
    weights = overlap.clip(0) / pitch
    if latitude:
        weights *= np.cos((0.5 - (centers.clip(0, extent)) / extent) * np.pi)
    return weights.astype(np.float32)
