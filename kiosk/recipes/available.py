"""What this kiosk can dream with: all networks but those whose archive nobody has handed over yet.

The forward graph made from an archive is kept, so that the archive is needed once. Asking for it reads no graph: the
server does so too.
"""

from __future__ import annotations

from pathlib import Path

from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Network, Style
from kiosk.recipes.words import named_style

FOLDER = "archives"
MODERATION = "moderation"
"""The network that tells rude pictures."""
FORWARD_VERSION = 1
"""Increase this, and the forge's FORGE_VERSION, if the same archive gives another forward graph. Operators then have to
build the network again, from its archive."""


def forward_path(graphs: Path, network: Network) -> Path:
    """Where the forward graph of a network from an archive is kept, whether it is there or not."""
    return graphs / FOLDER / f"{network.name}-{network.files[0].sha256[:10]}-{FORWARD_VERSION}.onnx"


def is_available(graphs: Path, network: Network) -> bool:
    """Whether the network needs no archive, or was built from it."""
    return network.archive is None or forward_path(graphs, network).is_file()


def not_built(network: Network) -> BadInput:
    """The error that says how to build a network from its archive."""
    assert network.archive is not None
    build = f"dreamkiosk models build {network.name}"
    return BadInput(
        f"{network.name} is not built here; build it with: {build} (or, without the internet: {build} --from "
        f"{network.archive.file})",
        "network_not_built",
    )


def available_style(graphs: Path, name: str) -> Style:
    """The style called `name`, one of the catalog or of words. Raises BadInput if there is none, or its network is not
    available."""
    style = named_style(name)
    network = catalog.load().network(style.network)
    if not is_available(graphs, network):
        raise BadInput(f"the style {name} needs a network: {not_built(network)}", "unknown_style")
    return style


def available_styles(graphs: Path) -> tuple[Style, ...]:
    """The catalog's styles whose network is available, in its order."""
    known = catalog.load()
    hidden = {network.name for network in known.networks if not is_available(graphs, network)}
    return tuple(style for style in known.styles if style.network not in hidden)
