"""dreamkiosk event: an evening from its opening to its wiping, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kiosk import cli
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.storage import DataFolder


@pytest.fixture
def event(data: DataFolder, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> object:
        cli.main(["--data", str(data.root), "event", *arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    return run


def test_an_evening(event, data: DataFolder, photo_bytes: bytes, tmp_path: Path, capsys) -> None:
    assert event("list") == []
    opened = event("open", "Gala")
    assert (opened["id"], opened["name"], opened["state"], opened["photos"]) == (1, "Gala", "open", 0)
    with Library(data) as library:
        token = accept(library, photo_bytes).token
        library.jobs.finish(library.jobs.lease("a worker"))
    with pytest.raises(SystemExit) as still_open:
        event("wipe", "--yes")
    assert still_open.value.code == 2
    assert capsys.readouterr().err == "dreamkiosk: The event Gala is open. Close it first.\n"
    assert event("close")["state"] == "closed"
    with pytest.raises(SystemExit) as not_exported:
        event("wipe")
    assert not_exported.value.code == 2
    assert "were not exported" in capsys.readouterr().err
    assert event("export", str(tmp_path / "gala.zip"))["state"] == "exported"
    assert (tmp_path / "gala.zip").stat().st_size > len(photo_bytes) // 2
    assert event("wipe", "--event", "1")["state"] == "wiped"
    assert not (data.photos / token).exists()
    assert [(one["state"], one["photos"]) for one in event("list")] == [("wiped", 0)]
    with pytest.raises(SystemExit) as unknown:
        event("export", str(tmp_path / "more.zip"), "--event", "9")
    assert unknown.value.code == 2
