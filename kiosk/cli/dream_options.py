"""What can be asked of `dreamkiosk dream`: its options, and the recipe that they mean."""

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
from kiosk.recipes.from_wishes import like_guide, recipe_for_class, recipe_for_layers, recipe_for_style, with_options
from kiosk.recipes.recipe import DreamRecipe
from kiosk.storage import DataFolder

DEFAULT_WIDTH = 2048
NARROWEST = 256


@dataclass(frozen=True)
class Wishes:
    """The options as they were given; None, empty or False where one was not. Units and ranges as the help says."""

    style: str | None
    dream_of: str | None
    model: str | None
    layers: tuple[str, ...]
    channels: tuple[str, ...]
    guide: Path | None
    width: int | None
    octaves: int | None
    octave_scale: float | None
    iterations: int | None
    step: float | None
    strength: float | None
    keep_colours: bool
    mask: Path | None
    keep_faces: bool
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
        """The recipe of the style, class, layers or file that was named, as it is."""
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
        if self.dream_of is not None:
            return recipe_for_class(self.dream_of)
        if self.model or self.layers or self.channels:
            return recipe_for_layers(known_network(data.graphs, self.model or "squeezenet"), self.layers, self.channels)
        return recipe_for_style(self.style or "dogs")

    def check_files(self, source: Path, target: Path) -> None:
        """Raise BadInput where a result could not be written; say so where it will not be the saved recipe's."""
        if self.recipe_file:
            _check_sources(self.recipe_file, source, self.mask)
        check_picture_name(target, source)
        if self.views:
            check_picture_name(self.views, source)

    def guided(self, recipe: DreamRecipe) -> tuple[DreamRecipe, np.ndarray | None]:
        """The recipe with the guide named in it, and the guide, uint8 [h, w, 3]; a saved recipe needs its own again."""
        if self.guide is None:
            if recipe.guide is not None:
                raise BadInput(f"{self.recipe_file} was saved with a guide: name it with --guide", "no_guide")
            return recipe, None
        picture, _ = read_picture(self.guide)
        named = digest(self.guide)
        if self.recipe_file is None:
            return like_guide(recipe, named, chosen=bool(self.style or self.model or self.layers)), picture
        if recipe.guide != named:
            raise BadInput(f"{self.guide} is not the guide that {self.recipe_file} was saved with", "no_guide")
        return recipe, picture

    def settled(self, recipe: DreamRecipe, photo_width: int) -> DreamRecipe:
        """`recipe` with the options that change it, for a photo `photo_width` pixels wide."""
        flat = self.flat or recipe.flat
        if self.views and flat:
            raise BadInput("--views looks around in a sphere; a plain picture has no inside", "usage")
        width = self.width or (recipe.width if self.recipe_file else min(photo_width, DEFAULT_WIDTH))
        if not flat:
            # A sphere's octaves are multiples of 64 wide; what was asked for is met to the nearest.
            width = max(NARROWEST, round(width / 64) * 64)
        return with_options(
            recipe,
            width=width,
            octaves=self.octaves,
            smallest=None if self.octaves is None else SMALLEST_OCTAVE,
            octave_scale=self.octave_scale,
            iterations=self.iterations,
            step=self.step,
            strength=self.strength,
            chroma=0.0 if self.keep_colours else None,
            keep_faces=self.keep_faces or None,
            keep_nadir=self.keep_nadir,
            seed=self.seed,
            precision=None if self.recipe_file and self.precision == "auto" else self.precision,
            flat=flat,
        )


_FILE = click.Path(path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--style", help="A style by name; `dreamkiosk styles` lists them.  [default: dogs]"),
    click.option("--dream-of", metavar="CLASS", help="What to dream of: an ImageNet class by name or number."),
    click.option("--model", help="A network by name, with --layer."),
    click.option(
        "--layer", "layers", multiple=True, metavar="LAYER[:WEIGHT]", help="A layer to dream; may be repeated."
    ),
    click.option(
        "--channel", "channels", multiple=True, metavar="N[:WEIGHT]", help="One channel of the layer; the same."
    ),
    click.option("--guide", type=_FILE, help="A picture to dream like, in place of a class."),
    click.option(
        "--width", type=click.IntRange(min=1), help="Width of the dream, pixels.  [default: the photo's, to 2048]"
    ),
    click.option("--octaves", type=int, help="Sizes to dream at.  [default: 6, from 352 wide]"),
    click.option("--octave-scale", type=float, help="From one size to the next."),
    click.option("--iterations", type=int, help="Steps at each size."),
    click.option("--step", type=float, help="Mean change of a pixel in a step, levels of 0..255."),
    click.option("--strength", type=float, help="How much of the dream is laid over the photo, 0 to 2.  [default: 1]"),
    click.option("--keep-colours", is_flag=True, help="Dream in light and dark alone; colours stay the photo's."),
    click.option("--mask", type=_FILE, help="A picture, white where the photo stays undreamed."),
    click.option("--keep-faces", is_flag=True, help="Leave the faces that are found in the photo undreamed."),
    click.option("--keep-nadir", type=float, metavar="DEGREES", help="Leave as much around the tripod undreamed."),
    click.option(
        "--recipe", "recipe_file", type=_FILE, help="Dream again as a picture was: the picture, or its OUT.recipe.json."
    ),
    click.option(
        "--frames",
        type=click.Path(file_okay=False, path_type=Path),
        help="A folder for the way to the dream, and into it.",
    ),
    click.option("--views", type=_NEW_FILE, help="A picture of the dream from inside."),
    click.option("--seed", type=int, help="Another seed, another dream."),
    click.option("--precision", type=click.Choice(["auto", "int8", "fp16", "fp32"]), default="auto", show_default=True),
    click.option(
        "--deadline", type=click.FloatRange(min=0, min_open=True), help="Seconds it may take: plans the size."
    ),
    click.option("--memory", type=click.IntRange(min=1), help="MB of memory to stay within."),
    click.option("--flat", is_flag=True, help="A plain picture, not a sphere: nothing wraps."),
    click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
)


def wishes_of_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all options of a dream; it is called with them as one argument, `wishes`."""
    names = [field.name for field in dataclasses.fields(Wishes)]

    @functools.wraps(command)
    def with_wishes(*arguments: Any, **options: Any) -> Any:
        wishes = Wishes(**{name: options.pop(name) for name in names})
        return command(*arguments, **options, wishes=wishes)

    # click lists the options from the last decorator applied to the first.
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_wishes)


def _check_sources(recipe_file: Path, photo: Path, mask: Path | None) -> None:
    """Say so where the result cannot be the one that the recipe was saved with."""
    _, saved = read_sidecar(recipe_file)
    if "mask_sha256" in saved and mask is None:
        raise BadInput(f"{recipe_file} was saved with a mask: name it with --mask", "no_mask")
    for name, path in (("photo", photo), ("mask", mask)):
        wanted = saved.get(f"{name}_sha256")
        if path and wanted and digest(path) != wanted:
            click.echo(f"{path} is not the {name} that {recipe_file} was saved with", err=True)
