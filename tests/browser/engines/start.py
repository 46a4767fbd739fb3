"""The engines by name, and how each is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser.engines import old_chromium
from tests.browser.engines.chromium import Chromium
from tests.browser.engines.firefox import Firefox
from tests.browser.engines.process import program
from tests.browser.engines.tab import Engine
from tests.browser.engines.webkit import WebKit

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def _chromium(folder: Path) -> Engine:
    return Chromium(program(*CHROMIUM), folder, "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def _chromium_without_webgl(folder: Path) -> Engine:
    return Chromium(program(*CHROMIUM), folder, "--disable-gpu", "--disable-3d-apis")


def _chromium_of_2019(folder: Path) -> Engine:
    drawing = ("--use-gl=swiftshader", "--ignore-gpu-blacklist", "--in-process-gpu")
    return Chromium(old_chromium.path(), folder, *drawing)


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "chromium": _chromium,
    "chromium-79": _chromium_of_2019,
    "firefox": Firefox,
    "webkit": WebKit,
    "without-webgl": _chromium_without_webgl,
}
"""Each is started with an empty folder of its own. Raises Missing where this machine cannot have it; whatever else goes
wrong is a fault."""
