"""The registry of sources: what each can do is known without its libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kiosk.capture.registry import SOURCES, kind_of, make_source
from kiosk.capture.source import Source
from kiosk.settings import CAPTURES, FolderCapture, NoCapture, PiCameraCapture, VirtualCapture

SETTINGS = (VirtualCapture(), FolderCapture(folder=Path("/media/card")), PiCameraCapture())


def test_every_source_of_the_settings_is_there_and_no_other() -> None:
    assert [one.source for one in SETTINGS] == list(SOURCES)
    assert ["none", *SOURCES] == list(CAPTURES)


def test_every_source_is_made_by_its_name() -> None:
    for settings in SETTINGS:
        source = make_source(settings)
        assert isinstance(source, Source)
        assert source.name == settings.source


def test_no_source_is_none() -> None:
    assert make_source(NoCapture()) is None
    assert kind_of(NoCapture()) is None


def test_what_sources_can_do() -> None:
    able = {name: (kind.on_demand, kind.shows, kind.live_preview) for name, kind in SOURCES.items()}
    assert able == {
        "virtual": (True, "sphere", False),
        "folder": (False, "either", False),
        "picamera2": (True, "lens", False),
    }


def test_who_asks_what_a_source_can_do_loads_no_pictures() -> None:
    code = "import sys, kiosk.capture.registry; print({'numpy', 'cv2', 'watchfiles'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
