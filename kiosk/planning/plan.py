"""The plan for one photo: which recipe is ready in time on this machine.

The wanted recipe is the style's at the operator's settings: a dream of one width, upscaled by some factor. A wider
dream upscaled less reaches the same size with more detail and takes longer; a narrower dream upscaled more is faster.
The plan tries these candidates from the best-looking down and takes the first that should finish in time:

1. wider dreams with less upscaling, down to 2x (4096 wide and 2x instead of 2048 and 4x);
2. the wanted recipe, then the same with fewer iterations (60% of them still look finished);
3. narrower dreams with fewer and fewer iterations, upscaled to the wanted size or as close as 8x gets, then less;
4. the narrowest dream without upscaling.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.nets.dreaming.schedule import schedule
from kiosk.nets.engine.memory import needed_mb
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe

# The share of the deadline to plan for. The rest absorbs prediction errors.
MARGIN = 0.85
# A guest who waited in the queue gets a quicker dream, but always at least this share of the deadline.
LEAST_SHARE = 0.5
ITERATION_STEPS = (1.0, 0.8, 0.6)
WIDTH_STEPS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.375, 0.25)
SMALLEST_WIDTH = 512
LARGEST_SCALE = 8


@dataclass(frozen=True)
class Speeds:
    """Speeds of this machine: `dream` in megapixels of `dream_work` per second, `upscale` in megapixels of
    `upscale_megapixels` per second, `publish` in megapixels of the upscaled sphere per second."""

    dream: float
    upscale: float
    publish: float


@dataclass(frozen=True)
class Plan:
    """A recipe and the predicted seconds of each stage."""

    recipe: PhotoRecipe
    dream_seconds: float
    upscale_seconds: float
    publish_seconds: float

    @property
    def seconds(self) -> float:
        return self.dream_seconds + self.upscale_seconds + self.publish_seconds


def within_memory(wanted: PhotoRecipe, memory_mb: float) -> PhotoRecipe:
    """`wanted`, its dream narrowed until it fits in `memory_mb`, but never below SMALLEST_WIDTH."""
    width = wanted.dream.width
    while width > SMALLEST_WIDTH and _least_mb(width) > memory_mb:
        width = max(SMALLEST_WIDTH, width - 64)
    return PhotoRecipe(dataclasses.replace(wanted.dream, width=width), wanted.upscale)


def time_left(deadline: float, waited: float) -> float:
    """Seconds left of a `deadline` that started at the upload, after `waited` seconds in the queue; at least
    LEAST_SHARE of it."""
    return max(deadline - max(waited, 0.0), deadline * LEAST_SHARE)


def make_plan(
    wanted: PhotoRecipe, speeds: Speeds, seconds: float, memory_mb: float | None = None, eyes: int = 1
) -> Plan:
    """Plan the best-looking candidate for `wanted` that should finish within `seconds`, or the smallest one if none
    does. `memory_mb`: memory limit of the dream, None for no limit. `eyes`: 2 for a stereo photo."""
    wider = [recipe for recipe in _wider(wanted) if memory_mb is None or _least_mb(recipe.dream.width) <= memory_mb]
    plan = None
    for recipe in [*wider, *_candidates(wanted)]:
        plan = predict(recipe, speeds, eyes)
        if plan.seconds <= seconds * MARGIN:
            break
    assert plan is not None
    return plan


def plan_dream(wanted: DreamRecipe, speed: float, deadline: float, kept_back: float = 0.0) -> DreamRecipe:
    """The first dream, from `wanted` downward, that should finish within `deadline` seconds at `speed` (megapixels of
    `dream_work` per second). `kept_back` seconds of the deadline are reserved for other work. Raises BadInput with the
    shortest possible deadline if none fits."""
    recipe = wanted
    for candidate in _candidates(PhotoRecipe(wanted, UpscaleRecipe(scale=1))):
        recipe = candidate.dream
        if dream_work(recipe) / speed <= (deadline - kept_back) * MARGIN:
            return recipe
    least = math.ceil(dream_work(recipe) / speed / MARGIN + kept_back + 0.5)
    raise BadInput(f"the smallest dream takes this machine {least} s; give it --deadline {least} or more", "deadline")


def predict(recipe: PhotoRecipe, speeds: Speeds, eyes: int = 1) -> Plan:
    """Predict how long `recipe` takes at `speeds`. Two `eyes` share one dream; each is upscaled and published."""
    return Plan(
        recipe,
        dream_seconds=dream_work(recipe.dream) / speeds.dream,
        upscale_seconds=eyes * upscale_megapixels(recipe) / speeds.upscale,
        publish_seconds=eyes * enlarged_megapixels(recipe) / speeds.publish,
    )


def dream_work(recipe: DreamRecipe) -> float:
    """The work of a dream: megapixels computed, including tile overlap, summed over octaves and iterations. The height
    is half the width; a plain picture counts as a square, which is an upper bound for landscape photos."""
    return sum(octave.work for octave in schedule(recipe, recipe.width if recipe.flat else recipe.width // 2))


def enlarged_megapixels(recipe: PhotoRecipe) -> float:
    """Megapixels of the upscaled sphere."""
    return (recipe.dream.width * recipe.upscale.scale) ** 2 / 2 / 1e6


def upscale_megapixels(recipe: PhotoRecipe) -> float:
    """The work of upscaling: output megapixels summed over its doublings."""
    doublings = recipe.upscale.scale.bit_length() - 1
    return sum((recipe.dream.width * 2**number) ** 2 / 2 / 1e6 for number in range(1, doublings + 1))


def _wider(wanted: PhotoRecipe) -> Iterator[PhotoRecipe]:
    """Wider dreams that need less upscaling for the same size, widest first.

    Extra octaves keep the smallest octave as it was, so large forms stay and finer ones are added.
    """
    dream = wanted.dream
    for factor in (4, 2):
        if wanted.upscale.scale // factor < 2:
            continue
        octaves = dream.octaves + round(math.log(factor) / math.log(dream.octave_scale))
        yield PhotoRecipe(
            dataclasses.replace(dream, width=dream.width * factor, octaves=octaves),
            _scaled(wanted.upscale, wanted.upscale.scale // factor),
        )


def _candidates(wanted: PhotoRecipe) -> Iterator[PhotoRecipe]:
    dream, scale = wanted.dream, wanted.upscale.scale
    widths = dict.fromkeys(
        [dream.width, *(max(SMALLEST_WIDTH, round(dream.width * step / 64) * 64) for step in WIDTH_STEPS[1:])]
    )
    for width in (width for width in widths if width <= dream.width):
        scales = [scale]
        while scale > 1 and width * scales[0] * 2 <= dream.width * scale and scales[0] < LARGEST_SCALE:
            scales.insert(0, scales[0] * 2)
        if scale > 1 and width == min(widths):
            scales.append(1)
        for chosen in scales:
            for step in ITERATION_STEPS:
                yield PhotoRecipe(
                    dataclasses.replace(dream, width=width, iterations=max(1, round(dream.iterations * step))),
                    _scaled(wanted.upscale, chosen),
                )


def _least_mb(width: int) -> float:
    return needed_mb(width, width // 2, 1)


def _scaled(recipe: UpscaleRecipe, scale: int) -> UpscaleRecipe:
    # Denoising without upscaling takes a different network that is several times slower.
    return dataclasses.replace(recipe, scale=scale, noise=recipe.noise if scale > 1 else "none")  # type: ignore[arg-type]
