"""The options of `dreamkiosk dream`, and the recipe that they stand for."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from kiosk.errors import BadInput
from kiosk.forge.readers.imported import known_network
from kiosk.nets.dreaming.octaves import SMALLEST_OCTAVE
from kiosk.pictures.encode import check_picture_name
from kiosk.pictures.read import read_picture
from kiosk.pipeline.sidecar import digest, read_sidecar
from kiosk.recipes.from_wishes import (
    like_guide,
    network_with,
    recipe_for_classes,
    recipe_for_layers,
    recipe_for_style,
    with_options,
)
from kiosk.recipes.recipe import DreamRecipe
from kiosk.storage import DataFolder

DEFAULT_WIDTH = 2048
NARROWEST = 256
AS_GIVEN = (
    "strongest",
    "octaves",
    "octave_scale",
    "iterations",
    "step",
    "decay",
    "jitter",
    "wobble",
    "residual",
    "smooth",
    "magenta",
    "saturation",
    "local",
    "strength",
    "presence",
    "keep_nadir",
    "seed",
)
"""Options that are the recipe's field of that name."""


@dataclass(frozen=True)
class Wishes:
    """The options as given; None, empty or False if not given. Units and ranges are in the help."""

    style: str | None
    dream_of: tuple[str, ...]
    model: str | None
    layers: tuple[str, ...]
    channels: tuple[str, ...]
    strongest: int | None
    equalized: bool
    guide: Path | None
    width: int | None
    octaves: int | None
    smallest: int | None
    octave_scale: float | None
    iterations: int | None
    step: float | None
    decay: float | None
    jitter: int | None
    wobble: float | None
    residual: float | None
    smooth: float | None
    chroma: float | None
    magenta: float | None
    saturation: float | None
    local: float | None
    strength: float | None
    presence: float | None
    keep_colors: bool
    mask: Path | None
    keep_faces: bool
    keep_people: bool
    keep_nadir: float | None
    recipe_file: Path | None
    frames: Path | None
    views: Path | None
    seed: int | None
    precision: str
    deadline: float | None
    memory: int | None
    flat: bool
    as_json: bool

    def chosen(self, data: DataFolder) -> DreamRecipe:
        """The recipe of the named style, class, layers or file, before other options apply."""
        said = {
            "--style": self.style,
            "--dream-of": self.dream_of,
            "--model with --layer": self.model or self.layers or self.channels,
            "--recipe": self.recipe_file,
        }
        chosen = [name for name, value in said.items() if value not in (None, ())]
        if len(chosen) > 1:
            raise BadInput(f"choose one of {', '.join(said)}; not {' and '.join(chosen)}", "usage")
        if self.recipe_file is not None:
            return read_sidecar(self.recipe_file)[0]
        if self.dream_of:
            return recipe_for_classes(*self.dream_of)
        if self.model is not None:
            return recipe_for_layers(known_network(data.graphs, self.model), self.layers, self.channels)
        if self.layers or self.channels:
            return recipe_for_layers(network_with(self.layers, self.channels), self.layers, self.channels)
        return recipe_for_style(self.style or "dogs")

    def check_files(self, source: Path, target: Path) -> None:
        """Raise BadInput if a result could not be written. Warn if it will differ from the saved recipe's result."""
        if self.recipe_file:
            _check_sources(self.recipe_file, source, self.mask)
        check_picture_name(target, source)
        if self.views:
            check_picture_name(self.views, source)

    def guided(self, recipe: DreamRecipe) -> tuple[DreamRecipe, np.ndarray | None]:
        """The recipe with its guide set, and the guide picture, uint8 [h, w, 3]. A saved recipe needs the same
        guide."""
        if self.guide is None:
            if recipe.guide is not None:
                raise BadInput(f"{self.recipe_file} was saved with a guide: give it with --guide", "no_guide")
            return recipe, None
        picture, _ = read_picture(self.guide)
        named = digest(self.guide)
        if self.recipe_file is None:
            return like_guide(recipe, named, chosen=bool(self.style or self.model or self.layers)), picture
        if recipe.guide != named:
            raise BadInput(f"{self.guide} is not the guide of {self.recipe_file}", "no_guide")
        return recipe, picture

    def settled(self, recipe: DreamRecipe, photo_width: int) -> DreamRecipe:
        """Apply the options to `recipe`, for a photo `photo_width` pixels wide."""
        flat = self.flat or recipe.flat
        if self.views and flat:
            raise BadInput("--views needs a sphere; it does not work with --flat", "usage")
        if (self.strongest or self.equalized) and recipe.guide is not None:
            raise BadInput("--strongest and --equalized do not work with a guide", "usage")
        if self.strongest and {layer for layer, _ in recipe.layers} == {layer for layer, _, _ in recipe.channels}:
            raise BadInput("--strongest chooses channels, but they are already chosen, as classes are", "usage")
        if self.keep_colors and self.chroma is not None:
            raise BadInput("--keep-colors is --chroma 0; give one of them", "usage")
        width = self.width or (recipe.width if self.recipe_file else min(photo_width, DEFAULT_WIDTH))
        if not flat:
            # Widths of a sphere's octaves are multiples of 64, so round to the nearest.
            width = max(NARROWEST, round(width / 64) * 64)
        return with_options(
            recipe,
            width=width,
            smallest=SMALLEST_OCTAVE if self.smallest is None and self.octaves is not None else self.smallest,
            chroma=0.0 if self.keep_colors else self.chroma,
            equalized=self.equalized or None,
            keep_faces=self.keep_faces or None,
            keep_people=self.keep_people or None,
            precision=None if self.recipe_file and self.precision == "auto" else self.precision,
            flat=flat,
            **{name: getattr(self, name) for name in AS_GIVEN},
        )


_FILE = click.Path(path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--style", help="A style by name; `dreamkiosk styles` lists them.  [default: dogs]"),
    click.option(
        "--dream-of",
        multiple=True,
        metavar="CLASS",
        help="What to dream of: ImageNet classes by name or number, such as 'a lion and daisies'; may be repeated.",
    ),
    click.option("--model", help="A network by name, with --layer.  [default: one that has the layers]"),
    click.option(
        "--layer", "layers", multiple=True, metavar="LAYER[:WEIGHT]", help="A layer to dream with; may be repeated."
    ),
    click.option(
        "--channel",
        "channels",
        multiple=True,
        metavar="[LAYER:]N[:WEIGHT]",
        help="A channel of the layer to use instead of all; may be repeated.",
    ),
    click.option(
        "--strongest",
        type=int,
        metavar="N",
        help="Use only the N channels of each layer that the photo excites most.",
    ),
    click.option(
        "--equalized",
        is_flag=True,
        help="Weight channels against how much IN excites them, so that none rules its layer.",
    ),
    click.option(
        "--guide", type=_FILE, help="A picture whose features the dream follows; not with a class or channels."
    ),
    click.option(
        "--width", type=click.IntRange(min=1), help="Width of the dream, pixels.  [default: the photo's, up to 2048]"
    ),
    click.option("--octaves", type=int, help="Sizes to dream at.  [default: up to 6, from 352 wide]"),
    click.option(
        "--smallest", type=int, help="Width of the smallest size, pixels.  [default: 352; with --octaves, 192]"
    ),
    click.option("--octave-scale", type=float, help="Factor between sizes."),
    click.option("--iterations", type=int, help="Steps at each size."),
    click.option("--step", type=float, help="Mean change of a pixel per step, in levels of 0..255."),
    click.option("--decay", type=float, help="How much steps shrink at each size, 0 (all equal) to 1."),
    click.option("--jitter", type=int, help="Largest random turn of a step, pixels."),
    click.option("--residual", type=float, help="Share of the gradient kept in residual branches, 0 to 1."),
    click.option("--wobble", type=float, help="Largest random rotation and change of scale of a step, 0 to 0.5."),
    click.option("--smooth", type=float, help="Weight of coarse forms, 0 (grainy) to 3 (soft)."),
    click.option("--magenta", type=float, help="Share of the color between green and magenta that is kept, 0 to 1."),
    click.option("--chroma", type=float, help="Share of the dream's color, 0 (brightness only) to 1."),
    click.option("--saturation", type=float, help="How far from gray colors may go, 10 to 255."),
    click.option(
        "--local", type=float, help="0: what is strong grows strongest; 1: plain areas dream as much as busy ones."
    ),
    click.option("--strength", type=float, help="How much of the dream is added to the photo, 0 to 2.  [default: 1]"),
    click.option(
        "--presence",
        type=float,
        help="How much of an ordinary photo stays itself at its center, 0 to 1.  [default: 0.7]",
    ),
    click.option(
        "--keep-colors",
        "--keep-colours",
        "keep_colors",
        is_flag=True,
        help="Dream in brightness only and keep the photo's colors.",
    ),
    click.option("--mask", type=_FILE, help="A picture that is white where the photo stays undreamed."),
    click.option("--keep-faces", is_flag=True, help="Leave faces in the photo undreamed."),
    click.option(
        "--keep-people",
        is_flag=True,
        help="Leave people undreamed, with hair, hands and clothes; needs `dreamkiosk models build matting`.",
    ),
    click.option(
        "--keep-nadir",
        type=float,
        metavar="DEGREES",
        help="Radius around the nadir that stays undreamed, for the tripod.",
    ),
    click.option(
        "--recipe", "recipe_file", type=_FILE, help="Repeat the recipe of a dream: the picture, or its OUT.recipe.json."
    ),
    click.option(
        "--frames",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for frames and animations of the way to the dream and into it.",
    ),
    click.option("--views", type=_NEW_FILE, help="File for a picture of four views from inside the dream."),
    click.option("--seed", type=int, help="Seed of the random jitter; another seed gives another dream."),
    click.option("--precision", type=click.Choice(["auto", "int8", "fp16", "fp32"]), default="auto", show_default=True),
    click.option(
        "--deadline",
        type=click.FloatRange(min=0, min_open=True),
        help="Seconds the command may take; reduces size and steps to fit.",
    ),
    click.option("--memory", type=click.IntRange(min=1), help="Memory limit, MB."),
    click.option("--flat", is_flag=True, help="Treat IN as a plain picture, not a sphere."),
    click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
)


def wishes_of_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with all dream options, which it receives as one argument, `wishes`."""
    names = [field.name for field in dataclasses.fields(Wishes)]

    @functools.wraps(command)
    def with_wishes(*arguments: Any, **options: Any) -> Any:
        wishes = Wishes(**{name: options.pop(name) for name in names})
        return command(*arguments, **options, wishes=wishes)

    # click lists the options from the last decorator applied to the first.
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_wishes)


def _check_sources(recipe_file: Path, photo: Path, mask: Path | None) -> None:
    """Warn if the photo or the mask differs from the one the recipe was saved with. Raises BadInput without the
    mask."""
    _, saved = read_sidecar(recipe_file)
    if "mask_sha256" in saved and mask is None:
        raise BadInput(f"{recipe_file} was saved with a mask: give it with --mask", "no_mask")
    for name, path in (("photo", photo), ("mask", mask)):
        wanted = saved.get(f"{name}_sha256")
        if path and wanted and digest(path) != wanted:
            click.echo(f"warning: {path} is not the {name} of {recipe_file}", err=True)
