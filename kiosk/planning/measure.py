"""A first idea of this machine's speed, from a dream and an enlargement of a small picture: a second or two."""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path

import numpy as np

from kiosk.nets.dreaming.dream import dream
from kiosk.nets.enlarging.upscale import upscale
from kiosk.planning import graphs, upscale_precision
from kiosk.planning.plan import PhotoRecipe, dream_work
from kiosk.planning.speed import SpeedBook
from kiosk.recipes.recipe import DreamRecipe

log = logging.getLogger(__name__)

WIDTH = 768
ITERATIONS = 4
UPSCALE_WIDTH = 256


def measure_if_unknown(folder: Path, recipe: PhotoRecipe, book: SpeedBook) -> None:
    """Measure what `book` does not know yet about `recipe`'s graphs in `folder`, and save the book.

    A small picture pays more for starting up than a large one, so that plans made from it are on the safe side.
    """
    picture = _picture(WIDTH)
    changed = measure_dream(folder, recipe.dream, book)
    upscaler = upscale_precision.decided(folder, dataclasses.replace(recipe.upscale, scale=2))
    started = time.monotonic()
    label = graphs.upscale_label(upscaler)
    if recipe.upscale.scale > 1 and not book.knows("upscale", label):
        small_picture = np.ascontiguousarray(picture[: UPSCALE_WIDTH // 2, :UPSCALE_WIDTH])
        enlarged = upscale(small_picture, upscaler, graphs.upscale_graphs(folder)).picture
        seconds = time.monotonic() - started
        book.note("upscale", label, enlarged.shape[0] * enlarged.shape[1] / 1e6, seconds)
        changed = True
    if changed:
        book.save()
        log.info("measured this machine's speed")


def measure_dream(folder: Path, recipe: DreamRecipe, book: SpeedBook) -> bool:
    """Measure how fast `recipe` dreams unless `book` knows; whether it had to be. The book is not saved."""
    spec, graph = graphs.dream_graph(folder, recipe)
    if book.knows("dream", spec.label):
        return False
    small = dataclasses.replace(recipe, width=WIDTH, octaves=1, iterations=ITERATIONS, flat=False)
    book.note("dream", spec.label, dream_work(small), dream(_picture(WIDTH), small, graph).seconds)
    return True


def _picture(width: int) -> np.ndarray:
    """Something with detail everywhere, uint8 [width / 2, width, 3]."""
    return np.random.default_rng(0).integers(0, 256, (width // 2, width, 3), np.uint8)
