"""Turn a request (a style, classes, or layers of a network) into a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.catalog import DEFAULT_NETWORK, Network
from kiosk.recipes.classes import find_mix
from kiosk.recipes.layer_names import knows, parse_channel, parse_layer
from kiosk.recipes.recipe import DreamRecipe
from kiosk.recipes.words import named_style, tuned_style

STYLED = (
    "strongest",
    "equalized",
    "octaves",
    "smallest",
    "wobble",
    "residual",
    "octave_scale",
    "iterations",
    "step",
    "decay",
    "smooth",
    "chroma",
    "magenta",
    "saturation",
    "local",
    "strength",
)
"""Recipe fields that a style may set."""
SIZING = ("width", "octaves", "smallest", "octave_scale", "iterations", "flat")
"""Recipe fields that determine the number of octaves and their steps."""
CLASS_FIELDS: dict[str, dict[str, Any]] = {
    "squeezenet": {"iterations": 16, "step": 3.0, "smooth": 1.2, "chroma": 0.6, "local": 0.3},
    "efficientnet-lite0": {
        "smallest": 700,
        "iterations": 32,
        "step": 4.5,
        "smooth": 1.2,
        "chroma": 0.6,
        "magenta": 0.3,
        "saturation": 80.0,
        "wobble": 0.5,
        "residual": 0.0,
    },
}
"""By network. A class takes more steps than a layer until it can be recognized.

SqueezeNet's gradient is weak but not zero where nothing grows, which would show as confetti; less smoothing, smaller
steps and less local normalization prevent that. EfficientNet's confetti goes with the gradient of its residual branches
and with `wobble`: what is left covers the sphere, in the size that the network knows, a lion's face 40 to 100 degrees
wide. `tests/bench/judge_dreams.py` measured each field."""

GUIDE_FIELDS: dict[str, Any] = {"iterations": 14, "chroma": 0.6, "local": 0.6}
"""A guide's strongest features show everywhere, so plain areas need less local normalization, and colors less
chroma."""


def recipe_for_style(name: str) -> DreamRecipe:
    """The recipe of a style of the catalog or of words. Raises BadInput, which lists the known styles."""
    style = named_style(name)
    network = catalog.load().network(style.network)
    layers = dict(style.layers)
    for layer in style.channels:
        layers.setdefault(layer, 1.0)
    if style.classes:
        layers.setdefault(_class_layer(network), 1.0)
    for layer in layers:
        network.layer(layer)
    channels = [(layer, number, weight) for layer, of in style.channels.items() for number, weight in of.items()]
    fields = class_fields(network) if style.classes and len(layers) == 1 else {}
    fields |= {field: value for field in STYLED if (value := getattr(style, field)) is not None}
    return DreamRecipe(
        network=style.network,
        layers=tuple(layers.items()),
        channels=(*channels, *_of_classes(network, style.classes)),
        **fields,
    )


def recipe_for_classes(*wanted: str) -> DreamRecipe:
    """The recipe that dreams of ImageNet classes, each named as `find_mix` accepts. Raises BadInput with
    suggestions."""
    mix: dict[int, float] = {}
    for text in wanted:
        for number, weight in find_mix(text).items():
            mix[number] = mix.get(number, 0.0) + weight
    if (tuned := tuned_style(mix)) is not None:
        return recipe_for_style(tuned.name)
    network = catalog.load().network(DEFAULT_NETWORK)
    layers = ((_class_layer(network), 1.0),)
    return DreamRecipe(network=network.name, layers=layers, channels=_of_classes(network, mix), **class_fields(network))


def class_fields(network: Network) -> dict[str, Any]:
    """The recipe's fields for dreams of nothing but classes; a network that is not the kiosk's own has those of the
    default one."""
    return dict(CLASS_FIELDS.get(network.name, CLASS_FIELDS[DEFAULT_NETWORK]))


def recipe_for_layers(entry: Network, layers: Sequence[str], channels: Sequence[str] = ()) -> DreamRecipe:
    """The recipe for `layers` of a network, such as `fire8` or `fire8:0.5`, of which those with `channels`, such as
    `fire8:12` or `fire8:12:0.5`, use only these. If there is one layer, its channels need not name it; a layer that
    only a channel names is added. Raises BadInput for an unknown layer or channel, a weight that is not a positive
    finite number, or a network that cannot dream."""
    if entry.kind != "dream":
        raise BadInput(f"{entry.name} is not a dream network", "not_a_dream_network")
    weighted = [parse_layer(entry, text) for text in layers]
    if len({name for name, _ in weighted}) < len(weighted):
        raise BadInput("a layer may be named only once", "bad_weight")
    if not layers and not channels:
        raise BadInput(f"name a layer of {entry.name}: {', '.join(entry.layers)}", "no_layer")
    picked = [parse_channel(entry, text, [name for name, _ in weighted]) for text in channels]
    used = dict(weighted)
    for layer, _, _ in picked:
        used.setdefault(layer, 1.0)
    fields = class_fields(entry) if picked and used.keys() == {entry.class_layer} else {}
    return DreamRecipe(network=entry.name, layers=tuple(used.items()), channels=tuple(picked), **fields)


def network_with(layers: Sequence[str], channels: Sequence[str] = ()) -> Network:
    """The network that has these layers and channels, where none is named: the default one if it has them, else the
    first dream network of the catalog that does, or at least has the layers, else the default one."""
    known = catalog.load()
    default = known.network(DEFAULT_NETWORK)
    others = [network for network in known.networks if network.kind == "dream"]
    for needed in (channels, ()):
        for network in (default, *others):
            if knows(network, layers, needed):
                return network
    return default


def _class_layer(network: Network) -> str:
    if network.class_layer is None:
        raise BadInput(f"{network.name} has no layer of classes", "no_class_layer")
    return network.class_layer


def _of_classes(network: Network, classes: Mapping[int, float]) -> tuple[tuple[str, int, float], ...]:
    """The channels of the `classes`, number -> weight."""
    return tuple((_class_layer(network), number, weight) for number, weight in classes.items())


def like_guide(recipe: DreamRecipe, sha256: str, chosen: bool) -> DreamRecipe:
    """`recipe` guided by the picture whose file has this `sha256`. Sets GUIDE_FIELDS unless the layers were `chosen` by
    the user. Raises BadInput for a recipe of single channels, such as a class."""
    if recipe.channels or recipe.strongest or recipe.equalized:
        raise BadInput(
            "a guide decides what to dream; combine it with layers, not with a class or channels", "guided_class"
        )
    return dataclasses.replace(recipe, guide=sha256, **({} if chosen else GUIDE_FIELDS))


def with_options(recipe: DreamRecipe, **options: Any) -> DreamRecipe:
    """`recipe` with every option that is not None replaced. If a SIZING field changes, `octave_iterations` is reset to
    all iterations."""
    changed = dataclasses.replace(recipe, **{name: value for name, value in options.items() if value is not None})
    if any(getattr(changed, name) != getattr(recipe, name) for name in SIZING):
        return dataclasses.replace(changed, octave_iterations=())
    return changed
