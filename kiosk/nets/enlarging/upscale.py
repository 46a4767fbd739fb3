"""Upscale a sphere or a plain picture with waifu2x, tile by tile.

On a sphere, the context wraps around at the left and right edges and continues across the poles. The picture is
processed at its canonical yaw, so rolling the input by k columns rolls the output by exactly scale x k columns,
regardless of downsampling in the network and of tile borders.

Memory does not grow with the output: tiles are small, and a large result goes to an unlinked temporary file whose pages
are released after every row of tiles.
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
from kiosk.nets.enlarging.transparency import bleed_colors
from kiosk.nets.enlarging.waifu2x import Waifu2x
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Precision
from kiosk.recipes.recipe import UpscaleRecipe

TILE = 128
"""Largest tile side in input pixels: larger tiles overflow the cache, smaller ones have more border overhead."""

SMALL_TILE = 48
"""Largest tile side when memory is short."""

HELD_IN_MEMORY = 32 * 2**20
"""Largest picture kept in memory, in bytes; larger ones go to a temporary file."""


@dataclass(frozen=True)
class UpscaleResult:
    """An upscaled picture and measurements of its run.

    `picture`: uint8 [H, W, 3 or 4]; a large one is a memory-mapped temporary file that is freed with the array.
    `megapixels_per_second`: output pixels. `networks`: the catalog's names, one per pass.
    """

    picture: np.ndarray
    seconds: float
    megapixels_per_second: float
    provider: str
    precision: str
    networks: tuple[str, ...]


def network_names(recipe: UpscaleRecipe) -> tuple[str, ...]:
    """The network of each pass. The first pass also removes noise; further doublings only upscale.

    Scale 1 removes noise with cunet's 1x networks, the only ones without upscaling. Scale 1 without noise has no
    passes. Raises BadInput for an unknown scale, network or noise level.
    """
    if recipe.scale not in (1, 2, 4, 8):
        raise BadInput(f"the scale must be 1, 2, 4 or 8, not {recipe.scale}", "scale")
    noise = "" if recipe.noise == "none" else f"-noise{recipe.noise}"
    if recipe.scale == 1:
        names: tuple[str, ...] = (f"cunet-1x{noise}",) if noise else ()
    else:
        names = (f"{recipe.network}{noise}",) + (recipe.network,) * (recipe.scale.bit_length() - 2)
    for name in names:
        catalog.load().network(name)
    return names


def chosen_precision(recipe: UpscaleRecipe, provider: str) -> str:
    """Resolve a precision of "auto" without measuring: int8 on a CPU, fp16 elsewhere."""
    if recipe.precision != "auto":
        return recipe.precision
    return "int8" if provider == "CPUExecutionProvider" else "fp16"


def graph_precision(precision: str, engine: str) -> Precision:
    """The precision of the graph that `engine` needs for `precision`: OpenVINO takes int8 as Q/DQ pairs."""
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
    """Upscale `photo`, uint8 [H, W, 3], or with `recipe.flat` also [H, W, 4], whose alpha is upscaled too.

    `graphs(network, precision)` returns a graph's file. `progress` gets fractions 0..1. `threads` 0 uses every core.
    `memory_mb`: memory target of the process; below 1024 more goes to disk, below 512 tiles are smaller. `scratch`:
    folder for the temporary file of a large result (default: the system's). `cancelled()` is called between tiles.
    Raises BadInput for an impossible recipe or picture, and kiosk.nets.dreaming.gradient.Cancelled.
    """
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] not in (3, 4) or 0 in photo.shape:
        raise BadInput(f"a picture must be uint8 [H, W, 3 or 4], not {photo.dtype} {list(photo.shape)}", "picture")
    if photo.shape[2] == 4 and not recipe.flat:
        raise BadInput("a sphere cannot be transparent: drop its alpha channel, or treat it as flat", "picture")
    started = time.perf_counter()
    provider = available_providers()[0]
    precision = chosen_precision(recipe, provider)
    form = graph_precision(precision, recipe.engine)
    networks = [catalog.load().network(name) for name in network_names(recipe)]
    memory = memory_mb or 1024
    in_memory = HELD_IN_MEMORY * min(memory, 1024) // 1024
    tile = TILE if memory >= 512 else SMALL_TILE
    layers = [photo] if photo.shape[2] == 3 else [bleed_colors(photo), np.repeat(photo[..., 3:], 3, axis=2)]
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
        # A gray picture stays almost gray; the mean of its channels is the alpha.
        result = np.dstack([layers[0], layers[1].mean(axis=2, dtype=np.float32).round().astype(np.uint8)])
    elif not networks:
        result = photo.copy()
    seconds = time.perf_counter() - started
    speed = result.shape[0] * result.shape[1] / 1e6 / seconds
    return UpscaleResult(result, seconds, speed, provider, precision, tuple(network.name for network in networks))
