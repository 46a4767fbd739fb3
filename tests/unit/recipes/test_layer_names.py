"""Layers and channels as an operator writes them."""

from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Layer, Network
from kiosk.recipes.from_wishes import class_fields, network_with, recipe_for_layers
from kiosk.recipes.layer_names import parse_channel, parse_layer

NAMES = ("fire6", "fire8", "Relu_27:0", "Relu_27", "485", "scores")
NETWORK = Network(
    name="mine",
    kind="dream",
    scale=1,
    border=0,
    align=1,
    title="Mine",
    package="imported",
    version="1",
    licence="unknown",
    source="mine.onnx",
    files=(),
    layers={name: Layer(description="", channels=64, stride=8, halo=8) for name in NAMES},
    class_layer="scores",
)


@pytest.mark.parametrize(
    ("text", "layer", "weight"),
    [
        ("fire8", "fire8", 1.0),
        ("fire8:0.5", "fire8", 0.5),
        ("Relu_27:0", "Relu_27:0", 1.0),
        ("Relu_27:0:2", "Relu_27:0", 2.0),
        ("Relu_27:3", "Relu_27", 3.0),
        ("485:2", "485", 2.0),
    ],
)
def test_a_known_layer_wins_before_a_weight_is_split_off(text: str, layer: str, weight: float) -> None:
    assert parse_layer(NETWORK, text) == (layer, weight)


@pytest.mark.parametrize(
    ("text", "chosen", "found"),
    [
        ("5", ("fire6",), ("fire6", 5, 1.0)),
        ("5:0.5", ("fire6",), ("fire6", 5, 0.5)),
        ("fire6:5", (), ("fire6", 5, 1.0)),
        ("fire6:5:0.5", ("fire6", "fire8"), ("fire6", 5, 0.5)),
        ("fire8:5", ("fire6",), ("fire8", 5, 1.0)),
        ("Relu_27:0:9", ("Relu_27:0",), ("Relu_27:0", 9, 1.0)),
        ("Relu_27:0:9:2", (), ("Relu_27:0", 9, 2.0)),
        ("Relu_27:9", ("Relu_27:0", "Relu_27"), ("Relu_27", 9, 1.0)),
        ("485:3", ("485",), ("485", 3, 1.0)),
        ("12:3", ("485",), ("485", 12, 3.0)),
        ("12:0.3", ("485",), ("485", 12, 0.3)),
    ],
)
def test_a_channel_belongs_to_the_layer_it_names_or_the_only_one(text: str, chosen: tuple, found: tuple) -> None:
    assert parse_channel(NETWORK, text, chosen) == found


@pytest.mark.parametrize(
    ("layers", "channels", "code"),
    [
        (("fire9",), (), "unknown_layer"),
        (("fire9:2",), (), "unknown_layer"),
        (("fire8:",), (), "bad_weight"),
        (("fire8:x",), (), "bad_weight"),
        (("fire8:0",), (), "bad_weight"),
        (("fire8:inf",), (), "bad_weight"),
        (("fire8", "fire8:2"), (), "bad_weight"),
        ((), (), "no_layer"),
        ((), ("5",), "channels_many_layers"),
        (("fire6", "fire8"), ("5",), "channels_many_layers"),
        ((), ("fire9:5",), "unknown_layer"),
        (("fire6",), ("fire9:5",), "unknown_layer"),
        (("fire6",), ("x",), "bad_channel"),
        (("fire6",), ("64",), "bad_channel"),
        (("fire6",), ("-1",), "bad_channel"),
        (("fire6",), ("fire6:64",), "bad_channel"),
        (("fire6",), ("fire8:x",), "bad_channel"),
        (("fire6",), ("5:nan",), "bad_weight"),
    ],
)
def test_what_makes_no_sense_is_refused(layers: tuple[str, ...], channels: tuple[str, ...], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        recipe_for_layers(NETWORK, layers, channels)
    assert refused.value.code == code
    assert "\n" not in str(refused.value)


def test_a_layer_that_only_a_channel_names_is_added() -> None:
    recipe = recipe_for_layers(NETWORK, ("fire8:0.5",), ("fire6:3", "fire6:4:2"))
    assert recipe.layers == (("fire8", 0.5), ("fire6", 1.0))
    assert recipe.channels == (("fire6", 3, 1.0), ("fire6", 4, 2.0))


def test_single_classes_are_dreamed_gently_but_not_beside_another_layer() -> None:
    alone = recipe_for_layers(NETWORK, (), ("scores:3",))
    gentle = class_fields(NETWORK)
    assert {name: getattr(alone, name) for name in gentle} == gentle
    assert recipe_for_layers(NETWORK, ("fire8",), ("scores:3",)).iterations != gentle["iterations"]


def test_a_layer_alone_finds_the_network_that_has_it() -> None:
    for network in catalog.load().networks:
        if network.kind == "dream":
            for layer in network.layers:
                assert layer in network_with((f"{layer}:0.5",)).layers
    assert network_with(("fire8",)).name == "squeezenet"
    assert network_with((), ("fire8:12:2",)).name == "squeezenet"
    assert network_with(("nowhere",)).name == catalog.DEFAULT_NETWORK
