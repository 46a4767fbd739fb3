"""Recipes as JSON, and the numbers that they may have."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from kiosk.errors import BadInput
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe, check_numbers

RANGES = {
    "strongest": (0, 65536, "the number of strongest channels"),
    "octaves": (1, 12, "octaves"),
    "smallest": (64, 65536, "the smallest octave"),
    "octave_scale": (1.05, 4, "octave scale"),
    "iterations": (1, 500, "iterations"),
    "step": (0.01, 50, "step"),
    "jitter": (0, 65536, "jitter"),
    "wobble": (0, 0.5, "wobble"),
    "residual": (0, 1, "residual gradient"),
    "strength": (0, 2, "strength"),
    "presence": (0, 1, "the photo's presence"),
    "keep_nadir": (0, 90, "the kept nadir"),
    "local": (0, 1, "local normalization"),
    "decay": (0, 1, "decay"),
    "smooth": (0, 3, "smoothing"),
    "chroma": (0, 1, "chroma"),
    "magenta": (0, 1, "magenta"),
    "saturation": (10, 255, "saturation"),
}


@pytest.mark.parametrize(
    "recipe", [DreamRecipe(channels=(("fire8", 84, 1.0),), tile=(144, 336)), UpscaleRecipe(scale=4, noise="2")]
)
def test_a_recipe_survives_json(recipe: DreamRecipe | UpscaleRecipe) -> None:
    assert type(recipe).from_json(recipe.to_json()) == recipe


def test_the_json_is_that_of_a_plain_object() -> None:
    recipe = DreamRecipe(layers=(("fire8", 1.0),), octaves=3, step=2)
    assert json.loads(recipe.to_json()) == json.loads(json.dumps(dataclasses.asdict(recipe)))


@pytest.mark.parametrize("text", ["", "[]", '{"color": 1}', "nonsense", '{"precision": "int4"}', '{"width": "wide"}'])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        DreamRecipe.from_json(text)
    assert refused.value.code == "recipe"
    assert "\n" not in str(refused.value)


def test_a_stored_recipe_that_names_no_network_is_one_of_squeezenets_fire8() -> None:
    recipe = DreamRecipe.from_json('{"width": 512}')
    assert (recipe.network, recipe.layers) == ("squeezenet", (("fire8", 1.0),))


@pytest.mark.parametrize("tile", [[63, 96], [96, 4097], [96], [96, 96, 96], 96, "wide"])
def test_a_tile_has_a_height_and_a_width_that_a_network_can_see(tile: object) -> None:
    with pytest.raises(BadInput, match="tile") as refused:
        DreamRecipe.from_json(json.dumps({"tile": tile}))
    assert "\n" not in str(refused.value)


def test_a_recipe_from_before_tiles_were_measured_has_none() -> None:
    old = json.loads(DreamRecipe(tile=(144, 336)).to_json())
    del old["tile"]
    assert DreamRecipe.from_json(json.dumps(old)).tile is None


def test_a_recipe_from_before_photos_stayed_themselves_dreams_them_whole() -> None:
    old = json.loads(DreamRecipe().to_json())
    assert old.pop("presence") == 0.7
    recipe = DreamRecipe.from_json(json.dumps(old))
    assert recipe == dataclasses.replace(DreamRecipe(), presence=0.0)
    assert DreamRecipe.from_json(recipe.to_json()) == recipe


def test_channels_without_a_layer_belong_to_the_only_one() -> None:
    old = json.loads(DreamRecipe(layers=(("conv10", 1.0),)).to_json()) | {"channels": [[84, 1.0], [9, 0.5]]}
    assert DreamRecipe.from_json(json.dumps(old)).channels == (("conv10", 84, 1.0), ("conv10", 9, 0.5))


@pytest.mark.parametrize(
    ("layers", "channels", "said"),
    [
        ([["fire6", 1], ["fire8", 1]], [[84, 1.0]], "not a recipe"),
        ([["fire6", 1], ["fire8", 1]], [["fire5", 84, 1.0]], "channel 84 of layer fire5, but dreams with fire6, fire8"),
        ([["fire6", 1]], [["fire6", 84, 1.0, 3]], "not a recipe"),
        ([["fire6", 1]], "84", "not a recipe"),
        ([], [[84, 1.0]], "not a recipe"),
    ],
)
def test_channels_of_no_layer_are_refused(layers: list, channels: object, said: str) -> None:
    changed = json.loads(DreamRecipe().to_json()) | {"layers": layers, "channels": channels}
    with pytest.raises(BadInput, match=said) as refused:
        DreamRecipe.from_json(json.dumps(changed))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_belong_to_it(name: str) -> None:
    for value in RANGES[name][:2]:
        recipe = dataclasses.replace(DreamRecipe(), **{name: value})
        check_numbers(recipe)
        assert DreamRecipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("name", RANGES)
def test_a_number_outside_its_range_is_refused(name: str) -> None:
    low, high, said = RANGES[name]
    whole = isinstance(getattr(DreamRecipe(), name), int)
    outside = (low - 1, high + 1) if whole else (low - 0.001, high + 0.001, math.nan, math.inf, -math.inf)
    for value in outside:
        recipe = dataclasses.replace(DreamRecipe(), **{name: value})
        for check in (check_numbers, lambda one: DreamRecipe.from_json(one.to_json())):
            with pytest.raises(BadInput) as refused:
                check(recipe)
            assert str(refused.value) == f"{said} must be from {low} to {high}, not {value}"
            assert refused.value.code == "bad_recipe"


def test_every_range_is_tested() -> None:
    ranged = {field.name for field in dataclasses.fields(DreamRecipe) if "_range(" in str(field.type)}
    assert ranged == RANGES.keys()
