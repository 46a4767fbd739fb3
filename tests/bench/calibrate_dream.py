#!/usr/bin/env python3
"""Find the int8 ranges of SqueezeNet's dream graphs on photos and on dreams in progress; write them to models/ranges.

    calibrate_dream.py PICTURE ... [--layer fire8 ...] [--width 512] [--activations 1.0] [--gradients 1.0] [--out DIR]

Pictures twice as wide as high are dreamed as spheres, others flat. Each layer has ranges of its own: a dream's own
layer reacts tens of times as strongly at its end as on a photo. Needs torch, for the gradients inside.

A channel's range is a high quantile of its largest activations over all tiles, times --activations; a gradient's is the
one with the least squared error, times --gradients. What is beyond is clipped, which hardly changes a dream; what
rounds to 0 is lost to it, so less is better than more: the two factors were chosen by what bench_dream.py reports.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.precisions.dream_ranges import EXPANDS, FIRES, LAYERS, SCORES, Ranges, write_ranges
from kiosk.forge.readers.squeezenet import CAFFE_MEAN_BGR, CLASS_SHIFT, POOL_BEFORE, read_weights
from kiosk.forge.readers.weights import read_source
from kiosk.nets.dreaming.dream import DreamProgress, dream
from kiosk.recipes import catalog
from kiosk.recipes.catalog import CATALOG_FOLDER
from kiosk.recipes.from_wishes import recipe_for_classes
from kiosk.recipes.recipe import DreamRecipe
from kiosk.storage import default_data_folder

CLASSES = (84, 483, 409, 207, 970, 130, 508, 852)
TILE = 224
LARGEST = 0.999  # quantile over the positions of a tile
OVER_TILES = 0.9  # quantile over the tiles
SAMPLES = 4000
LEAST = 0.05  # of a tensor's median range: channels that hardly ever react


class Network:
    """SqueezeNet in torch, every gradient kept."""

    def __init__(self) -> None:
        network = catalog.load().network("squeezenet")
        weights = read_weights(read_source(network, network.files[0].path))
        self.weights = {name: (torch.tensor(kernel), torch.tensor(bias)) for name, (kernel, bias) in weights.items()}
        self.weights["conv1"] = (self.weights["conv1"][0].flip(1), self.weights["conv1"][1])
        self.mean = torch.tensor(CAFFE_MEAN_BGR[::-1]).reshape(1, 3, 1, 1)

    def pass_both_ways(
        self, tile: np.ndarray, layer: str, channel: int | None
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The activations, and the gradients in front of each pool and ReLU, as multiples as in Ranges."""
        image = torch.tensor(np.ascontiguousarray(tile.transpose(2, 0, 1))[None].astype(np.float32)).requires_grad_()
        seen: dict[str, torch.Tensor] = {}
        watched: dict[str, list[torch.Tensor]] = {"picture": [image]}

        def watch(name: str, tensor: torch.Tensor) -> torch.Tensor:
            tensor.retain_grad()
            watched.setdefault(name, []).append(tensor)
            return tensor

        padded = functional.pad(image - self.mean, (0, 1, 0, 1))
        seen["conv1"] = functional.conv2d(padded, *self.weights["conv1"], stride=2).relu()
        parts, before = ["conv1"], "conv1"
        for fire in FIRES:
            pooled = [functional.max_pool2d(seen[p], 3, 2) if fire in POOL_BEFORE else seen[p] for p in parts]
            inputs = torch.cat([watch(before, tensor) for tensor in pooled], 1)
            squeeze = functional.conv2d(inputs, *self.weights[f"{fire}/squeeze1x1"]).relu()
            seen[f"{fire}/squeeze"] = watch(f"{fire}/squeeze", squeeze)
            parts, before = [f"{fire}/{part}" for part in EXPANDS], fire
            seen[parts[0]] = functional.conv2d(squeeze, *self.weights[f"{fire}/expand1x1"]).relu()
            seen[parts[1]] = functional.conv2d(squeeze, *self.weights[f"{fire}/expand3x3"], padding=1).relu()
            if fire == layer:
                break
        reaction = torch.cat([seen[part] for part in parts], 1)
        if layer == SCORES:
            inputs = watch(before, reaction)
            reaction = seen[SCORES] = (functional.conv2d(inputs, *self.weights[SCORES]) + CLASS_SHIFT).relu()
        seed = reaction.detach()
        if channel is not None:
            seed = seed * (torch.arange(seed.shape[1]) == channel).reshape(1, -1, 1, 1) * seed.shape[1]
        reaction.backward(seed)
        size = seed.square().mean().sqrt()
        gradients = {}
        for name, tensors in reversed(watched.items()):
            moved = torch.cat(
                [tensor.grad.flatten() for tensor in tensors if tensor.grad is not None] or [size[None][:0]]
            )
            if moved.numel():
                gradients[name] = moved / size
            if name.endswith("/squeeze"):
                size = (moved * (tensors[0].detach() > 0).flatten()).square().mean().sqrt()
        return {name: tensor.detach() for name, tensor in seen.items()}, gradients


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


def best_clip(samples: list[torch.Tensor]) -> float:
    """The range of 127 codes with the least squared error, relative to each sample's energy."""
    most = max(float(sample.abs().max()) for sample in samples)

    def error(limit: float) -> float:
        step = limit / 127
        off = [((s / step).round().clamp(-127, 127) * step - s).square().mean() / s.square().mean() for s in samples]
        return float(torch.stack(off).mean())

    return min((float(limit) for limit in np.geomspace(most / 50, most, 24)), key=error)


def some_of(tensor: torch.Tensor) -> torch.Tensor:
    """Random ones of the values."""
    return tensor[torch.randint(len(tensor), (min(SAMPLES, len(tensor)),))]


def calibrate(
    network: Network, pictures: list[np.ndarray], layer: str, width: int, data: Path, factors: tuple[float, float]
) -> Ranges:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    graph = ensure_graph(data, GraphSpec("squeezenet", "fp32", ((layer, 1.0),)))
    activations: dict[str, list[np.ndarray]] = {}
    gradients: dict[str, list[torch.Tensor]] = {}
    for index, photo in enumerate(pictures):
        flat = photo.shape[1] != 2 * photo.shape[0]
        channel = CLASSES[index % len(CLASSES)] if layer == SCORES else None
        recipe = DreamRecipe(layers=((layer, 1.0),)) if channel is None else recipe_for_classes(str(channel))
        recipe = dataclasses.replace(recipe, width=width, flat=flat)
        for tile in tiles_in_progress(photo, recipe, graph, rng):
            seen, moved = network.pass_both_ways(tile, layer, channel)
            for name, tensor in seen.items():
                largest = torch.quantile(tensor[0].flatten(1), LARGEST, dim=1)
                activations.setdefault(name, []).append(largest.numpy())
            for name, tensor in moved.items():
                if tensor.square().mean() > 0 and tensor.isfinite().all():
                    gradients.setdefault(name, []).append(some_of(tensor))
    ranges = {}
    for name, rows in activations.items():
        high = np.quantile(np.stack(rows), OVER_TILES, axis=0)
        ranges[name] = np.maximum(high, LEAST * np.median(high[high > 0])) * factors[0]
    limits = {name: best_clip(samples) * factors[1] for name, samples in gradients.items()}
    return Ranges(ranges, limits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--layer", action="append", choices=LAYERS)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--activations", type=float, default=1.0)
    parser.add_argument("--gradients", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=CATALOG_FOLDER / "ranges")
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs")
    arguments = parser.parse_args()
    network = Network()
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in arguments.pictures]
    for layer in arguments.layer or LAYERS:
        factors = arguments.activations, arguments.gradients
        ranges = calibrate(network, pictures, layer, arguments.width, arguments.data, factors)
        write_ranges(arguments.out / f"squeezenet-{layer}.toml", ranges)
        print(layer, {name: f"{value:.3g}" for name, value in ranges.gradients.items()}, flush=True)


if __name__ == "__main__":
    main()
