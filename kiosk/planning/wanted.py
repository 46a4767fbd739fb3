"""The recipe a guest's request gets at the operator's settings."""

from __future__ import annotations

from typing import Any

from kiosk.recipes.photo import PhotoRecipe, photo_recipe
from kiosk.settings import Dream as DreamSettings


def wanted_recipe(
    settings: DreamSettings, style: str | None = None, fixed: dict[str, Any] | None = None
) -> PhotoRecipe:
    """The photo's recipe before any deadline or memory limit is applied.

    `style`: a style's name, None for the operator's default. `fixed`: {"dream": {...}, "upscale": {...}}, parameters to
    override. Raises BadInput for an unknown style or parameter.
    """
    return photo_recipe(
        style or settings.style,
        width=settings.width,
        scale=settings.upscale,
        precision=settings.precision,
        keep_faces=settings.keep_faces,
        keep_people=settings.keep_people,
        fixed=fixed,
    )
