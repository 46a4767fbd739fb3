"""What a dream has to compute: its octaves, the tiles of each, and their work, known before anything is begun."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.nets.charts import SphereCharts
from kiosk.nets.covering import tile_shapes, tile_work
from kiosk.nets.memory import largest_tile
from kiosk.nets.octaves import octave_sizes
from kiosk.nets.recipe import DreamRecipe

HALO = 16
"""pixels of context around a tile's core. The full halo of the deep layers is 175 pixels and more; with the tiles moved
at every step, what this one misses averages out (the halo-error curve is in the README)."""

PER_STEP = 25_000
"""what a step costs beside its tiles, in pixels: a millisecond or two, until all threads are at work and at rest."""


@dataclass(frozen=True)
class Octave:
    """One size of a dream: `width` x `height` pixels, in tiles of `tile` (height, width) pixels. `work` is what its
    steps together compute, in megapixels: tiles with their halos and what costs as much, not pixels of the picture, so
    that time is proportional to it at all sizes."""

    width: int
    height: int
    tile: tuple[int, int]
    work: float


def pixels(recipe: DreamRecipe, octaves: list[Octave]) -> float:
    """Pixels of the pictures times iterations over all octaves, in megapixels: what speeds of dreams are counted in."""
    return sum(octave.width * octave.height for octave in octaves) * recipe.iterations / 1e6


def schedule(recipe: DreamRecipe, height: int) -> list[Octave]:
    """The octaves of a dream `height` pixels high (a sphere: half its width), smallest first."""
    flat = recipe.flat
    sizes = octave_sizes(recipe.width, height, recipe.octaves, recipe.octave_scale, flat, recipe.smallest)
    charts = [[(h, w)] if flat else SphereCharts.extents(w) for w, h in sizes]
    shapes = tile_shapes(charts, recipe.iterations, HALO, largest_tile(recipe.width))
    return [
        Octave(w, h, tile, recipe.iterations * (tile_work(extents, tile, HALO) + PER_STEP) / 1e6)
        for (w, h), extents, tile in zip(sizes, charts, shapes, strict=True)
    ]
