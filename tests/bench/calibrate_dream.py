#!/usr/bin/env python3
"""Find the int8 ranges of dream graphs on photos and on dreams in progress; write them to models/ranges.

    calibrate_dream.py PICTURE ... [--model efficientnet-lite0] [--layer expand10 ...] [--width 512]
                       [--activations 1.0] [--gradients 1.0] [--out DIR]

Pictures twice as wide as high are dreamed as spheres, others flat. Each layer has ranges of its own: a dream's own
layer reacts tens of times as strongly at its end as on a photo. Each picture is dreamed with the whole layer and with
one of the channels that it excites most; the class layer with classes only.

A channel's range is a high quantile of its largest activations over all tiles, times --activations; a gradient's is the
one with the least squared error, times --gradients. What is beyond is clipped, which hardly changes a dream; what
rounds to 0 is lost to it, so less is better than more: the two factors were chosen by what bench_dream.py reports.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from kiosk.forge.build import GraphSpec, dream_spec, ensure_graph, ranges_file
from kiosk.forge.dream_networks import read_dreaming
from kiosk.forge.precisions.dream_ranges import Ranges, write_ranges
from kiosk.nets.dreaming.dream import DreamProgress, dream
from kiosk.recipes import catalog
from kiosk.recipes.catalog import CATALOG_FOLDER
from kiosk.recipes.from_wishes import class_fields
from kiosk.recipes.recipe import DreamRecipe
from kiosk.storage import default_data_folder
from tests.bench.calibration_points import POINTS, Point, Points
from tests.bench.traced_dream import TracedDream

CLASSES = (84, 483, 409, 207, 970, 130, 508, 852)
CLASS_LAYERS = ("conv10", "classes")
TILE = 224
LARGEST = 0.999  # quantile over the positions of a tile
OVER_TILES = 0.9  # quantile over the tiles
SAMPLES = 4000
LEAST = 0.05  # of a tensor's median range: channels that hardly ever react


def recipe_for(network: str, layer: str, channel: int | None, width: int, *, flat: bool) -> DreamRecipe:
    """The recipe of a dream to calibrate on: that of the network's styles."""
    channels = () if channel is None else ((layer, channel, 1.0),)
    look = {"step": 3.0, "iterations": 14, "octave_scale": 1.5, "octaves": 5, "smooth": 1.4, "chroma": 0.5}
    fields = look if network != "squeezenet" else {}
    if layer in CLASS_LAYERS:
        fields = class_fields(catalog.load().network(network))
    return DreamRecipe(
        network=network, layers=((layer, 1.0),), channels=channels, width=width, flat=flat, seed=1, **fields
    )


def tiles_in_progress(
    photo: np.ndarray, recipe: DreamRecipe, graph: Path, rng: np.random.Generator
) -> list[np.ndarray]:
    """Tiles of the photo and of its dream at the beginning, middle and end of each octave."""
    tiles: list[np.ndarray] = []

    def look(at: DreamProgress) -> None:
        if at.iteration not in (1, recipe.iterations // 2, recipe.iterations):
            return
        picture = at.preview(max(2 * TILE, recipe.width))
        top, left = (int(rng.integers(0, extent - TILE + 1)) for extent in picture.shape[:2])
        tiles.append(picture[top : top + TILE, left : left + TILE])

    dream(photo, recipe, graph, progress=look)
    return tiles


def best_clip(samples: list[np.ndarray]) -> float:
    """The range of 127 codes with the least squared error, relative to each sample's energy."""
    most = max(float(np.abs(sample).max()) for sample in samples)

    def error(limit: float) -> float:
        step = limit / 127
        off = [np.square(np.rint(s / step).clip(-127, 127) * step - s).mean() / np.square(s).mean() for s in samples]
        return float(np.mean(off))

    return min((float(limit) for limit in np.geomspace(most / 50, most, 24)), key=error)


def root_mean_square(array: np.ndarray) -> float:
    return float(np.sqrt(np.square(array.astype(np.float64)).mean()))


class Calibration:
    """Collects what tiles show of a layer's graph."""

    def __init__(self, forward: onnx.ModelProto, points: Points, layer: str, residual: float = 1.0) -> None:
        self._points, self._layer, self._rng = points, layer, np.random.default_rng(0)
        wanted = [points.seed]
        for point in points.gradients:
            wanted += [*point.tensors, *filter(None, [point.measured])]
        tensors = {layer, *points.activations.values()}
        self._run = TracedDream(forward, layer, tensors, dict.fromkeys(wanted), residual)
        self._activations: dict[str, list[np.ndarray]] = {name: [] for name in points.activations}
        self._gradients: dict[str, list[np.ndarray]] = {p.name: [] for p in points.gradients} | {"picture": []}

    def strongest(self, tile: np.ndarray, rank: int) -> int:
        """The channel of the layer that the tile excites most, or the one of `rank` (0 the first)."""
        activation = self._run(tile)[0][self._layer]
        return int(np.argsort(-np.square(activation).mean((1, 2)))[rank])

    def see(self, tile: np.ndarray, channel: int | None) -> None:
        """Add what a tile shows."""
        activations, gradients = self._run(tile, channel)
        for name, tensor in self._points.activations.items():
            values = activations[tensor]
            # What precedes a ReLU counts above 0 only.
            values = values.clip(0) if tensor.endswith("/z") else np.abs(values)
            self._activations[name].append(np.quantile(values.reshape(len(values), -1), LARGEST, axis=1))
        size = root_mean_square(gradients[self._points.seed])
        for name, tensors, measured, shares in [*self._points.gradients, Point("picture", ["picture"])]:
            parts = [
                gradients[tensor] if shares is None else gradients[tensor] / shares[:, None, None] for tensor in tensors
            ]
            whole = np.concatenate([part.ravel() for part in parts])
            if size > 0 and whole.any():
                chosen = self._rng.integers(0, len(whole), min(SAMPLES, len(whole)))
                if (sample := whole[chosen] / size).any():
                    self._gradients[name].append(sample)
            if measured:
                size = root_mean_square(gradients[measured])

    def ranges(self, activation_factor: float, gradient_factor: float) -> Ranges:
        """The ranges of all tiles."""
        found = {}
        for name, rows in self._activations.items():
            if name in self._points.single:
                found[name] = np.quantile([row.max() for row in rows], OVER_TILES, keepdims=True) * activation_factor
                continue
            high = np.quantile(np.stack(rows), OVER_TILES, axis=0)
            found[name] = np.maximum(high, LEAST * np.median(high[high > 0])) * activation_factor
        limits = {name: best_clip(samples) * gradient_factor for name, samples in self._gradients.items()}
        return Ranges(found, limits)


def spec_of(model: str, layer: str) -> GraphSpec:
    """The float32 graph that dreams of `layer` use."""
    return dream_spec(recipe_for(model, layer, None, 512, flat=True))


def calibrate(
    model: str, pictures: list[np.ndarray], layer: str, width: int, data: Path, factors: tuple[float, float]
) -> Ranges:
    """The ranges of the layer's graph."""
    rng = np.random.default_rng(0)
    spec = spec_of(model, layer)
    graph = ensure_graph(data, spec)
    forward = read_dreaming(data, catalog.load().network(model))
    calibration = Calibration(forward, POINTS[model](forward, layer, spec.residual), layer, spec.residual)
    for index, photo in enumerate(pictures):
        flat = photo.shape[1] != 2 * photo.shape[0]
        channels: Iterable[int | None] = (CLASSES[index % len(CLASSES)],)
        if layer not in CLASS_LAYERS:
            middle = [(extent - TILE) // 2 for extent in photo.shape[:2]]
            tile = photo[middle[0] :, middle[1] :][:TILE, :TILE]
            channels = (None, calibration.strongest(tile, 2 * index))
        for channel in channels:
            for tile in tiles_in_progress(photo, recipe_for(model, layer, channel, width, flat=flat), graph, rng):
                calibration.see(tile, channel)
    return calibration.ranges(*factors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--model", choices=POINTS, default="efficientnet-lite0")
    parser.add_argument("--layer", action="append")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--activations", type=float, default=1.0)
    parser.add_argument("--gradients", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=CATALOG_FOLDER / "ranges")
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs")
    arguments = parser.parse_args()
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in arguments.pictures]
    for layer in arguments.layer or catalog.load().network(arguments.model).layers:
        factors = arguments.activations, arguments.gradients
        ranges = calibrate(arguments.model, pictures, layer, arguments.width, arguments.data, factors)
        write_ranges(arguments.out / ranges_file(spec_of(arguments.model, layer)).name, ranges)
        print(layer, {name: f"{value:.3g}" for name, value in ranges.gradients.items()}, flush=True)


if __name__ == "__main__":
    main()
