"""The recipe of a whole photo: its dream and its upscaling."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kiosk.errors import BadInput
from kiosk.recipes.from_wishes import recipe_for_style, with_options
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe, with_fields


@dataclass(frozen=True)
class PhotoRecipe:
    """Every parameter that, with the original's bytes, determines a photo's result."""

    dream: DreamRecipe
    upscale: UpscaleRecipe

    def to_json(self) -> str:
        return json.dumps({"dream": json.loads(self.dream.to_json()), "upscale": json.loads(self.upscale.to_json())})

    @classmethod
    def from_json(cls, text: str) -> PhotoRecipe:
        """Parse `to_json`'s output. Raises BadInput if it is not a recipe of this version."""
        try:
            parts = json.loads(text)
            dream, upscale = json.dumps(parts["dream"]), json.dumps(parts["upscale"])
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(f"not a photo's recipe: {error}", "recipe") from error
        return cls(DreamRecipe.from_json(dream), UpscaleRecipe.from_json(upscale))


def photo_recipe(
    style: str,
    *,
    width: int,
    scale: int,
    precision: str,
    keep_faces: bool = False,
    keep_people: bool = False,
    fixed: dict[str, Any] | None = None,
) -> PhotoRecipe:
    """A photo's recipe before any deadline or memory limit is applied.

    `style`: a style's name. `width`: width of the dream, pixels. `scale`: upscaling factor. `fixed`: {"dream": {...},
    "upscale": {...}}, parameters to override. Raises BadInput for an unknown style or parameter.
    """
    dream = with_options(recipe_for_style(style), width=width, precision=precision)
    dream = with_options(dream, keep_faces=keep_faces, keep_people=keep_people)
    upscale = UpscaleRecipe(scale=scale, precision=precision)  # type: ignore[arg-type]
    fixed = fixed or {}
    return PhotoRecipe(with_fields(dream, fixed.get("dream", {})), with_fields(upscale, fixed.get("upscale", {})))
