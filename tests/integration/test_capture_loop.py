"""The camera process: requests, heartbeats, faults, and photos that reach the library."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from kiosk.capture.loop import FAULT, NAME, REQUEST, request_photo, run_camera
from kiosk.library import heartbeat
from kiosk.library.library import Library
from kiosk.sphere.gpano import encode_jpeg, read_gpano
from kiosk.storage import DataFolder, write_atomic


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
        until(lambda: heartbeat.age(data, NAME) is not None)

    yield start
    stop.set()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def photos(data: DataFolder):
    with Library(data) as library:
        return library.everything()


def test_without_a_source_it_only_says_that_it_is_alive(data, running):
    running()
    request_photo(data)
    before = heartbeat.path(data, NAME).read_bytes()
    until(lambda: heartbeat.path(data, NAME).read_bytes() != before)
    assert not photos(data)


@pytest.mark.slow
def test_a_request_becomes_a_full_sphere_in_the_library(data, running):
    write_atomic(data.settings, '[capture]\nsource = "virtual"\n')
    running()
    time.sleep(0.3)
    assert not photos(data), "nobody asked yet"
    request_photo(data)
    until(lambda: photos(data), 120)
    (photo,) = photos(data)
    assert not (data.runtime / REQUEST).exists()
    with Library(data) as library:
        original = library.files(photo.photo.token).original.read_bytes()
    found = read_gpano(original)
    assert found is not None
    assert found.is_full


def test_a_folder_named_later_is_taken_up_and_bad_files_are_refused(data, running, tmp_path):
    running()
    card = tmp_path / "card"
    write_atomic(data.settings, f'[capture]\nsource = "folder"\nfolder = "{card}"\n')
    until(lambda: (data.runtime / FAULT).exists())
    assert "not there" in (data.runtime / FAULT).read_text()
    card.mkdir()
    (card / "bad.jpg").write_bytes(b"this is text")
    picture = np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8)
    (card / "good.jpg").write_bytes(encode_jpeg(picture))
    until(lambda: photos(data))
    until(lambda: (card / "refused" / "bad.jpg.txt").exists())
    until(lambda: (card / "taken" / "good.jpg").exists())
    assert len(photos(data)) == 1
    assert (card / "refused" / "bad.jpg.txt").read_text().strip().endswith(".")
    assert not (data.runtime / FAULT).exists()


def test_settings_that_make_no_sense_are_reported_and_outlived(data, running):
    data.settings.write_text("capture = 7\n")
    running()
    until(lambda: (data.runtime / FAULT).exists())
    data.settings.write_text("")
    until(lambda: not (data.runtime / FAULT).exists())
