"""Enlarging a picture with waifu2x, tile by tile: a whole sphere, or a plain picture.

On a sphere the context beyond the left and right edges is the other edge, and beyond the poles the far side. The work
is done at the picture's canonical yaw, so that turning the input by k columns turns the output by scale x k columns
exactly, whatever the network halves and wherever tiles end.

Memory does not grow with the output: tiles are small, and a result above a size goes to an unlinked temporary file
whose pages are let go after every row of tiles.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.errors import BadInput
from kiosk.nets.engine.canvas import make_canvas, release_pages
from kiosk.nets.engine.session import available_providers
from kiosk.nets.enlarging.transparency import bleed_colours
from kiosk.nets.enlarging.waifu2x import Waifu2x
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Precision
from kiosk.recipes.recipe import UpscaleRecipe

TILE = 128
"""Largest side of a tile, input pixels: larger ones spill out of the cache, smaller ones have too much border."""

SMALL_TILE = 48
"""The same where memory is short."""

HELD_IN_MEMORY = 32 * 2**20
"""Bytes of a picture that are kept in memory; a larger one goes to a temporary file, whose pages need not stay."""


@dataclass(frozen=True)
class UpscaleResult:
    """`picture` uint8 [H, W, 3 or 4]; a large one is a map of a temporary file that goes when the array does.
    `megapixels_per_second` counts output pixels. `networks`: the catalog's names, one for each pass."""

    picture: np.ndarray
    seconds: float
    megapixels_per_second: float
    provider: str
    precision: str
    networks: tuple[str, ...]


def network_names(recipe: UpscaleRecipe) -> tuple[str, ...]:
    """The networks of each pass: noise is removed in the first, further doublings only enlarge.

    Scale 1 removes noise with cunet's 1x networks, the only ones there are; scale 1 without noise has no pass at all.
    Raises BadInput for a scale, network or noise that does not exist.
    """
    if recipe.scale not in (1, 2, 4, 8):
        raise BadInput(f"scale {recipe.scale} is not 1, 2, 4 or 8", "scale")
    noise = "" if recipe.noise == "none" else f"-noise{recipe.noise}"
    if recipe.scale == 1:
        names: tuple[str, ...] = (f"cunet-1x{noise}",) if noise else ()
    else:
        names = (f"{recipe.network}{noise}",) + (recipe.network,) * (recipe.scale.bit_length() - 2)
    for name in names:
        catalog.load().network(name)
    return names


def chosen_precision(recipe: UpscaleRecipe, provider: str) -> str:
    """What `auto` means with a provider where nothing was measured: int8 on a CPU, fp16 elsewhere."""
    if recipe.precision != "auto":
        return recipe.precision
    return "int8" if provider == "CPUExecutionProvider" else "fp16"


def graph_precision(precision: str, engine: str) -> Precision:
    """The precision of the graphs that an engine runs a precision with: OpenVINO takes int8 as Q/DQ pairs."""
    return "qdq" if (precision, engine) == ("int8", "openvino") else precision  # type: ignore[return-value]


def upscale(
    photo: np.ndarray,
    recipe: UpscaleRecipe,
    graphs: Callable[[str, str], Path],
    *,
    progress: Callable[[float], None] | None = None,
    threads: int = 0,
    memory_mb: int | None = None,
    cancelled: Callable[[], bool] | None = None,
    scratch: Path | None = None,
) -> UpscaleResult:
    """Enlarge `photo`, uint8 [H, W, 3] (with `recipe.flat` also [H, W, 4], whose alpha is enlarged too), H, W >= 1.

    `graphs(network, precision)` gives a graph's file. `progress` hears fractions 0..1. `threads` 0 uses every core.
    `memory_mb`: what the whole process should stay within; below 1024 more goes to disk, below 512 tiles get smaller.
    `scratch`: folder for the temporary file of a large result (default: the system's). Raises BadInput for an
    impossible recipe or picture, nets.dream.Cancelled when `cancelled` answers yes between tiles.
    """
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] not in (3, 4) or 0 in photo.shape:
        raise BadInput(f"a picture is uint8 [H, W, 3 or 4], not {photo.dtype} {list(photo.shape)}", "picture")
    if photo.shape[2] == 4 and not recipe.flat:
        raise BadInput("a sphere has no transparent part: drop its alpha channel, or treat it as flat", "picture")
    started = time.perf_counter()
    provider = available_providers()[0]
    precision = chosen_precision(recipe, provider)
    form = graph_precision(precision, recipe.engine)
    networks = [catalog.load().network(name) for name in network_names(recipe)]
    memory = memory_mb or 1024
    in_memory = HELD_IN_MEMORY * min(memory, 1024) // 1024
    tile = TILE if memory >= 512 else SMALL_TILE
    layers = [photo] if photo.shape[2] == 3 else [bleed_colours(photo), np.repeat(photo[..., 3:], 3, axis=2)]
    areas = [float(4**index) for index in range(len(networks))] * len(layers)
    done = 0
    for position, picture in enumerate(layers):
        for network in networks:

            def report(fraction: float, done: int = done) -> None:
                if progress:
                    progress((sum(areas[:done]) + fraction * areas[done]) / sum(areas))

            job = Waifu2x(network, graphs(network.name, form), recipe, tile, threads, report, cancelled)
            height, width = picture.shape[0] * network.scale, picture.shape[1] * network.scale
            canvas = make_canvas((height, width, 3), in_memory, scratch)
            provider = job.run(picture, canvas)
            release_pages(canvas)
            picture = canvas
            done += 1
        layers[position] = picture
    result = layers[0]
    if len(layers) == 2:
        # A grey picture comes back almost grey; its mean is the alpha.
        result = np.dstack([layers[0], layers[1].mean(axis=2, dtype=np.float32).round().astype(np.uint8)])
    elif not networks:
        result = photo.copy()
    seconds = time.perf_counter() - started
    speed = result.shape[0] * result.shape[1] / 1e6 / seconds
    return UpscaleResult(result, seconds, speed, provider, precision, tuple(network.name for network in networks))
