"""What a dream has to compute: its octaves, the tiles of each, and their work, known before anything is begun."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.nets.dreaming.octaves import octave_sizes
from kiosk.nets.dreaming.sphere_charts import SphereCharts
from kiosk.nets.dreaming.tiling import tile_shapes, tile_work
from kiosk.nets.engine.memory import largest_tile
from kiosk.recipes.recipe import DreamRecipe

HALO = 8
"""pixels of context around a tile's core. The full halo of the deep layers is 175 pixels and more; with the tiles moved
at every step, what this one misses averages out (tests/bench/README.md has the curve of its error)."""

PER_STEP = 25_000
"""what a step costs beside its tiles, in pixels: a millisecond or two, until all threads are at work and at rest."""


@dataclass(frozen=True)
class Octave:
    """One size of a dream: `width` x `height` pixels, in tiles of `tile` (height, width) pixels. `work` is what the
    recipe's steps together compute, in megapixels: tiles with their halos and what costs as much, not pixels of the
    picture, so that time is proportional to it at all sizes."""

    width: int
    height: int
    tile: tuple[int, int]
    work: float


def pixels(recipe: DreamRecipe, octaves: list[Octave]) -> float:
    """Pixels of the pictures times iterations over all octaves, in megapixels: what speeds of dreams are counted in."""
    return sum(o.width * o.height * n for o, n in zip(octaves, steps_of(recipe, octaves), strict=True)) / 1e6


def steps_of(recipe: DreamRecipe, octaves: list[Octave]) -> list[int]:
    """The steps of each octave. Raises BadInput where the recipe's own list does not fit."""
    own = recipe.octave_iterations
    if own and (len(own) != len(octaves) or not all(1 <= n <= recipe.iterations for n in own)):
        raise BadInput("the iterations of single octaves do not fit the recipe", "bad_recipe")
    return list(own) or [recipe.iterations] * len(octaves)


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
