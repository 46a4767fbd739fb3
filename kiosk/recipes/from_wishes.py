"""Turn a request (a style, a class, or layers of a network) into a recipe."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Network
from kiosk.recipes.classes import find_class
from kiosk.recipes.recipe import DreamRecipe

CLASS_LAYER = "conv10"
STYLED = ("octaves", "octave_scale", "iterations", "step", "smooth", "chroma", "saturation", "local", "strength")
"""Recipe fields that a style may set."""
SIZING = ("width", "octaves", "smallest", "octave_scale", "iterations", "flat")
"""Recipe fields that determine the number of octaves and their steps."""
CLASS_FIELDS: dict[str, Any] = {"iterations": 16, "step": 3.0, "smooth": 1.2, "chroma": 0.6, "local": 0.3}
"""A class takes more steps than a layer until it can be recognized. Its gradient is weak but not zero where nothing
grows, which would show as confetti; less smoothing, smaller steps and less local normalization prevent that."""

GUIDE_FIELDS: dict[str, Any] = {"iterations": 14, "chroma": 0.6, "local": 0.6}
"""A guide's strongest features show everywhere, so plain areas need less local normalization, and colors less
chroma."""


def recipe_for_style(name: str) -> DreamRecipe:
    """The recipe of a catalog style. Raises BadInput, which lists the known styles."""
    style = catalog.load().style(name)
    network = catalog.load().network(style.network)
    layers = tuple(style.layers.items()) or ((CLASS_LAYER, 1.0),)
    for layer, _ in layers:
        network.layer(layer)
    fields = dict(CLASS_FIELDS) if style.classes else {}
    fields |= {field: value for field in STYLED if (value := getattr(style, field)) is not None}
    return DreamRecipe(network=style.network, layers=layers, channels=tuple(style.classes.items()), **fields)


def recipe_for_class(wanted: str) -> DreamRecipe:
    """The recipe that dreams of one ImageNet class, named as `find_class` accepts. Raises BadInput with suggestions."""
    number = find_class(wanted).number
    known = catalog.load()
    for style in known.styles:
        # A style for just this class was tuned by eye: prefer it.
        if set(style.classes) == {number}:
            return recipe_for_style(style.name)
    return DreamRecipe(layers=((CLASS_LAYER, 1.0),), channels=((number, 1.0),), **CLASS_FIELDS)


def recipe_for_layers(entry: Network, layers: Sequence[str], channels: Sequence[str] = ()) -> DreamRecipe:
    """The recipe for `layers` of a network, such as `fire8` or `fire8:0.5`, or for `channels` of one layer, such as
    `12` or `12:0.5`. Raises BadInput for an unknown layer or channel, a weight that is not a positive finite number, or
    a network that cannot dream."""
    if entry.kind != "dream":
        raise BadInput(f"{entry.name} is not a dream network", "not_a_dream_network")
    if not layers:
        raise BadInput(f"name a layer of {entry.name}: {', '.join(entry.layers)}", "no_layer")
    weighted = [_weighted(text) for text in layers]
    if len({name for name, _ in weighted}) < len(weighted):
        raise BadInput("a layer may be named only once", "bad_weight")
    for name, _ in weighted:
        entry.layer(name)
    if channels and len(weighted) > 1:
        raise BadInput("channels belong to one layer; name one with --layer", "channels_many_layers")
    picked = []
    for text in channels:
        number, weight = _weighted(text)
        count = entry.layer(weighted[0][0]).channels
        if not (number.isascii() and number.isdigit() and int(number) < count):
            raise BadInput(f"{weighted[0][0]} has channels 0 to {count - 1}, not {number or text!r}", "bad_channel")
        picked.append((int(number), weight))
    fields = CLASS_FIELDS if picked and weighted[0][0] == CLASS_LAYER else {}
    return DreamRecipe(network=entry.name, layers=tuple(weighted), channels=tuple(picked), **fields)


def like_guide(recipe: DreamRecipe, sha256: str, chosen: bool) -> DreamRecipe:
    """`recipe` guided by the picture whose file has this `sha256`. Sets GUIDE_FIELDS unless the layers were `chosen` by
    the user. Raises BadInput for a recipe of single channels, such as a class."""
    if recipe.channels:
        raise BadInput(
            "a guide decides what to dream; combine it with layers, not with a class or channels", "guided_class"
        )
    return dataclasses.replace(recipe, guide=sha256, **({} if chosen else GUIDE_FIELDS))


def _weighted(text: str) -> tuple[str, float]:
    name, colon, weight = text.partition(":")
    try:
        value = float(weight) if colon else 1.0
    except ValueError:
        raise BadInput(f"the weight in {text!r} is not a number", "bad_weight") from None
    if not (0 < value < math.inf):
        raise BadInput(f"the weight in {text!r} must be greater than 0", "bad_weight")
    return name, value


def with_options(recipe: DreamRecipe, **options: Any) -> DreamRecipe:
    """`recipe` with every option that is not None replaced. If a SIZING field changes, `octave_iterations` is reset to
    all iterations."""
    changed = dataclasses.replace(recipe, **{name: value for name, value in options.items() if value is not None})
    if any(getattr(changed, name) != getattr(recipe, name) for name in SIZING):
        return dataclasses.replace(changed, octave_iterations=())
    return changed
