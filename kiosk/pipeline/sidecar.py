"""A picture's recipe, saved in its XMP and in PICTURE.recipe.json next to it, so that the picture can be made again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from kiosk.errors import BadInput
from kiosk.pictures.encode import SUFFIXES, read_property
from kiosk.recipes.recipe import DreamRecipe
from kiosk.storage import write_atomic

SUFFIX = ".recipe.json"
PROPERTY = "Recipe"
"""Name of the XMP property, in the kiosk's namespace."""


def sidecar_path(picture: Path) -> Path:
    """The path of the sidecar of `picture`."""
    return picture.with_name(picture.name + SUFFIX)


def sidecar_body(recipe: dict, photo: Path, mask: Path | None = None) -> dict:
    """The sidecar's content: the recipe as `recipe_of` returns it, and the sha256 of its input files. Raises BadInput
    if one of them cannot be read."""
    body = {"recipe": recipe, "photo_sha256": digest(photo)}
    return {**body, "mask_sha256": digest(mask)} if mask else body


def sidecar_property(body: dict) -> dict[str, str]:
    """The sidecar's content as a property for the picture's XMP."""
    return {PROPERTY: json.dumps(body, sort_keys=True)}


def write_sidecar(picture: Path, body: dict) -> None:
    """Write `body` to the sidecar of `picture`, atomically."""
    write_atomic(sidecar_path(picture), (json.dumps(body, indent=1, sort_keys=True) + "\n").encode())


def read_sidecar(path: Path) -> tuple[DreamRecipe, dict]:
    """Read the recipe, and the whole body around it, from a sidecar, a picture's XMP, or the output of `dream --json`.

    Raises BadInput if the file is missing or has no recipe of this version.
    """
    try:
        picture = path.suffix.lower() in SUFFIXES
        body = json.loads((read_property(path, PROPERTY) or "") if picture else path.read_text(encoding="utf-8"))
        fields = dict(body["recipe"])
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} contains no recipe", "recipe") from error
    # The record also has facts about the run, such as the provider, that are not part of the recipe.
    known = {field.name for field in dataclasses.fields(DreamRecipe)}
    return DreamRecipe.from_json(json.dumps({k: v for k, v in fields.items() if k in known})), body


def digest(path: Path) -> str:
    """The sha256 of a file, hexadecimal. Raises BadInput if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
