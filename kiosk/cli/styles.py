"""dreamkiosk styles: list the styles, or draw a contact sheet or thumbnails of them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import numpy as np
from PIL import Image

from kiosk.cli.progress import Bar, progress_bar
from kiosk.cli.sample import sample_sphere, sample_view
from kiosk.errors import BadInput
from kiosk.forge.build import dream_spec, ensure_graph
from kiosk.pictures.encode import check_picture_name, write_picture
from kiosk.pipeline.dreamer import measured
from kiosk.recipes.available import available_style, available_styles
from kiosk.recipes.catalog import Style
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.souvenirs.contact_sheet import Cell, View, draw_sheet, dream_view, look
from kiosk.storage import DataFolder, check_target, write_atomic

THUMBNAIL = 256
"""Side of a thumbnail in pixels. It shows the center of the sheet's picture."""
THUMBNAIL_BYTES = 12_000
THUMBNAIL_QUALITIES = (70, 60, 50, 40, 30, 20)
QUALITY = 85


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Draw one photo in every style.")
@click.option("--photo", type=click.Path(path_type=Path), help="The photo to dream.  [default: the virtual camera's]")
@click.option(
    "--width",
    type=click.IntRange(128, 2048),
    default=448,
    show_default=True,
    help="Width of each picture on the sheet.",
)
@click.option("--columns", type=click.IntRange(1, 12), default=5, show_default=True, help="Columns of the sheet.")
@click.option("--yaw", type=float, help="View direction, degrees to the right.")
@click.option("--pitch", type=float, help="View direction, degrees up.")
@click.option("--thumbnails", type=click.Path(file_okay=False, path_type=Path), help="Draw a thumbnail of each style.")
@click.option("--style", "names", multiple=True, help="Only this style; may be repeated.")
@click.pass_obj
def styles(
    data: DataFolder,
    as_json: bool,
    sheet: Path | None,
    photo: Path | None,
    width: int,
    columns: int,
    yaw: float | None,
    pitch: float | None,
    thumbnails: Path | None,
    names: tuple[str, ...],
) -> None:
    """List the styles whose networks are built. With --sheet OUT.jpg, draw one photo in every style."""
    chosen = [available_style(data.graphs, name) for name in names] or list(available_styles(data.graphs))
    if sheet:
        check_picture_name(sheet)
    if thumbnails:
        check_target(thumbnails / "thumbnail" if thumbnails.is_dir() else thumbnails)
    if (photo or yaw is not None or pitch is not None) and not (sheet or thumbnails):
        raise BadInput("--photo, --yaw and --pitch need --sheet or --thumbnails", "usage")
    if as_json or not (sheet or thumbnails):
        _list(chosen, as_json)
    if not (sheet or thumbnails):
        return
    data.prepare()
    sphere, view = sample_sphere(photo), sample_view(photo, yaw, pitch)
    size = (width, round(width * 3 / 4))
    with progress_bar("styles") as bar:
        dreamed = _dream_all(data, chosen, sphere, size, view, bar)
    if sheet:
        first = Cell(look(sphere, size, view), "The photo", "before")
        cells = [Cell(picture, style.title, style.name) for style, picture in zip(chosen, dreamed, strict=True)]
        write_picture(sheet, draw_sheet([first, *cells], min(columns, len(cells) + 1)), sphere=False, quality=QUALITY)
    if thumbnails:
        thumbnails.mkdir(exist_ok=True)
        for style, picture in zip(chosen, dreamed, strict=True):
            _write_thumbnail(thumbnails / style.thumbnail.name, picture)


def _list(chosen: list[Style], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "name": style.name,
                "title": style.title,
                "line": style.line,
                "thumbnail": str(style.thumbnail) if style.thumbnail.is_file() else None,
                "recipe": json.loads(recipe_for_style(style.name).to_json()),
            }
            for style in chosen
        ]
        click.echo(json.dumps(rows))
        return
    for style in chosen:
        click.echo(f"{style.name:14} {style.title:18} {style.line}")


def _dream_all(
    data: DataFolder, chosen: list[Style], sphere: np.ndarray, size: tuple[int, int], view: View, bar: Bar | None
) -> list[np.ndarray]:
    dreamed = []
    for number, style in enumerate(chosen):
        recipe = recipe_for_style(style.name)
        _, recipe = measured(data.graphs, sphere, recipe)
        graph = ensure_graph(data.graphs, dream_spec(recipe))

        def advance(fraction: float, number: int = number, title: str = style.title) -> None:
            if bar:
                bar((number + fraction) / len(chosen), title)

        advance(0.0)
        dreamed.append(dream_view(sphere, recipe, graph, size, view, advance))
    return dreamed


def _write_thumbnail(path: Path, picture: np.ndarray) -> None:
    """Write the center square of `picture` as a thumbnail file of limited size."""
    height, width = picture.shape[:2]
    left = (width - height) // 2
    image = Image.fromarray(picture).resize(
        (THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS, box=(left, 0, left + height, height)
    )
    buffer = io.BytesIO()
    for quality in THUMBNAIL_QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= THUMBNAIL_BYTES:
            break
    write_atomic(path, buffer.getvalue())
