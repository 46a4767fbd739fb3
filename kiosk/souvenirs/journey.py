"""Animate the way from the photo to its dream, in frames evenly spaced by visible change, and a zoom into the dream."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.nets.dreaming.dream import DreamProgress
from kiosk.pictures.encode import write_picture
from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.zoom import save_loop, zoom_loop
from kiosk.sphere.resample import resize_picture
from kiosk.storage import atomic_file

FRAMES = 24
WIDTH = 1024
"""Width of a frame in pixels, the last one included."""
MILLISECONDS = 90
REST_MILLISECONDS = 1500
"""How long the animation shows the photo and the dream."""


class Journey:
    """Collects previews of a growing dream and writes a selection of them. `watch` is a progress callback."""

    def __init__(self, photo: np.ndarray, recipe: DreamRecipe) -> None:
        self._wrap = not recipe.flat
        self._width = min(WIDTH, recipe.width)
        height = max(1, round(self._width * photo.shape[0] / photo.shape[1]))
        self._frames = [resize_picture(photo, self._width, height, wrap=self._wrap)]

    def watch(self, at: DreamProgress) -> None:
        """Add a frame."""
        self._frames.append(at.preview(self._width))

    def save(
        self,
        folder: Path,
        dreamed: np.ndarray,
        recipe: DreamRecipe,
        dream_on: Callable[[np.ndarray, DreamRecipe], np.ndarray],
    ) -> None:
        """Write the frames, journey.webp and zoom.webp into `folder`.

        The frames run from frame-000.jpg (the photo) to `dreamed`, uint8 [H, W, 3]. journey.webp plays them forward and
        back. zoom.webp is an endless zoom into the dream; `dream_on(frame, recipe)` dreams each of its frames, uint8
        [h, w, 3].
        """
        height, width = self._frames[0].shape[:2]
        frames = [*self._frames, resize_picture(dreamed, width, height, wrap=self._wrap)]
        chosen = [frames[n] for n in evenly(frames, FRAMES)]
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(chosen):
            write_picture(folder / f"frame-{number:03}.jpg", frame, sphere=self._wrap)
        loop = zoom_loop(frames[-1], recipe, dream_on)
        save_loop(folder / "zoom.webp", loop)
        images = [Image.fromarray(frame) for frame in chosen + chosen[-2:0:-1]]
        durations = [MILLISECONDS] * len(images)
        durations[0] = durations[len(chosen) - 1] = REST_MILLISECONDS
        with atomic_file(folder / "journey.webp") as file:
            images[0].save(
                file, "WEBP", save_all=True, append_images=images[1:], duration=durations, loop=0, quality=70, method=2
            )


def evenly(frames: list[np.ndarray], count: int) -> list[int]:
    """Choose at most `count` frames with about equal change between them, the first and last included. Returns indices.

    Change is the cumulative mean absolute difference of neighboring frames.
    """
    if len(frames) <= 2:
        return list(range(len(frames)))
    changes = [
        float(np.abs(after[::4, ::4].astype(np.int16) - before[::4, ::4]).mean())
        for before, after in itertools.pairwise(frames)
    ]
    way = np.concatenate([[0.0], np.cumsum(changes)])
    if way[-1] == 0:
        return [0, len(frames) - 1]
    wanted = np.linspace(0, way[-1], min(count, len(frames)))
    # Among identical frames choose the last, so that none is shown twice.
    nearest = {len(way) - 1 - int(np.abs(way - at)[::-1].argmin()) for at in wanted}
    nearest -= {n for n in nearest if n and way[n] == way[0]}
    return sorted(nearest | {0, len(frames) - 1})
