"""Exporting an event: what the folder and the ZIP hold, and that an unfinished one says so and goes on."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from kiosk.errors import BadInput
from kiosk.library.records import Photo
from kiosk.people import events, exporting
from kiosk.people.events import Event


@pytest.fixture
def gala(library, bring) -> Event:
    """An event of two ready photos, one that waits, and one in the bin."""
    event = events.begin(library, "Gala & <Ball>")
    for number in range(2):
        dreamed(library, bring(show=number == 0))
    dreamed(library, binned := bring())
    with library.writing() as connection:
        connection.execute("UPDATE photos SET binned = 1 WHERE token = ?", (binned.token,))
    bring(ready=False)
    return event


def dreamed(library, photo: Photo) -> None:
    files = library.files(photo.token)
    for path in (files.dream, files.upscaled):
        path.write_bytes(f"{path.stem} of {photo.token}".encode())


def expected(library) -> dict[str, bytes]:
    """Name -> content of every picture that belongs into the export."""
    pictures = {}
    for photo in (one.photo for one in library.everything() if one.photo.state == "ready"):
        files = library.files(photo.token)
        for path in (files.original, files.dream, files.upscaled):
            pictures[f"{exporting.stem(photo.created, photo.id)}_{path.name}"] = path.read_bytes()
    return pictures


def test_a_folder_holds_every_ready_photo_and_a_page_that_lists_them(library, gala, tmp_path: Path) -> None:
    folder, fractions = tmp_path / "stick" / "gala", []
    assert exporting.export(library, gala, folder, fractions.append) == 2
    assert fractions == [0.5, 1.0]
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    page = held.pop("index.html").decode()
    assert held == expected(library)
    assert len(held) == 6
    assert "<h1>Gala &amp; &lt;Ball&gt;</h1>" in page
    assert set(re.findall(r'href="([^"]+)"', page)) == set(held)
    assert not re.findall(r"https?:|<script", page), "the page needs no kiosk and no network"
    assert page.count("did not agree") == 1
    for photo in library.everything():
        assert photo.photo.token not in page
    assert events.find(library).is_exported


def test_a_zip_holds_the_same(library, gala, tmp_path: Path) -> None:
    target = tmp_path / "gala.ZIP"
    exporting.export(library, gala, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        held = {name: archive.read(name) for name in archive.namelist()}
    assert held.pop("index.html")
    assert held == expected(library)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".gala")] == []


def test_an_export_that_was_interrupted_says_so_and_goes_on(library, gala, tmp_path: Path) -> None:
    folder = tmp_path / "gala"

    def unplug(fraction: float) -> None:
        raise OSError("the stick is gone")

    with pytest.raises(OSError, match="stick"):
        exporting.export(library, gala, folder, unplug)
    assert "not finished" in (folder / "UNFINISHED.txt").read_text()
    assert not (folder / "index.html").exists()
    assert not events.find(library).is_exported
    before = {path.name: path.stat().st_ino for path in folder.glob("*.jpg")}
    assert len(before) == 3
    exporting.export(library, gala, folder)
    assert not (folder / "UNFINISHED.txt").exists()
    after = {path.name: path.stat().st_ino for path in folder.glob("*.jpg")}
    assert len(after) == 6
    assert before.items() <= after.items(), "what was there was not copied again"
    (folder / next(iter(before))).write_bytes(b"damaged")
    exporting.export(library, gala, folder)
    assert {path.name: path.read_bytes() for path in folder.glob("*.jpg")} == expected(library)


def test_a_folder_of_something_else_is_left_alone(library, gala, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput) as refused:
        exporting.export(library, gala, tmp_path)
    assert refused.value.code == "not_empty"
    with pytest.raises(BadInput) as no_folder:
        exporting.export(library, gala, tmp_path / "thesis.txt")
    assert no_folder.value.code == "bad_folder"
    with pytest.raises(BadInput):
        exporting.export(library, gala, tmp_path / "nowhere" / "gala.zip")
    assert not events.find(library).is_exported


def test_an_event_without_a_ready_photo_is_not_exported(library, tmp_path: Path) -> None:
    empty = events.begin(library, "Empty")
    with pytest.raises(BadInput) as refused:
        exporting.export(library, empty, tmp_path / "out")
    assert refused.value.code == "nothing_to_export"
    assert not (tmp_path / "out").exists()
