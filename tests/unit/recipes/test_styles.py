"""The styles: each can be dreamed, is told apart, and has its picture."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import tomlkit
from click.testing import CliRunner
from PIL import Image

from kiosk.cli.styles import styles
from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.available import available_styles
from kiosk.recipes.catalog import DEFAULT_NETWORK, Style
from kiosk.recipes.classes import classes, find_class
from kiosk.recipes.from_wishes import CLASS_FIELDS, STYLED, recipe_for_classes, recipe_for_style, with_options
from kiosk.recipes.recipe import DreamRecipe, check_numbers
from kiosk.storage import DataFolder

STYLES = catalog.load().styles
each_style = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)


def test_there_are_two_dozen_styles_and_dogs_come_first() -> None:
    assert len(STYLES) >= 24
    assert STYLES[0].name == "dogs"


@pytest.mark.parametrize("field", ["name", "title", "line"])
def test_names_titles_and_lines_are_unique(field: str) -> None:
    values = [getattr(style, field).lower() for style in STYLES]
    assert len(set(values)) == len(values)


@each_style
def test_a_guest_can_read_what_it_does(style: Style) -> None:
    assert style.name.isascii()
    assert style.name == style.name.lower()
    assert 3 <= len(style.title) <= 20
    assert 10 <= len(style.line) <= 90
    assert style.line.endswith(".")


@each_style
def test_its_layers_and_classes_exist(style: Style) -> None:
    network = catalog.load().network(style.network)
    assert style.layers or style.channels or style.classes
    assert {*style.layers, *style.channels} <= set(network.layers)
    assert all(weight > 0 for weight in style.layers.values())
    for layer, channels in style.channels.items():
        assert all(0 <= n < network.layers[layer].channels and weight > 0 for n, weight in channels.items())
    assert all(0 <= number < len(classes()) and weight > 0 for number, weight in style.classes.items())


@each_style
def test_its_thumbnail_is_small_and_square(style: Style) -> None:
    assert style.thumbnail.stat().st_size <= 12_000
    with Image.open(style.thumbnail) as image:
        assert image.size == (256, 256)


@each_style
def test_its_recipe_is_within_the_ranges(style: Style) -> None:
    check_numbers(recipe_for_style(style.name))


def test_a_style_sets_everything_of_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = """
    name = "arcades"
    title = "Arcades"
    line = "Fan vaults."
    network = "squeezenet"
    layers = { fire6 = 0.5 }
    channels = { "fire8" = { "424" = 1.0, "143" = 0.35 }, "fire6" = { "3" = 1.0 } }
    classes = { 84 = 0.5 }
    strongest = 5
    equalized = true
    smallest = 256
    decay = 0.5
    """
    known = catalog.load()
    style = Style.model_validate(tomlkit.parse(entry).unwrap())
    monkeypatch.setattr(catalog, "load", lambda: known.model_copy(update={"styles": (style,)}))
    recipe = recipe_for_style("arcades")
    assert recipe.layers == (("fire6", 0.5), ("fire8", 1.0), ("conv10", 1.0))
    assert set(recipe.channels) == {("fire8", 424, 1.0), ("fire8", 143, 0.35), ("fire6", 3, 1.0), ("conv10", 84, 0.5)}
    assert (recipe.smallest, recipe.decay, recipe.iterations) == (256, 0.5, DreamRecipe().iterations)
    assert (recipe.strongest, recipe.equalized) == (5, True)
    check_numbers(recipe)


def test_every_field_of_a_recipe_that_a_style_may_set_is_one_of_the_style() -> None:
    assert set(STYLED) <= set(Style.model_fields) & {field.name for field in dataclasses.fields(DreamRecipe)}


def test_no_two_styles_are_the_same_dream() -> None:
    assert len({recipe_for_style(style.name) for style in STYLES}) == len(STYLES)


def test_a_class_of_a_style_is_dreamed_as_the_style_and_another_gently() -> None:
    assert recipe_for_classes("peacock") == recipe_for_style("peacocks")
    recipe = recipe_for_classes("teapot")
    layer = catalog.load().network(DEFAULT_NETWORK).class_layer
    assert recipe.network == DEFAULT_NETWORK
    assert recipe.layers == ((layer, 1.0),)
    assert recipe.channels == ((layer, find_class("teapot").number, 1.0),)
    assert all(getattr(recipe, name) == value for name, value in CLASS_FIELDS[DEFAULT_NETWORK].items())


def test_classes_are_mixed_from_several_texts() -> None:
    recipe = recipe_for_classes("a lion and daisies:0.5", "teapot")
    weights = {number: weight for _, number, weight in recipe.channels}
    assert weights == {find_class("lion").number: 1.0, find_class("daisy").number: 0.5, find_class("teapot").number: 1}


def test_the_list_has_every_style_with_its_recipe(tmp_path: Path) -> None:
    result = CliRunner().invoke(styles, ["--json"], obj=DataFolder(tmp_path), catch_exceptions=False)
    rows = json.loads(result.output)
    built = available_styles(tmp_path)
    assert [row["name"] for row in rows] == [style.name for style in built]
    assert all(Path(row["thumbnail"]).is_file() and row["recipe"]["layers"] for row in rows)
    listed = CliRunner().invoke(styles, [], obj=DataFolder(tmp_path), catch_exceptions=False).output
    assert all(style.title in listed for style in built)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--style", "nothing"], "unknown_style"),
        (["--photo", "x.jpg"], "usage"),
        (["--sheet", "sheet.xyz"], "format"),
        (["--sheet", "nowhere/sheet.jpg"], "no_folder"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(tmp_path: Path, arguments: list[str], code: str) -> None:
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(styles, arguments, obj=DataFolder(tmp_path), catch_exceptions=False)
    assert caught.value.code == code


def test_a_recipe_cut_short_is_whole_again_at_another_size() -> None:
    short = dataclasses.replace(recipe_for_style("dogs"), octave_iterations=(10, 10, 10, 10, 10, 3))
    assert with_options(short, seed=4, width=short.width).octave_iterations == short.octave_iterations
    assert with_options(short, width=1024).octave_iterations == ()
