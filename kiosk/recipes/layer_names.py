"""Layers and channels with weights, as an operator writes them: `fire8:0.5`, `12:0.5`, `fire8:12:0.5`.

Layers of imported networks may have colons in their names (`Relu_27:0`), or be called like a number. A name that the
network knows wins before a weight is split off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from kiosk.errors import BadInput
from kiosk.recipes.catalog import Network


def parse_layer(network: Network, text: str) -> tuple[str, float]:
    """(layer, weight) of `LAYER[:WEIGHT]`. Raises BadInput for an unknown layer or a weight that is not a positive
    finite number."""
    if text in network.layers:
        return text, 1.0
    name, colon, weight = text.rpartition(":")
    network.layer(name if colon else text)
    return name, parse_weight(weight, text)


def parse_channel(network: Network, text: str, layers: Sequence[str]) -> tuple[str, int, float]:
    """(layer, channel, weight) of `[LAYER:]CHANNEL[:WEIGHT]`. The layer may be left out if `layers`, the chosen ones,
    are a single one. Raises BadInput for an unknown layer or channel, or a bad weight."""
    layer, rest = _owner(network, text, layers)
    number, colon, weight = rest.partition(":")
    count = network.layer(layer).channels
    if not (_is_number(number) and int(number) < count):
        raise BadInput(f"{layer} has channels 0 to {count - 1}, not {number or text!r}", "bad_channel")
    return layer, int(number), parse_weight(weight, text) if colon else 1.0


def knows(network: Network, layers: Iterable[str], channels: Iterable[str]) -> bool:
    """Whether `network` has every layer that these texts name."""
    return all(text in network.layers or text.rpartition(":")[0] in network.layers for text in layers) and all(
        _is_number(text.partition(":")[0]) or _prefix(network.layers, text) is not None for text in channels
    )


def parse_weight(text: str, whole: str) -> float:
    """A positive finite number. Raises BadInput, which quotes the `whole` that it is a part of."""
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"the weight in {whole!r} is not a number", "bad_weight") from None
    if not (0 < value < math.inf):
        raise BadInput(f"the weight in {whole!r} must be greater than 0", "bad_weight")
    return value


def _owner(network: Network, text: str, layers: Sequence[str]) -> tuple[str, str]:
    """The layer that a channel's text names or means, and the rest of the text."""
    chosen = _prefix(layers, text)
    if chosen is not None and _is_number(text[len(chosen) + 1 :].partition(":")[0]):
        return chosen, text[len(chosen) + 1 :]
    if len(layers) == 1 and _is_number(text.partition(":")[0]):
        return layers[0], text
    known = _prefix(network.layers, text)
    if known is not None:
        return known, text[len(known) + 1 :]
    if ":" in text and not _is_number(text.partition(":")[0]):
        network.layer(text.partition(":")[0])
    if len(layers) == 1:
        return layers[0], text
    raise BadInput(f"name one layer that channel {text} belongs to: LAYER:CHANNEL", "channels_many_layers")


def _prefix(names: Iterable[str], text: str) -> str | None:
    """The longest of `names` that `text` begins with, before a colon."""
    return max((name for name in names if text.startswith(f"{name}:")), key=len, default=None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
