"""The plan for one photo: which recipe is ready in time on this machine.

The wanted recipe is the style's at the operator's settings: a dream of some width, enlarged to a larger one. The same
size can be reached by a wider dream enlarged less, which shows more and takes longer, or by a narrower one enlarged
more. The plan looks at these from the best-looking downwards and takes the first that is ready in time:

1. wider dreams that are enlarged less, down to 2 x (4096 wide and 2 x instead of 2048 and 4 x);
2. the wanted one, with fewer iterations (60 % of them still look finished);
3. narrower ones with fewer iterations, each enlarged to the wanted size or as near to it as 8 x goes, then less;
4. the narrowest without enlargement.
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

# What the prediction may be wrong by, and still be in time.
MARGIN = 0.85
# A guest who has waited in the queue gets a quicker dream, but not a poor one.
LEAST_SHARE = 0.5
ITERATION_STEPS = (1.0, 0.8, 0.6)
WIDTH_STEPS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.375, 0.25)
SMALLEST_WIDTH = 512
LARGEST_SCALE = 8


@dataclass(frozen=True)
class Speeds:
    """What this machine does: `dream` in megapixels of `dream_work` per second, `upscale` and `publish` in megapixels
    of the enlarged picture per second."""

    dream: float
    upscale: float
    publish: float


@dataclass(frozen=True)
class Plan:
    """A recipe and the seconds that its stages are expected to take."""

    recipe: PhotoRecipe
    dream_seconds: float
    upscale_seconds: float
    publish_seconds: float

    @property
    def seconds(self) -> float:
        return self.dream_seconds + self.upscale_seconds + self.publish_seconds


def within_memory(wanted: PhotoRecipe, memory_mb: float) -> PhotoRecipe:
    """`wanted` with the widest dream, at most its own, that `memory_mb` is enough for; SMALLEST_WIDTH at the least."""
    width = wanted.dream.width
    while width > SMALLEST_WIDTH and _least_mb(width) > memory_mb:
        width = max(SMALLEST_WIDTH, width - 64)
    return PhotoRecipe(dataclasses.replace(wanted.dream, width=width), wanted.upscale)


def time_left(deadline: float, waited: float) -> float:
    """Seconds to plan for, of a `deadline` counted from the upload, after `waited` seconds in the queue."""
    return max(deadline - max(waited, 0.0), deadline * LEAST_SHARE)


def make_plan(
    wanted: PhotoRecipe, speeds: Speeds, seconds: float, memory_mb: float | None = None, eyes: int = 1
) -> Plan:
    """The best-looking recipe of `wanted`'s size, else the first smaller one, expected to be ready within `seconds`;
    the smallest where none is. `memory_mb`: what a dream may take, where there is a limit."""
    wider = [recipe for recipe in _wider(wanted) if memory_mb is None or _least_mb(recipe.dream.width) <= memory_mb]
    plan = None
    for recipe in [*wider, *_candidates(wanted)]:
        plan = predict(recipe, speeds, eyes)
        if plan.seconds <= seconds * MARGIN:
            break
    assert plan is not None
    return plan


def plan_dream(wanted: DreamRecipe, speed: float, deadline: float, kept_back: float = 0.0) -> DreamRecipe:
    """The first dream, from `wanted` downwards, expected to be ready within `deadline` seconds, of which `kept_back`
    are for everything else, at `speed` (megapixels of `dream_work` per second). Raises BadInput, with the least that
    would do, where none is."""
    recipe = wanted
    for candidate in _candidates(PhotoRecipe(wanted, UpscaleRecipe(scale=1))):
        recipe = candidate.dream
        if dream_work(recipe) / speed <= (deadline - kept_back) * MARGIN:
            return recipe
    least = math.ceil(dream_work(recipe) / speed / MARGIN + kept_back + 0.5)
    raise BadInput(f"the smallest dream takes this machine {least} s; give it --deadline {least} or more", "deadline")


def predict(recipe: PhotoRecipe, speeds: Speeds, eyes: int = 1) -> Plan:
    """How long `recipe` takes at `speeds`. Two `eyes` get one dream, and are enlarged and published both."""
    return Plan(
        recipe,
        dream_seconds=dream_work(recipe.dream) / speeds.dream,
        upscale_seconds=eyes * upscale_megapixels(recipe) / speeds.upscale,
        publish_seconds=eyes * enlarged_megapixels(recipe) / speeds.publish,
    )


def dream_work(recipe: DreamRecipe) -> float:
    """The work of a dream on a sphere, in megapixels that its tiles are computed for (of a plain picture: at the most,
    as if it were a square)."""
    return sum(octave.work for octave in schedule(recipe, recipe.width if recipe.flat else recipe.width // 2))


def enlarged_megapixels(recipe: PhotoRecipe) -> float:
    """Pixels of the enlarged sphere, in millions."""
    return (recipe.dream.width * recipe.upscale.scale) ** 2 / 2 / 1e6


def upscale_megapixels(recipe: PhotoRecipe) -> float:
    """The work of the enlargement: the pixels that each doubling makes, in millions."""
    doublings = recipe.upscale.scale.bit_length() - 1
    return sum((recipe.dream.width * 2**number) ** 2 / 2 / 1e6 for number in range(1, doublings + 1))


def _wider(wanted: PhotoRecipe) -> Iterator[PhotoRecipe]:
    """Wider dreams that need less enlargement for the same size, the widest first.

    They get as many octaves more as make the smallest one what it was: the large forms stay, and finer ones join.
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
    # Removing noise without enlarging takes another network, several times as slow.
    return dataclasses.replace(recipe, scale=scale, noise=recipe.noise if scale > 1 else "none")  # type: ignore[arg-type]
