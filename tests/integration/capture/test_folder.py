"""The watched folder, with real files in a real folder."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from kiosk.capture.folder import FolderSource
from kiosk.capture.source import PermanentFault, TemporaryFault
from kiosk.pictures.sphere_jpeg import encode_jpeg
from tests.waiting import LONGEST

SETTLE = 0.6
"""Seconds."""


@pytest.fixture
def folder(tmp_path):
    source = FolderSource(tmp_path, settle=SETTLE, stalled=SETTLE)
    source.open()
    yield source
    source.close()


@pytest.mark.slow
def test_a_file_is_taken_whole_only_when_it_has_stopped_growing(folder):
    """It grows at every scan, for longer than an idle file would have to wait."""
    path = folder.folder / "a.jpg"
    began = time.monotonic()
    written = []

    def grow():
        if time.monotonic() - began < 3 * SETTLE or len(written) < 8:
            written.append(b"%05d" % len(written) * 200)
            with path.open("ab") as file:
                file.write(written[-1])

    grow()
    shot = folder.capture(grow, patience=LONGEST)
    assert shot is not None
    assert len(written) >= 8
    assert shot.file.read_bytes() == b"".join(written)


@pytest.mark.slow
def test_a_copy_that_stands_still_before_its_end_is_waited_for(tmp_path):
    source = FolderSource(tmp_path, settle=0.1, stalled=60)
    source.open()
    picture = encode_jpeg(np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8))
    (tmp_path / "a.jpg").write_bytes(picture[:3000])
    assert source.capture(patience=1.5) is None
    (tmp_path / "a.jpg").write_bytes(picture)
    shot = source.capture(patience=LONGEST)
    assert shot is not None
    assert shot.file.read_bytes() == picture
    source.close()


@pytest.mark.slow
def test_a_file_that_was_there_before_is_taken_too_and_never_twice(folder):
    (folder.folder / "old.png").write_bytes(b"one")
    shot = folder.capture(patience=LONGEST)
    assert shot is not None
    assert (shot.name, shot.file.read_bytes()) == ("old.png", b"one")
    folder.accepted(shot)
    assert (folder.folder / "taken" / "old.png").read_bytes() == b"one"
    assert folder.capture(patience=1.5) is None


def test_the_oldest_comes_first(folder):
    for name in ("b.jpg", "a.jpg"):
        (folder.folder / name).write_bytes(b"x")
        moment = {"b.jpg": 1_000_000, "a.jpg": 2_000_000}[name]
        os.utime(folder.folder / name, (moment, moment))
    names = []
    for _ in range(2):
        shot = folder.capture(patience=LONGEST)
        assert shot is not None
        names.append(shot.name)
        folder.accepted(shot)
    assert names == ["b.jpg", "a.jpg"]


def test_what_is_not_a_photo_is_put_aside_with_a_sentence(folder):
    (folder.folder / "bad.jpg").write_bytes(b"not a photo")
    shot = folder.capture(patience=LONGEST)
    assert shot is not None
    folder.refused(shot, "This is not a photo.")
    assert (folder.folder / "refused" / "bad.jpg").read_bytes() == b"not a photo"
    assert (folder.folder / "refused" / "bad.jpg.txt").read_text() == "This is not a photo.\n"


@pytest.mark.slow
def test_a_second_file_of_the_same_name_does_not_replace_the_first(folder):
    for content in (b"first", b"second"):
        (folder.folder / "a.jpg").write_bytes(content)
        shot = folder.capture(patience=LONGEST)
        assert shot is not None
        folder.accepted(shot)
    kept = sorted(path.read_bytes() for path in (folder.folder / "taken").iterdir())
    assert kept == [b"first", b"second"]


@pytest.mark.slow
def test_hidden_files_links_and_other_kinds_are_left_alone(folder):
    (folder.folder / ".half.jpg").write_bytes(b"x")
    (folder.folder / "notes.txt").write_bytes(b"x")
    (folder.folder / "link.jpg").symlink_to("/etc/hostname")
    assert folder.capture(patience=1.5) is None


def test_a_missing_folder_is_a_temporary_fault_and_an_unnamed_one_a_permanent_fault(tmp_path):
    with pytest.raises(TemporaryFault, match="is missing"):
        FolderSource(tmp_path / "card").open()
    with pytest.raises(PermanentFault, match=r"capture\.folder"):
        FolderSource(None)


def test_a_card_pulled_out_is_a_temporary_fault(tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    source = FolderSource(card, settle=0.2)
    source.open()
    card.rename(tmp_path / "gone")
    with pytest.raises(TemporaryFault, match="disappeared"):
        source.capture(patience=2)
