"""The camera process: requests, heartbeats, faults, and photos that reach the library."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from kiosk.capture.fault import read_fault
from kiosk.capture.loop import Pace, pace_of, run_camera
from kiosk.errors import BadInput
from kiosk.library import heartbeat, intake, shutter
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.names import CAMERA
from kiosk.ops.processes import STALE_SECONDS
from kiosk.pictures import apart
from kiosk.pictures.gpano import read_gpano
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.settings import load
from kiosk.storage import DataFolder, write_atomic
from tests.waiting import LONGEST, until


@pytest.fixture
def data(tmp_path, monkeypatch) -> DataFolder:
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(tmp_path / "runtime"))
    return DataFolder(tmp_path / "data").prepare()


@pytest.fixture
def running(data):
    """Starts the loop in a thread, ends it after the test."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start() -> None:
        thread = threading.Thread(target=run_camera, args=(data, stop.is_set))
        thread.start()
        threads.append(thread)
        until(lambda: heartbeat.age(data, CAMERA) is not None)

    yield start
    stop.set()
    for thread in threads:
        thread.join(LONGEST)
        assert not thread.is_alive()


def beats(data: DataFolder, count: int) -> None:
    """Wait until the loop has run this many times."""
    for _ in range(count):
        before = heartbeat.path(data, CAMERA).read_bytes()
        until(lambda: heartbeat.path(data, CAMERA).read_bytes() != before)  # noqa: B023


def photos(data: DataFolder):
    with Library(data) as library:
        return library.everything()


def test_without_a_source_it_only_says_that_it_is_alive(data, running):
    running()
    asked = shutter.ask(data)
    with Library(data) as library:
        until(lambda: shutter.outcome(library, asked).code == "camera")
    beats(data, 1)
    assert not photos(data)


@pytest.mark.slow
def test_a_request_becomes_a_full_sphere_in_the_library(data, running):
    write_atomic(data.settings, '[capture]\nsource = "virtual"\n')
    running()
    beats(data, 3)
    assert not photos(data), "nobody asked yet"
    with Library(data) as library:
        # Somebody else's camera photo is in the queue: it is not the answer.
        accept(library, encode_jpeg(np.zeros((64, 128, 3), np.uint8)), origin="camera")
        asked = shutter.ask(data)
        until(lambda: shutter.outcome(library, asked).state != "asked")
    photo = photos(data)[0]
    assert not (data.runtime / shutter.REQUEST).exists()
    with Library(data) as library:
        assert shutter.outcome(library, asked) == shutter.Outcome("taken", photo.photo.token)
        original = library.files(photo.photo.token).original.read_bytes()
    found = read_gpano(original)
    assert found is not None
    assert found.is_full


@pytest.mark.slow
def test_a_folder_named_later_is_taken_up_and_bad_files_are_refused(data, running, tmp_path):
    running()
    card = tmp_path / "card"
    write_atomic(data.settings, f'[capture]\nsource = "folder"\nfolder = "{card}"\n')
    until(lambda: read_fault(data))
    assert "is missing" in (read_fault(data) or "")
    card.mkdir()
    (card / "bad.jpg").write_bytes(b"this is text")
    picture = np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)
    (card / "good.jpg").write_bytes(encode_jpeg(picture))
    until(lambda: photos(data))
    until(lambda: (card / "refused" / "bad.jpg.txt").exists())
    until(lambda: (card / "taken" / "good.jpg").exists())
    assert len(photos(data)) == 1
    assert (card / "refused" / "bad.jpg.txt").read_text().strip().endswith(".")
    assert not read_fault(data)


def peak_mb(from_now: bool = False) -> int:
    """Peak resident memory of this process in MB, over the whole test run unless `from_now`."""
    if from_now:
        Path("/proc/self/clear_refs").write_text("5")
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


@pytest.mark.slow
def test_a_file_larger_than_uploads_may_be_is_refused_by_its_size_and_never_read(data, running, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    with (card / "huge.jpg").open("wb") as file:
        file.write(b"\xff\xd8")
        file.truncate(5 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\xff\xd9")
    write_atomic(data.settings, f'[capture]\nsource = "folder"\nfolder = "{card}"\n')
    before = peak_mb(from_now=True)
    running()
    until(lambda: (card / "refused" / "huge.jpg.txt").exists())
    assert "too large" in (card / "refused" / "huge.jpg.txt").read_text()
    assert peak_mb() - before < 200, "the file has 5 GiB"
    assert not photos(data)


BUSY = [
    sys.executable,
    "-c",
    "import sys, time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass\nsys.exit('no answer')",
]
HUNG = ["sleep", "600"]


def beats_while(data: DataFolder, monkeypatch: pytest.MonkeyPatch, program: list[str]) -> int:
    """How often `accept` reports progress while `program` stands in for the decoder."""
    monkeypatch.setattr(apart, "_command", lambda *_: program)
    beats = []
    with Library(data) as library, pytest.raises(BadInput):
        intake.accept(library, b"\xff\xd8\xff\xe0" + bytes(100), alive=lambda: beats.append(1))
    return len(beats)


@pytest.mark.slow
def test_a_decoder_that_works_long_does_not_stop_the_heartbeat(data, monkeypatch):
    assert beats_while(data, monkeypatch, BUSY) >= 3


@pytest.mark.slow
def test_a_decoder_that_hangs_stops_the_heartbeat_and_is_ended(data, monkeypatch):
    assert STALE_SECONDS["camera"] > apart.STILL_SECONDS
    monkeypatch.setattr(apart, "STILL_SECONDS", 6)
    began = time.monotonic()
    # Its start is work; then there is none.
    assert 1 <= beats_while(data, monkeypatch, HUNG) <= 4
    assert time.monotonic() - began < 60


def test_a_request_of_an_earlier_start_is_forgotten_and_two_at_once_are_one(data):
    asked = shutter.ask(data)
    assert shutter.ask(data) == asked
    assert shutter.take(data) == asked
    assert shutter.ask(data) != asked
    with Library(data) as library:
        assert shutter.outcome(library, asked).state == "asked"
        shutter.forget(data)
        with pytest.raises(BadInput) as caught:
            shutter.outcome(library, asked)
    assert (caught.value.code, caught.value.status) == ("no_such_request", 404)


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("", Pace(False, 0)),
        ("source = 'virtual'", Pace(True, 0)),
        ("source = 'virtual'\ninterval = 60", Pace(True, 60)),
        ("source = 'picamera2'\ninterval = 0.5", Pace(True, 0.5)),
        ("source = 'folder'\nfolder = '/media/card'", Pace(False, 0)),
    ],
)
def test_photos_are_taken_when_asked_by_the_clock_or_as_they_come(text, pace, tmp_path):
    (tmp_path / "settings.toml").write_text(f"[capture]\n{text}\n")
    assert pace_of(load(tmp_path / "settings.toml").capture) == pace


def test_settings_that_make_no_sense_are_reported_and_outlived(data, running):
    data.settings.write_text("capture = 7\n")
    running()
    until(lambda: read_fault(data))
    data.settings.write_text("")
    until(lambda: not read_fault(data))
