"""Networks that the operator imported, stored in the graphs folder:

<graphs>/imported/<name>/network.toml    the catalog's entry for it: layers with their figures, the file's sha256
<graphs>/imported/<name>/forward.onnx    the forward network, float32, preprocessing inside
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

import onnx
import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import ParseError

from kiosk.errors import BadInput, Unavailable
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Network
from kiosk.storage import sync_folder, write_atomic

FOLDER = "imported"
PACKAGE = "imported"
"""Package name in an imported network's entry."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def check_name(name: str) -> None:
    """Raise BadInput for a name that is invalid or already in the catalog."""
    if not NAME.fullmatch(name):
        raise BadInput(f"{name!r} cannot be a name: use up to 40 of a-z, 0-9, - and _", "bad_name")
    if any(network.name == name for network in catalog.load().networks):
        raise BadInput(f"{name} is one of the kiosk's own networks; choose another name", "name_taken")


def save(graphs: Path, network: Network, forward: bytes) -> Path:
    """Save a network atomically, replacing one with the same name. Returns its folder."""
    check_name(network.name)
    parent = graphs / FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    target = parent / network.name
    fresh = Path(tempfile.mkdtemp(prefix=f".{network.name}.", dir=parent))
    try:
        write_atomic(fresh / "forward.onnx", forward)
        write_atomic(fresh / "network.toml", tomlkit.dumps(network.model_dump(mode="json", exclude_none=True)))
        fresh.chmod(0o755)
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{network.name}.", dir=parent))
            target.rename(old / "old")
            fresh.rename(target)
            shutil.rmtree(old)
        else:
            fresh.rename(target)
        sync_folder(parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def imported_networks(graphs: Path) -> list[Network]:
    """The entries of all imported networks, sorted by name. Raises Unavailable if one cannot be read."""
    return [_entry(path) for path in sorted((graphs / FOLDER).glob("[!.]*/network.toml"))]


def known_network(graphs: Path, name: str) -> Network:
    """The catalog's or imported network called `name`. Raises BadInput, which lists the known ones."""
    known = [*catalog.load().networks, *imported_networks(graphs)]
    for network in known:
        if network.name == name:
            return network
    raise BadInput(f"no network is called {name!r}; known: {', '.join(n.name for n in known)}", "unknown_network")


def read_forward(graphs: Path, network: Network) -> onnx.ModelProto:
    """Read an imported network's forward graph, for `add_gradient`. Raises Unavailable if the file is missing or
    damaged."""
    path = graphs / FOLDER / network.name / "forward.onnx"
    again = f"import it again with: dreamkiosk models import FILE.onnx --name {network.name}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable(f"cannot read {path}: {error.strerror}; {again}", "network_missing") from error
    if hashlib.sha256(data).hexdigest() != network.files[0].sha256:
        raise Unavailable(f"{path} is damaged; {again}", "network_damaged")
    return onnx.load_model_from_string(data)


def _entry(path: Path) -> Network:
    try:
        return Network.model_validate(tomlkit.parse(path.read_text(encoding="utf-8")).unwrap())
    except (OSError, ValueError, ParseError, ValidationError) as error:
        raise Unavailable(f"{path} is damaged; delete {path.parent} and import it again", "network_damaged") from error
