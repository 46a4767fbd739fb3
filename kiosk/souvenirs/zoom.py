"""Falling into the dream for ever: a loop of frames, each a step into the one before and dreamed on.

Whatever is dreamed on never comes back to where it was, so the loop is closed by laying its end over its beginning: as
many frames more than are shown are made, and over the first of them these fade out. Both are under way at the same
pace, so that only what there is to see changes, never the motion.
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
"""frames over which the end fades into the beginning."""
FACTOR = 1.045
"""by which what is ahead grows from frame to frame: five times as large after a loop."""
ITERATIONS = 2
"""steps of dreaming a frame: enough to redraw what the enlargement has softened."""
STEP = 0.6
"""of the recipe's step."""
SMOOTH = 0.5
"""at most: what is enlarged is soft as it is, and wants fine strokes."""
CHROMA = 0.6
"""of the recipe's: colours would add up from frame to frame until they clip."""
MILLISECONDS = 80
QUALITY = 70

Dream = Callable[[np.ndarray, DreamRecipe], np.ndarray]
"""(uint8 [h, w, 3], how) -> the dream of it, of the same shape."""


def zoom_recipe(recipe: DreamRecipe, width: int) -> DreamRecipe:
    """How a frame is dreamed on: at its own size alone, a little, and to the last pixel the same way each time."""
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
    )


def zoom_loop(
    dreamed: np.ndarray, recipe: DreamRecipe, dream: Dream, frames: int = FRAMES, fade: int = FADE
) -> list[np.ndarray]:
    """`frames` frames that begin as `dreamed` (uint8 [h, w, 3], on the sphere unless `recipe.flat`) goes on, and after
    the last of which the first follows. `fade` < `frames`."""
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
    """Write the frames as an animated WebP that begins anew for ever, atomically."""
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
