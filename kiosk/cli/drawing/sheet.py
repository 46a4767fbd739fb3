"""Draw one photo in many dreams, as a contact sheet or as thumbnails: the options for it, and the drawing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from kiosk.cli.drawing.sample import sample_sphere, sample_view
from kiosk.cli.progress import Bar, progress_bar
from kiosk.errors import BadInput
from kiosk.forge.build import dream_spec, ensure_graph
from kiosk.pictures.encode import check_picture_name, write_picture
from kiosk.pipeline.dreamer import measured
from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.contact_sheet import Cell, View, draw_sheet, dream_view, look
from kiosk.souvenirs.thumbnail import write_thumbnail
from kiosk.storage import DataFolder, check_target

QUALITY = 85


@dataclass(frozen=True)
class Sample:
    """A dream to draw: its `title` and `note` on the sheet, and its `thumbnail`'s file name."""

    recipe: DreamRecipe
    title: str
    note: str
    thumbnail: str


@dataclass(frozen=True)
class Drawing:
    """The options as given; None if not given. Units and ranges are in the help."""

    sheet: Path | None
    photo: Path | None
    width: int
    columns: int
    yaw: float | None
    pitch: float | None
    thumbnails: Path | None

    @property
    def is_wanted(self) -> bool:
        return bool(self.sheet or self.thumbnails)

    def check(self) -> None:
        """Raise BadInput for what cannot be drawn or written, before any work."""
        if self.sheet:
            check_picture_name(self.sheet)
        if self.thumbnails:
            check_target(self.thumbnails / "thumbnail" if self.thumbnails.is_dir() else self.thumbnails)
        if (self.photo or self.yaw is not None or self.pitch is not None) and not self.is_wanted:
            raise BadInput("--photo, --yaw and --pitch need --sheet or --thumbnails", "usage")

    def draw(self, data: DataFolder, samples: Sequence[Sample], what: str) -> None:
        """Dream all `samples` and write what is wanted. `what`: the name of the work on the progress bar."""
        data.prepare()
        sphere, view = sample_sphere(self.photo), sample_view(self.photo, self.yaw, self.pitch)
        size = (self.width, round(self.width * 3 / 4))
        with progress_bar(what) as bar:
            dreamed = _dream_all(data, samples, sphere, size, view, bar)
        drawn = list(zip(samples, dreamed, strict=True))
        if self.sheet:
            first = Cell(look(sphere, size, view), "The photo", "before")
            cells = [Cell(picture, sample.title, sample.note) for sample, picture in drawn]
            picture = draw_sheet([first, *cells], min(self.columns, len(cells) + 1))
            write_picture(self.sheet, picture, sphere=False, quality=QUALITY)
        if self.thumbnails:
            self.thumbnails.mkdir(exist_ok=True)
            for sample, picture in drawn:
                write_thumbnail(self.thumbnails / sample.thumbnail, picture)


def drawing_options(one: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command the options of a Drawing, passed on as `drawing`. `one`: what each picture is
    of, such as "style"."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_drawing(*args: Any, **given: Any) -> None:
            own = {name: given.pop(name) for name in Drawing.__dataclass_fields__}
            command(*args, drawing=Drawing(**own), **given)

        for option in reversed(_options(one)):
            with_drawing = option(with_drawing)
        return with_drawing

    return decorate


def _options(one: str) -> list[Callable[..., Any]]:
    file, folder = click.Path(dir_okay=False, path_type=Path), click.Path(file_okay=False, path_type=Path)
    return [
        click.option("--sheet", type=file, help=f"Draw one photo in every {one}."),
        click.option(
            "--photo", type=click.Path(path_type=Path), help="The photo to dream.  [default: the virtual camera's]"
        ),
        click.option(
            "--width",
            type=click.IntRange(128, 2048),
            default=448,
            show_default=True,
            help="Width of each picture on the sheet.",
        ),
        click.option(
            "--columns", type=click.IntRange(1, 12), default=5, show_default=True, help="Columns of the sheet."
        ),
        click.option("--yaw", type=float, help="View direction, degrees to the right."),
        click.option("--pitch", type=float, help="View direction, degrees up."),
        click.option("--thumbnails", type=folder, help=f"Draw a thumbnail of each {one}."),
    ]


def _dream_all(
    data: DataFolder,
    samples: Sequence[Sample],
    sphere: np.ndarray,
    size: tuple[int, int],
    view: View,
    bar: Bar | None,
) -> list[np.ndarray]:
    dreamed = []
    for number, sample in enumerate(samples):
        _, recipe = measured(data.graphs, sphere, sample.recipe)
        graph = ensure_graph(data.graphs, dream_spec(recipe))

        def advance(fraction: float, number: int = number, title: str = sample.title) -> None:
            if bar:
                bar((number + fraction) / len(samples), title)

        advance(0.0)
        dreamed.append(dream_view(sphere, recipe, graph, size, view, advance))
    return dreamed
