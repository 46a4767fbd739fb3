"""dreamkiosk styles: list the styles, or draw a contact sheet or thumbnails of them."""

from __future__ import annotations

import json

import click

from kiosk.cli.drawing.sheet import Drawing, Sample, drawing_options
from kiosk.recipes.available import available_style, available_styles
from kiosk.recipes.catalog import Style
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.storage import DataFolder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@drawing_options("style")
@click.option("--style", "names", multiple=True, help="Only this style; may be repeated.")
@click.pass_obj
def styles(data: DataFolder, as_json: bool, drawing: Drawing, names: tuple[str, ...]) -> None:
    """List the styles whose networks are built. With --sheet OUT.jpg, draw one photo in every style."""
    chosen = [available_style(data.graphs, name) for name in names] or list(available_styles(data.graphs))
    drawing.check()
    if as_json or not drawing.is_wanted:
        _list(chosen, as_json)
    if drawing.is_wanted:
        samples = [
            Sample(recipe_for_style(style.name), style.title, style.name, style.thumbnail.name) for style in chosen
        ]
        drawing.draw(data, samples, "styles")


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
