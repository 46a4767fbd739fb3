"""cunet's squeeze-and-excitation over a whole picture while it is worked on in tiles.

A squeeze is the mean of a feature map; cunet has four, each needing the ones before it. Taken over a tile they differ
from tile to tile, and neighbouring tiles get different gains. Here the graph is cut at its squeezes: part k yields the
k-th feature map of a tile, the means of all tiles together become an input of the later parts, and only the last part
writes pixels. On a sphere the mean is weighted by the solid angle of each row; on a plain picture it includes the
border of context, as if the whole picture had gone through the network in one piece.
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
    """A graph (its bytes) that takes `image` and the squeezes before it, and yields `output`; `pitch`: input pixels per
    position of that feature map (of the last part, whose output is `upscaled`, 0)."""

    graph: bytes
    output: str
    pitch: float


def cut_at_squeezes(graph: Path) -> list[Part]:
    """The parts of a graph file, one more than it has squeezes (upconv_7: just the graph)."""
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
    """The tensor of the squeeze `index` (from 0)."""
    return f"squeeze{index + 1}"


def position_weights(
    top: int, tile: int, positions: int, pitch: float, extent: int, *, sphere: bool, latitude: bool
) -> np.ndarray:
    """How much each of a feature map's rows (or columns) counts, float32 [positions].

    The tile covers [top, top + tile) of a picture `extent` pixels high (or wide); its feature map lies centred on it,
    `pitch` pixels from position to position. A position counts by the share of it that lies in the tile and in the
    picture, so that every pixel counts once; on a plain picture the edge tiles also count their border. With `latitude`
    rows are weighted by the cosine of their latitude.
    """
    centres = top + tile / 2 + (np.arange(positions) - (positions - 1) / 2) * pitch
    low, high = float(top), min(top + tile, extent)
    if not sphere:
        # As much of the border as the feature map of a tile has: what the picture in one piece would have, too.
        reach = (positions * pitch - tile) / 2
        low = low - reach if top == 0 else low
        high = high + reach if top + tile >= extent else high
    overlap = np.minimum(centres + pitch / 2, high) - np.maximum(centres - pitch / 2, low)
    weights = overlap.clip(0) / pitch
    if latitude:
        weights *= np.cos((0.5 - (centres.clip(0, extent)) / extent) * np.pi)
    return weights.astype(np.float32)
