"""Dream a photo and keep its faces or people as they are, and more of it the nearer to its center."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kiosk.nets.dreaming.dream import Cancelled, DreamProgress, DreamResult, dream
from kiosk.pipeline.keeping import masking, mattes
from kiosk.pipeline.keeping.faces import mask_faces, open_finder
from kiosk.pipeline.keeping.masking import keep_masked
from kiosk.pipeline.keeping.mattes import Watch
from kiosk.pipeline.keeping.people import mask_people, open_matter
from kiosk.pipeline.keeping.presence import lay_photo_over, photo_share
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.resample import resize_picture


def dream_beside_kept(
    graphs: Path,
    photo: np.ndarray,
    recipe: DreamRecipe,
    graph: Path | bytes,
    *,
    covered: np.ndarray | None = None,
    watch: Watch | None = None,
    progress: Callable[[DreamProgress], None] | None = None,
    **options: Any,
) -> DreamResult:
    """Dream `photo` as `dream` does. Its faces (`recipe.keep_faces`) or people (`recipe.keep_people`) stay undreamed,
    and of a photo that does not cover its sphere `recipe.presence` stays at its center, in previews too.

    graphs: the folder of the graphs that find them. `covered`, bool [H, W]: what of a sphere is photo, not filled in;
    None for all. `watch(done, total)` is called while people are matted. Raises BadInput if the matting network is
    needed and was not built.
    """
    masks = _masks(graphs, photo, recipe, covered, _heeding(watch, options.get("cancelled")), options.get("threads", 0))
    share = None if recipe.flat else photo_share(covered, recipe.presence)
    if not masks and share is None:
        return dream(photo, recipe, graph, progress=progress, **options)

    def keep(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        whole = resize_picture(photo, width, height, wrap=not recipe.flat)
        if share is not None:
            picture = lay_photo_over(whole, picture, share)
        for mask, feather in masks:
            picture = keep_masked(whole, picture, mask, not recipe.flat, feather)
        return picture

    def heard(at: DreamProgress) -> None:
        assert progress is not None
        progress(dataclasses.replace(at, preview=lambda width: keep(at.preview(width))))

    result = dream(photo, recipe, graph, progress=heard if progress else None, **options)
    return dataclasses.replace(result, picture=keep(result.picture))


def _masks(
    graphs: Path, photo: np.ndarray, recipe: DreamRecipe, covered: np.ndarray | None, watch: Watch, threads: int
) -> list[tuple[np.ndarray, float]]:
    """The masks of what stays, uint8 [h, w], each with the width of its soft edge."""
    found = []
    if recipe.keep_people:
        people = mask_people(photo, open_finder(graphs), open_matter(graphs, threads), recipe.flat, covered, watch)
        found.append((people, mattes.FEATHER))
    if recipe.keep_faces:
        found.append((mask_faces(photo, open_finder(graphs), recipe.flat), masking.FEATHER))
    return [(mask, feather) for mask, feather in found if mask is not None]


def _heeding(watch: Watch | None, cancelled: Callable[[], bool] | None) -> Watch:
    """`watch`, if any, after asking whether to stop."""

    def heeding(done: int, total: int) -> None:
        if cancelled and cancelled():
            raise Cancelled
        if watch:
            watch(done, total)

    return heeding
