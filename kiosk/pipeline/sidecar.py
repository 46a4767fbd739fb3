"""The recipe of a picture, in its XMP and beside it in PICTURE.recipe.json: what made it, from which photo, so that it
can be made again."""

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
"""of the XMP, in the kiosk's namespace."""


def sidecar_path(picture: Path) -> Path:
    """Where the recipe of `picture` lies."""
    return picture.with_name(picture.name + SUFFIX)


def sidecar_body(recipe: dict, photo: Path, mask: Path | None = None) -> dict:
    """What is saved: the recipe (plain data, as `recipe_of` gives it) and the sha256 of the files it was used on."""
    body = {"recipe": recipe, "photo_sha256": digest(photo)}
    return {**body, "mask_sha256": digest(mask)} if mask else body


def sidecar_property(body: dict) -> dict[str, str]:
    """The same as a property for the picture's XMP."""
    return {PROPERTY: json.dumps(body, sort_keys=True)}


def write_sidecar(picture: Path, body: dict) -> None:
    """Write `body` beside `picture`, atomically."""
    write_atomic(sidecar_path(picture), (json.dumps(body, indent=1, sort_keys=True) + "\n").encode())


def read_sidecar(path: Path) -> tuple[DreamRecipe, dict]:
    """The recipe in a sidecar, in the XMP of a picture, or in the output of `dream --json`, and all that was written
    with it.

    Raises BadInput for a file that is missing or holds no recipe of this version.
    """
    try:
        picture = path.suffix.lower() in SUFFIXES
        body = json.loads((read_property(path, PROPERTY) or "") if picture else path.read_text(encoding="utf-8"))
        fields = dict(body["recipe"])
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} holds no recipe", "recipe") from error
    # What a run found out about its machine is recorded with the recipe, but does not belong to it.
    known = {field.name for field in dataclasses.fields(DreamRecipe)}
    return DreamRecipe.from_json(json.dumps({k: v for k, v in fields.items() if k in known})), body


def digest(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
