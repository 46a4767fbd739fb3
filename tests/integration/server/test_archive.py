"""The operator's ZIP through a real server: valid even if photos are deleted meanwhile, and resumable."""

from __future__ import annotations

import http.client
import io
import os
import shutil
import subprocess
import threading
import time
import zipfile
from pathlib import Path

import pytest

from kiosk.library.library import Library
from kiosk.server import archive
from kiosk.server.app import create_app
from kiosk.server.operator import frame, photos
from kiosk.storage import DataFolder
from tests.waiting import until

PATH = "/operator/photos.zip"
PADDING = 3_000_000
"""Bytes behind each picture, so that an archive is much more than what sockets hold back."""


@pytest.fixture
def kiosk(start_server, photo_bytes: bytes):
    """(server, its library, tokens of six ready photos, oldest first)."""
    server = start_server(uploads_per_address="1000 per second")
    library = Library(server.data)
    tokens = []
    for _ in range(6):
        tokens.append(server.upload(photo_bytes).json["token"])
        files = library.files(tokens[-1])
        for path in (files.dream, files.upscaled):
            path.write_bytes(photo_bytes + os.urandom(PADDING))
        library.jobs.finish(library.jobs.lease("worker"))
    return server, library, tokens


def begin(server) -> tuple[http.client.HTTPResponse, bytes]:
    """A download of which only the first bytes have been read."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request("GET", PATH)
    response = connection.getresponse()
    return response, response.read(1000)


def whole(packed: bytes, photos: int) -> list[str]:
    opened = zipfile.ZipFile(io.BytesIO(packed))
    assert opened.testzip() is None
    names = opened.namelist()
    assert len(names) == 3 * photos
    for stem in {name.rsplit("_", 1)[0] for name in names}:
        assert {f"{stem}_{part}.jpg" for part in ("original", "dream", "upscaled")} <= set(names)
    return names


def stored_bytes(server) -> int:
    """What pictures take on the disk, wherever they are; a file with two names counts twice."""
    return sum(path.stat().st_size for path in server.data.root.rglob("*") if path.suffix == ".jpg")


@pytest.mark.slow
def test_a_photo_that_goes_during_the_download_leaves_the_disk_at_once_and_the_archive_opens(kiosk) -> None:
    server, library, tokens = kiosk
    before = stored_bytes(server)
    response, head = begin(server)
    assert stored_bytes(server) == before
    for token in tokens[:3]:
        library.remove(token)
    # The files are removed at once, even during the download.
    assert stored_bytes(server) < before * 0.6
    received = head + response.read()
    assert len(received) == int(response.headers["Content-Length"])
    # Newest first: the oldest photos were deleted before their turn in the archive.
    names = whole(received, 3)
    assert len({name.rsplit("_", 1)[0] for name in names}) == 3
    whole(server.get(PATH).body, 3)


@pytest.mark.slow
def test_other_programs_open_an_archive_with_a_gap(kiosk, tmp_path: Path) -> None:
    server, library, tokens = kiosk
    if not shutil.which("unzip"):
        pytest.skip("there is no unzip here")
    response, head = begin(server)
    library.remove(tokens[1])
    (tmp_path / "dreams.zip").write_bytes(head + response.read())
    done = subprocess.run(["unzip", "-t", "dreams.zip"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("OK") == 3 * 5


@pytest.mark.slow
def test_a_photo_that_has_begun_is_whole_though_it_is_deleted(kiosk) -> None:
    server, library, tokens = kiosk
    response, head = begin(server)
    library.remove(tokens[-1])
    whole(head + response.read(), 6)


@pytest.mark.slow
def test_an_archive_with_64_bit_records_opens(kiosk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives over 4 GB use 64-bit records; here the limit is lowered to the third photo."""
    _, library, tokens = kiosk
    monkeypatch.setattr(archive, "FAR", 4 * PADDING)
    packed = archive.Archive(library)
    library.remove(tokens[0])
    path = tmp_path / "dreams.zip"
    path.write_bytes(b"".join(packed.chunks(0, packed.size)))
    assert path.stat().st_size == packed.size
    whole(path.read_bytes(), 5)
    assert b"PK\x06\x06" in path.read_bytes()[-200:]
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tq", str(path)], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_photo_whose_files_are_half_gone_is_not_in_it_at_all(kiosk) -> None:
    server, library, tokens = kiosk
    library.files(tokens[2]).upscaled.unlink()
    whole(server.get(PATH).body, 5)


@pytest.mark.slow
def test_a_download_that_broke_off_is_resumed_where_nothing_changed(kiosk) -> None:
    server, library, tokens = kiosk
    first = server.get(PATH)
    etag, length = first.headers["ETag"], len(first.body)
    for start in (0, 1000, length // 2, length - 1):
        rest = server.get(PATH, {"Range": f"bytes={start}-", "If-Range": etag})
        assert rest.status == (206 if start else 200)
        assert rest.body == first.body[start:]
        if start:
            assert rest.headers["Content-Range"] == f"bytes {start}-{length - 1}/{length}"
    assert server.get(PATH, {"Range": f"bytes={length}-", "If-Range": etag}).status == 416
    library.remove(tokens[0])
    again = server.get(PATH, {"Range": "bytes=1000-", "If-Range": etag})
    assert again.status == 200
    whole(again.body, 5)


@pytest.mark.slow
def test_a_range_of_another_kind_gets_the_whole(kiosk) -> None:
    server, _, _ = kiosk
    length = len(server.get(PATH).body)
    for unheard in ("bytes=0-9,20-29", "photos=1-2"):
        answer = server.get(PATH, {"Range": unheard})
        assert (answer.status, len(answer.body)) == (200, length)


@pytest.mark.slow
def test_a_download_that_is_given_up_lets_go_of_its_files(kiosk) -> None:
    server, _, _ = kiosk

    def held() -> list[str]:
        links = Path(f"/proc/{server.process.pid}/fd").iterdir()
        return [target for link in links if (target := os.path.realpath(link)).endswith(".jpg")]

    response, _ = begin(server)
    assert held()
    response.close()
    until(lambda: not held(), held)
    assert not any(server.data.spool.iterdir())


@pytest.mark.slow
def test_the_operators_long_page_is_written_off_the_event_loop(data: DataFolder, monkeypatch) -> None:
    with Library(data) as library, library.writing() as connection:
        connection.execute(
            """INSERT INTO photos (token, owner_hash, state, source, width, height, created, changed)
               VALUES (?, x'00', 'ready', 'upload', 2048, 1024, 0, 0)""",
            ("A" * 22,),
        )
    app, threads = create_app(data, testing=True), []
    # A function that only this page calls, for each photo of it.
    real = photos.status_body
    monkeypatch.setattr(photos, "status_body", lambda one: threads.append(threading.get_ident()) or real(one))
    real_clock = time.strftime
    monkeypatch.setattr(frame.time, "strftime", lambda *a: threads.append(threading.get_ident()) or real_clock(*a))
    page = app.test_client().get("/operator/photos")
    assert page.status_code == 200
    assert b"A" * 22 in page.data
    assert len(threads) >= 2
    assert threading.get_ident() not in threads
