"""dreamkiosk words: list the suggested things to dream of, or draw a contact sheet or thumbnails of them."""

from __future__ import annotations

import json

import click

from kiosk.cli.drawing.sheet import Drawing, Sample, drawing_options
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Word
from kiosk.recipes.classes import find_class
from kiosk.recipes.from_wishes import recipe_for_classes
from kiosk.recipes.words import word_of
from kiosk.storage import DataFolder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@drawing_options("word")
@click.option("--word", "named", multiple=True, help="Only this one, by title or class number; may be repeated.")
@click.pass_obj
def words(data: DataFolder, as_json: bool, drawing: Drawing, named: tuple[str, ...]) -> None:
    """List the suggested things to dream of; any other of ImageNet's 1000 classes can be dreamed of, too. With --sheet
    OUT.jpg, draw one photo dreaming of each."""
    chosen = [word_of(find_class(text).number) for text in named] or list(catalog.load().words)
    drawing.check()
    if as_json or not drawing.is_wanted:
        _list(chosen, as_json)
    if drawing.is_wanted:
        samples = [
            Sample(recipe_for_classes(str(word.number)), word.title, str(word.number), word.thumbnail.name)
            for word in chosen
        ]
        drawing.draw(data, samples, "words")


def _list(chosen: list[Word], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "number": word.number,
                "title": word.title,
                "titles": word.titles,
                "thumbnail": str(word.thumbnail) if word.thumbnail.is_file() else None,
                "recipe": json.loads(recipe_for_classes(str(word.number)).to_json()),
            }
            for word in chosen
        ]
        click.echo(json.dumps(rows))
        return
    for word in chosen:
        others = ", ".join(dict.fromkeys(word.titles.values()))
        click.echo(f"{word.number:4} {word.title:18} {others}")
