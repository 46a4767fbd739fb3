"""Find the int8 ranges of a network's dreams, on photos and on dreams of them in progress.

A dream's own layer reacts tens of times as strongly at its end as on a photo, so ranges of photos alone would clip it.
Each photo is dreamed with the whole layer and with one of the channels that it excites most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.precisions.coded.lower import needed
from kiosk.forge.precisions.codes import SYMMETRIC_LEVELS
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.rules import RULES
from kiosk.forge.rules.blocked import BLOCKED
from kiosk.nets.dreaming.dream import DreamProgress, dream
from kiosk.recipes.recipe import DreamRecipe

TILE = 128
"""Side in pixels of the tiles that are looked at, a multiple of 32."""
ITERATIONS = 8
LARGEST = 0.999
"""A channel's range on a tile is this quantile of its magnitudes."""
OVER_TILES = 0.9
"""A channel's range is this quantile over the tiles."""
LEAST = 0.05
"""Smallest range of a channel, as a share of its tensor's median: some channels hardly ever react."""
SAMPLES = 4000
"""Values of a gradient that are kept of each tile."""
LIMITS = 24
"""How many ranges are tried for a gradient."""


def small_recipe(layer: str, width: int, channel: int | None = None, seed: int = 1) -> DreamRecipe:
    """The recipe of a small dream in three octaves, of the whole layer or of one channel."""
    channels = () if channel is None else ((layer, channel, 1.0),)
    return DreamRecipe(
        network="imported",
        layers=((layer, 1.0),),
        channels=channels,
        width=width,
        octaves=3,
        smallest=64,
        octave_scale=1.5,
        iterations=ITERATIONS,
        step=3.0,
        flat=True,
        seed=seed,
        precision="fp32",
    )


def calibrate(
    forward: onnx.ModelProto,
    layer: str,
    photos: Sequence[np.ndarray],
    progress: Callable[[float], None] | None = None,
) -> Ranges:
    """The ranges of the dreams of `layer` that `kiosk.forge.precisions.coded` needs.

    `forward`: an imported network's forward graph. `photos`: uint8 [H, W, 3], both sides at least TILE. `progress` gets
    0..1.
    """
    seen = _Seen(forward, layer)
    graph = add_gradient(forward, {layer: 1.0}, rules=BLOCKED).SerializeToString()
    random = np.random.default_rng(0)
    for number, photo in enumerate(photos):
        if progress:
            progress(number / len(photos))
        for channel in (None, seen.strongest(_tile(photo, random), number)):

            def look(at: DreamProgress, photo: np.ndarray = photo, channel: int | None = channel) -> None:
                if at.iteration in (1, ITERATIONS // 2, ITERATIONS):
                    seen.add(_tile(at.preview(photo.shape[1]), random), channel)

            dream(photo, small_recipe(layer, photo.shape[1], channel), graph, progress=look)
    return seen.ranges()


def _tile(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    top, left = (int(random.integers(0, extent - TILE + 1)) for extent in picture.shape[:2])
    return picture[top : top + TILE, left : left + TILE]


class _Seen:
    """What tiles show of the tensors of a layer's dream graph."""

    def __init__(self, forward: onnx.ModelProto, layer: str) -> None:
        graph = add_gradient(forward, {layer: 1.0}, rules=RULES)
        self._needed, self._layer = needed(graph, forward), layer
        self._channels = next(t.dims[0] for t in graph.graph.initializer if t.name == "channel_weights")
        sources = {source for many in self._needed.gradients.values() for source in many}
        self._names = list(dict.fromkeys([layer, *self._needed.activations, *self._needed.gradients, *sources]))
        graph.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self._names)
        self._session = open_plain(graph)
        self._random = np.random.default_rng(0)
        self._activations: dict[str, list[np.ndarray]] = defaultdict(list)
        self._gradients: dict[str, list[np.ndarray]] = defaultdict(list)

    def _run(self, tile: np.ndarray, channel: int | None) -> dict[str, np.ndarray]:
        feed = {"image": np.ascontiguousarray(tile.transpose(2, 0, 1)[None], np.float32)}
        if channel is not None:
            feed["channel_weights"] = np.eye(1, self._channels, channel, dtype=np.float32)[0] * self._channels
        return dict(zip(self._names, map(np.asarray, self._session.run(self._names, feed)), strict=True))

    def strongest(self, tile: np.ndarray, rank: int) -> int:
        """The channel of the layer that the tile excites most, or the one of `rank` (0 the first)."""
        levels = np.square(self._run(tile, None)[self._layer][0]).mean((1, 2))
        return int(np.argsort(-levels, kind="stable")[rank % len(levels)])

    def add(self, tile: np.ndarray, channel: int | None) -> None:
        """Add what a tile shows."""
        found = self._run(tile, channel)
        for name in self._needed.activations:
            values = np.abs(found[name][0]).reshape(found[name].shape[1], -1)
            self._activations[name].append(np.quantile(values, LARGEST, axis=1))
        sizes = {name: _root_mean_square(found[name]) for name in self._names}
        for name, sources in self._needed.gradients.items():
            values, size = found[name].ravel(), sum(sizes[source] for source in sources)
            sample = values[self._random.integers(0, len(values), SAMPLES)]
            if size > 0 and sample.any():
                self._gradients[name].append(sample / size)

    def ranges(self) -> Ranges:
        """The ranges of all tiles."""
        activations = {}
        for name, rows in self._activations.items():
            high = np.quantile(np.stack(rows), OVER_TILES, axis=0)
            middle = float(np.median(high[high > 0])) if high.any() else 1.0
            activations[name] = np.maximum(high, LEAST * middle)
        gradients = {name: _best_limit(self._gradients.get(name, [])) for name in self._needed.gradients}
        return Ranges(activations, gradients)


def _best_limit(samples: list[np.ndarray]) -> float:
    """The range of 127 codes with the least squared error, relative to each sample's energy. Without samples, 1."""
    if not samples:
        return 1.0
    most = max(float(np.abs(sample).max()) for sample in samples)

    def error(limit: float) -> float:
        step, edge = limit / SYMMETRIC_LEVELS, SYMMETRIC_LEVELS
        off = [np.square(np.rint(s / step).clip(-edge, edge) * step - s).mean() / np.square(s).mean() for s in samples]
        return float(np.mean(off))

    return min((float(limit) for limit in np.geomspace(most / 50, most, LIMITS)), key=error)


def _root_mean_square(array: np.ndarray) -> float:
    return float(np.sqrt(np.square(array.astype(np.float64)).mean()))
