"""A full disk: guests are told, nothing is lost, and everything works again once there is room."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kiosk.library import heartbeat
from kiosk.library.files import PhotoFiles
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Image as Record
from kiosk.pipeline.previews import Previews
from kiosk.settings import Retention
from kiosk.storage import DataFolder

pytestmark = pytest.mark.slow

MEGABYTES = 24


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real file system of MEGABYTES."""
    if os.getuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let us mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Write a file that leaves `leave` bytes free."""
    filler = folder / "filler"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with filler.open("wb") as file:
        file.write(b"\0" * max(0, free - leave))
    return filler


def settings(folder: Path, reserve_gb: float) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(f"[retention]\nreserve_gb = {reserve_gb}\n")


@pytest.mark.parametrize("free", [0, 100_000, 2_000_000])
def test_uploads_are_refused_and_nothing_is_lost(start_server, small_disk: Path, photo_bytes: bytes, free: int):
    data = DataFolder(small_disk / f"data-{free}")
    settings(data.root, 0)
    server = start_server(data)
    kept = server.upload(photo_bytes).json
    filler = fill(small_disk, free)
    try:
        refused = server.upload(photo_bytes + b"\0" * 4_000_000)
        assert refused.status == 507, refused.body
        assert set(refused.json) == {"error", "message"}
        assert "Traceback" not in refused.json["message"]
        assert not any(data.spool.iterdir())
        assert server.get(kept["status_url"]).json["state"] == "received"
        assert server.get(f"/photos/{kept['token']}/original.jpg").status == 200
    finally:
        filler.unlink()
    assert server.upload(photo_bytes).status == 201
    assert server.stop() == 0


def test_what_is_there_can_be_deleted_when_the_disk_is_full(start_server, small_disk: Path) -> None:
    data = DataFolder(small_disk / "data-delete")
    settings(data.root, 0)
    server = start_server(data)
    picture = io.BytesIO()
    Image.effect_noise((1024, 512), 90).convert("RGB").save(picture, "JPEG")
    brought = server.upload(picture.getvalue())
    assert brought.status == 201, brought.body
    kept = brought.json
    filler = fill(small_disk, 0)
    try:
        answer = server.request("DELETE", kept["status_url"], headers={"X-Owner-Key": kept["owner_key"]})
        assert answer.status == 204
        assert not (data.photos / kept["token"]).exists()
    finally:
        filler.unlink()


def test_the_oldest_photos_that_are_ready_make_room(start_server, small_disk: Path) -> None:
    data = DataFolder(small_disk / "data-room")
    settings(data.root, 0)
    server = start_server(data)
    picture = io.BytesIO()
    Image.effect_noise((1024, 512), 90).convert("RGB").save(picture, "JPEG")
    photos = [server.upload(picture.getvalue()).json for _ in range(4)]
    with Library(data) as library:
        for _ in range(3):
            library.jobs.finish(library.jobs.lease("worker"))
    filler = fill(small_disk, len(picture.getvalue()) * 3)
    try:
        assert server.upload(picture.getvalue()).status == 201
        states = [server.get(photo["status_url"]).status for photo in photos]
        assert states[0] == 404
        # A photo that waits to be dreamed is never evicted.
        assert states[3] == 200
    finally:
        filler.unlink()


def test_the_reserve_is_left_free_and_health_says_so(start_server, small_disk: Path, photo_bytes: bytes) -> None:
    data = DataFolder(small_disk / "data-reserve")
    settings(data.root, 1.0)
    server = start_server(data)
    refused = server.upload(photo_bytes)
    assert (refused.status, refused.json["error"]) == (507, "disk_full")
    health = server.get("/healthz")
    assert health.status == 503
    assert any("disk" in problem for problem in health.json["problems"])


def test_signs_of_life_go_on_and_previews_do_without_where_memory_is_full(
    data: DataFolder, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(small_disk / "runtime"))
    data.prepare()
    frame = np.random.default_rng(0).integers(0, 256, (512, 1024, 3), np.uint8)
    announced: list[Record] = []

    def announce(image: Record, put: Callable[[], None]) -> None:
        put()
        announced.append(image)

    previews = Previews(PhotoFiles(data, "A" * 22), announce, 1.0)
    heartbeat.beat(data, "worker")
    filler = fill(small_disk, 0)
    try:
        before = heartbeat.path(data, "worker").read_bytes()
        heartbeat.beat(data, "worker")
        assert heartbeat.path(data, "worker").read_bytes() != before
        assert heartbeat.age(data, "worker") is not None
        previews.show(frame)
        assert announced == []
    finally:
        filler.unlink()
    previews.show(frame)
    assert [image.name for image in announced] == ["previews/0.jpg"]
    assert [path.name for path in PhotoFiles(data, "A" * 22).previews.iterdir()] == ["0.jpg"]


def test_photos_that_somebody_still_reads_are_no_reason_for_all_others_to_go(
    data: DataFolder, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open file keeps its disk space until it is closed."""
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(small_disk.parent / "runtime-read"))
    picture = io.BytesIO()
    Image.effect_noise((1024, 512), 90).convert("RGB").save(picture, "JPEG")
    size = len(picture.getvalue())
    with Library(DataFolder(small_disk / "data-read"), Retention(hours=0, reserve_gb=0)) as library:
        tokens = [accept(library, picture.getvalue()).token for _ in range(10)]
        for _ in tokens:
            library.jobs.finish(library.jobs.lease("worker"))
        filler = fill(small_disk, 3 * size)
        try:
            with contextlib.ExitStack() as reading:
                for token in tokens:
                    reading.enter_context(library.files(token).original.open("rb"))
                accept(library, picture.getvalue())
            states = [library.photo(token).state for token in tokens]
        finally:
            filler.unlink()
    # The new photo needs room for four; two are free besides the bytes received.
    assert states == ["expired"] * 2 + ["ready"] * 8
