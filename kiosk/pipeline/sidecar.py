"""The recipe beside a picture, PICTURE.recipe.json: what made it, from which photo, so that it can be made again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from kiosk.errors import BadInput
from kiosk.nets.recipe import DreamRecipe
from kiosk.storage import write_atomic

SUFFIX = ".recipe.json"


def sidecar_path(picture: Path) -> Path:
    """Where the recipe of `picture` lies."""
    return picture.with_name(picture.name + SUFFIX)


def write_sidecar(picture: Path, recipe: dict, photo: Path, mask: Path | None = None) -> None:
    """Write the recipe (plain data, as `recipe_of` gives it) of `picture`, atomically, with the sha256 of the photo."""
    body = {"recipe": recipe, "photo_sha256": digest(photo)}
    if mask:
        body["mask_sha256"] = digest(mask)
    write_atomic(sidecar_path(picture), (json.dumps(body, indent=1, sort_keys=True) + "\n").encode())


def read_sidecar(path: Path) -> tuple[DreamRecipe, dict]:
    """The recipe in a sidecar, or in the output of `dream --json`, and all that was written with it.

    Raises BadInput for a file that is missing or holds no recipe of this version.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
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
