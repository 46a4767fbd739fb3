"""Make an endless zoom into a dream: each frame zooms into the previous one and dreams it again.

The frames never return to the start, so the loop is closed by a cross-fade: extra frames beyond the end fade out over
the first ones. Both sequences zoom at the same rate, so the motion stays continuous.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.moebius import FlatZoom, Zoom
from kiosk.storage import atomic_file

FRAMES = 36
FADE = 12
"""Frames of cross-fade from the end to the beginning."""
FACTOR = 1.045
"""Zoom factor per frame; about 5 for a whole loop."""
ITERATIONS = 2
"""Dream steps per frame: enough to restore detail that zooming blurred."""
STEP = 0.6
"""Factor on the recipe's step."""
SMOOTH = 0.5
"""Maximum smoothing: zoomed frames are already soft and need fine detail."""
CHROMA = 0.6
"""Factor on the recipe's chroma: otherwise colors would accumulate from frame to frame until they clip."""
MILLISECONDS = 80
QUALITY = 70

Dream = Callable[[np.ndarray, DreamRecipe], np.ndarray]
"""(picture uint8 [h, w, 3], recipe) -> its dream, of the same shape."""


def zoom_recipe(recipe: DreamRecipe, width: int) -> DreamRecipe:
    """The recipe for one zoomed frame: a single octave at `width` pixels, few steps, and nothing kept undreamed."""
    return dataclasses.replace(
        recipe,
        width=width,
        octaves=1,
        iterations=ITERATIONS,
        octave_iterations=(),
        step=recipe.step * STEP,
        decay=0.0,
        smooth=min(recipe.smooth, SMOOTH),
        chroma=recipe.chroma * CHROMA,
        strength=1.0,
        keep_nadir=0.0,
        keep_faces=False,
        keep_people=False,
    )


def zoom_loop(
    dreamed: np.ndarray, recipe: DreamRecipe, dream: Dream, frames: int = FRAMES, fade: int = FADE
) -> list[np.ndarray]:
    """Make `frames` frames of a seamless loop that zooms into `dreamed`, uint8 [h, w, 3], a sphere unless
    `recipe.flat`. `fade` must be less than `frames`."""
    made = list(_fall(dreamed, recipe, dream, frames + fade))
    for number in range(fade):
        share = number / fade
        late, early = made[frames + number], made[number]
        made[number] = np.rint(late * (1 - share) + early * share).astype(np.uint8)
    return made[:frames]


def _fall(picture: np.ndarray, recipe: DreamRecipe, dream: Dream, count: int) -> Iterator[np.ndarray]:
    height, width = picture.shape[:2]
    step = FlatZoom(height, width, FACTOR) if recipe.flat else Zoom(width, FACTOR)
    how = zoom_recipe(recipe, width)
    for number in range(count):
        yield picture
        if number + 1 < count:
            picture = dream(step(picture), dataclasses.replace(how, seed=recipe.seed + number))


def save_loop(path: Path, frames: list[np.ndarray]) -> None:
    """Write the frames as an endlessly looping animated WebP, atomically."""
    images = [Image.fromarray(frame) for frame in frames]
    with atomic_file(path) as file:
        images[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=images[1:],
            duration=MILLISECONDS,
            loop=0,
            quality=QUALITY,
            method=2,
        )
