"""The schedule of a dream: its octaves, their tile shapes, and the work of each."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.nets.dreaming.octaves import octave_sizes
from kiosk.nets.dreaming.sphere_charts import SphereCharts
from kiosk.nets.dreaming.tiling import tile_shapes, tile_work
from kiosk.nets.engine.memory import largest_tile
from kiosk.recipes.recipe import DreamRecipe

HALO = 8
"""Context around a tile's core, pixels. Deep layers would need 175 pixels and more, but tiles move at every step, so
the errors average out (tests/bench/README.md plots them)."""

PER_STEP = 25_000
"""Overhead of a step besides its tiles, in pixels: the millisecond or two in which threads start and finish."""


@dataclass(frozen=True)
class Octave:
    """One size of a dream: `width` x `height` pixels in tiles of `tile` (height, width) pixels. `work`: megapixels
    computed by all the recipe's steps, including halos and overhead, so that it is proportional to time at all
    sizes."""

    width: int
    height: int
    tile: tuple[int, int]
    work: float


def pixels(recipe: DreamRecipe, octaves: list[Octave]) -> float:
    """Picture pixels x iterations, summed over octaves, in megapixels: the unit of reported dream speeds."""
    return sum(o.width * o.height * n for o, n in zip(octaves, steps_of(recipe, octaves), strict=True)) / 1e6


def steps_of(recipe: DreamRecipe, octaves: list[Octave]) -> list[int]:
    """The steps of each octave. Raises BadInput if `recipe.octave_iterations` does not fit the octaves."""
    own = recipe.octave_iterations
    if own and (len(own) != len(octaves) or not all(1 <= n <= recipe.iterations for n in own)):
        raise BadInput("octave_iterations does not match the recipe's octaves and iterations", "bad_recipe")
    return list(own) or [recipe.iterations] * len(octaves)


def schedule(recipe: DreamRecipe, height: int, bytes_per_pixel: float = 0.0, align: int = 1) -> list[Octave]:
    """The octaves of a dream `height` pixels high (a sphere: half its width), smallest first. `bytes_per_pixel`: what a
    tile of the graph takes, `align`: its sides are multiples of this; plans do without both, because speeds are
    measured in the same work."""
    flat = recipe.flat
    sizes = octave_sizes(recipe.width, height, recipe.octaves, recipe.octave_scale, flat, recipe.smallest)
    charts = [[(h, w)] if flat else SphereCharts.extents(w) for w, h in sizes]
    largest = largest_tile(recipe.width, bytes_per_pixel)
    shapes = tile_shapes(charts, recipe.iterations, HALO, largest, align, recipe.tile)
    return [
        Octave(w, h, tile, recipe.iterations * (tile_work(extents, tile, HALO) + PER_STEP) / 1e6)
        for (w, h), extents, tile in zip(sizes, charts, shapes, strict=True)
    ]
