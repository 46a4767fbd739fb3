"""What the operator's settings make of a guest's wish."""

from __future__ import annotations

from typing import Any

from kiosk.recipes.photo import PhotoRecipe, photo_recipe
from kiosk.settings import Dream as DreamSettings


def wanted_recipe(
    settings: DreamSettings, style: str | None = None, fixed: dict[str, Any] | None = None
) -> PhotoRecipe:
    """What a photo gets where time does not matter.

    `style`: a style's name, None = the operator's default. `fixed`: {"dream": {...}, "upscale": {...}}, single
    parameters that override. Raises BadInput for an unknown style or parameter.
    """
    return photo_recipe(
        style or settings.style,
        width=settings.width,
        scale=settings.upscale,
        precision=settings.precision,
        keep_faces=settings.keep_faces,
        fixed=fixed,
    )
