"""The plan for one photo: which recipe is ready in time on this machine.

The wanted recipe is the style's at the operator's settings. Where it would take longer than the deadline, iterations go
first (a dream with 60 % of them still looks finished), then width, and the enlargement last.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kiosk.errors import BadInput
from kiosk.nets.memory import needed_mb
from kiosk.nets.octaves import octave_sizes
from kiosk.nets.recipe import DreamRecipe, UpscaleRecipe
from kiosk.pipeline.wish import recipe_for_style, with_options
from kiosk.settings import Dream as DreamSettings

# What the prediction may be wrong by, and still be in time.
MARGIN = 0.85
# A guest who has waited in the queue gets a quicker dream, but not a poor one.
LEAST_SHARE = 0.5
ITERATION_STEPS = (1.0, 0.8, 0.6)
WIDTH_STEPS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.375, 0.25)
SMALLEST_WIDTH = 512


@dataclass(frozen=True)
class Speeds:
    """What this machine does: `dream` in megapixels x iterations per second, `upscale` and `publish` in megapixels of
    the enlarged picture per second."""

    dream: float
    upscale: float
    publish: float


@dataclass(frozen=True)
class PhotoRecipe:
    """Everything that, with the original's bytes, determines a photo's result."""

    dream: DreamRecipe
    upscale: UpscaleRecipe

    def to_json(self) -> str:
        return json.dumps({"dream": json.loads(self.dream.to_json()), "upscale": json.loads(self.upscale.to_json())})

    @classmethod
    def from_json(cls, text: str) -> PhotoRecipe:
        """Raises BadInput for text that is no recipe of this version."""
        try:
            parts = json.loads(text)
            dream, upscale = json.dumps(parts["dream"]), json.dumps(parts["upscale"])
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(f"not a photo's recipe: {error}", "recipe") from error
        return cls(DreamRecipe.from_json(dream), UpscaleRecipe.from_json(upscale))


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


def wanted_recipe(
    settings: DreamSettings, style: str | None = None, fixed: dict[str, Any] | None = None
) -> PhotoRecipe:
    """What a photo gets where time does not matter.

    `style`: a style's name, None = the operator's default. `fixed`: {"dream": {...}, "upscale": {...}}, single
    parameters that override. Raises BadInput for an unknown style or parameter.
    """
    dream = with_options(recipe_for_style(style or settings.style), width=settings.width, precision=settings.precision)
    upscale = UpscaleRecipe(scale=settings.upscale, precision=settings.precision)
    fixed = fixed or {}
    return PhotoRecipe(
        DreamRecipe.from_json(json.dumps(json.loads(dream.to_json()) | fixed.get("dream", {}))),
        UpscaleRecipe.from_json(json.dumps(json.loads(upscale.to_json()) | fixed.get("upscale", {}))),
    )


def within_memory(wanted: PhotoRecipe, memory_mb: float) -> PhotoRecipe:
    """`wanted` with the widest dream, at most its own, that `memory_mb` is enough for; SMALLEST_WIDTH at the least."""
    width = wanted.dream.width
    while width > SMALLEST_WIDTH and needed_mb(width, width // 2, 1) > memory_mb:
        width = max(SMALLEST_WIDTH, width - 64)
    return PhotoRecipe(dataclasses.replace(wanted.dream, width=width), wanted.upscale)


def time_left(deadline: float, waited: float) -> float:
    """Seconds to plan for, of a `deadline` counted from the upload, after `waited` seconds in the queue."""
    return max(deadline - max(waited, 0.0), deadline * LEAST_SHARE)


def make_plan(wanted: PhotoRecipe, speeds: Speeds, seconds: float) -> Plan:
    """The first recipe, from `wanted` downwards, expected to be ready within `seconds`; else the smallest one."""
    plan = None
    for recipe in _candidates(wanted):
        plan = predict(recipe, speeds)
        if plan.seconds <= seconds * MARGIN:
            break
    assert plan is not None
    return plan


def plan_dream(wanted: DreamRecipe, speed: float, seconds: float) -> DreamRecipe:
    """The first dream, from `wanted` downwards, expected to be ready within `seconds` at `speed` (megapixels x
    iterations per second). Raises BadInput, with the least that would do, where none is."""
    recipe = wanted
    for candidate in _candidates(PhotoRecipe(wanted, UpscaleRecipe(scale=1))):
        recipe = candidate.dream
        if dream_megapixels(recipe) / speed <= seconds * MARGIN:
            return recipe
    least = math.ceil(dream_megapixels(recipe) / speed / MARGIN) + 1
    raise BadInput(f"the smallest dream takes this machine {least} s; give it --deadline {least} or more", "deadline")


def predict(recipe: PhotoRecipe, speeds: Speeds) -> Plan:
    """How long `recipe` takes at `speeds`."""
    enlarged = enlarged_megapixels(recipe)
    return Plan(
        recipe,
        dream_seconds=dream_megapixels(recipe.dream) / speeds.dream,
        upscale_seconds=enlarged / speeds.upscale if recipe.upscale.scale > 1 else 0.0,
        publish_seconds=enlarged / speeds.publish,
    )


def dream_megapixels(recipe: DreamRecipe) -> float:
    """The work of a dream on a sphere: pixels x iterations over all octaves, in millions (of a plain picture: at the
    most, as if it were a square)."""
    height = recipe.width if recipe.flat else recipe.width // 2
    sizes = octave_sizes(recipe.width, height, recipe.octaves, recipe.octave_scale, recipe.flat)
    return sum(w * h for w, h in sizes) * recipe.iterations / 1e6


def enlarged_megapixels(recipe: PhotoRecipe) -> float:
    """Pixels of the enlarged sphere, in millions."""
    return (recipe.dream.width * recipe.upscale.scale) ** 2 / 2 / 1e6


def _candidates(wanted: PhotoRecipe) -> Iterator[PhotoRecipe]:
    dream = wanted.dream
    widths = dict.fromkeys(
        [dream.width, *(max(SMALLEST_WIDTH, round(dream.width * step / 64) * 64) for step in WIDTH_STEPS[1:])]
    )
    for scale in (wanted.upscale.scale, 1) if wanted.upscale.scale > 1 else (1,):
        for width in widths:
            if width > dream.width or (scale != wanted.upscale.scale and width != min(widths)):
                continue
            for step in ITERATION_STEPS:
                yield PhotoRecipe(
                    dataclasses.replace(dream, width=width, iterations=max(1, round(dream.iterations * step))),
                    dataclasses.replace(wanted.upscale, scale=scale),
                )
