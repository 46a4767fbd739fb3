"""A guest's photo is private: its token is in no listing, event, log or page that others get."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.library import boot, schema
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.upkeep.rescue import rescue
from kiosk.ops.child import WithoutTokens
from kiosk.storage import DataFolder

SERVE = """
import logging, sys
from pathlib import Path
from kiosk.ops.child import set_up_log
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
set_up_log(logging.DEBUG)
app = create_app(DataFolder(Path(sys.argv[1])))
serve(app, "127.0.0.1", 0, on_ready=lambda *ports: print(ports[0], flush=True))
"""
PAGES = (
    "/", "/booth", "/api/kiosk", "/openapi.json", "/healthz", "/metrics", "/qr/kiosk.svg", "/static/booth/booth.js",
)  # fmt: skip


@pytest.fixture
def logged(data: DataFolder, tmp_path: Path, client_of):
    """A server whose log is kept, at the most verbose level."""
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(data.root)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        server = client_of(data, process, int(process.stdout.readline()))
        server.log = tmp_path / "log"
        yield server
        if process.poll() is None:
            server.stop()
        process.stdout.close()


def finish(library: Library, token: str) -> None:
    job = library.jobs.lease(f"worker {token}")
    assert job is not None
    assert job.token == token
    library.jobs.finish(job)


@pytest.mark.slow
def test_nobody_is_told_of_a_guests_photo(logged, photo_bytes: bytes) -> None:
    server = logged
    (server.data.runtime / "worker.heartbeat").write_text(f"{boot.identity()} {boot.now()}\n")
    big_screen, gallery = server.events("/api/events"), server.events("/api/photos/events")
    heard = [next(big_screen)[1], next(gallery)[1]]
    guests = []
    with Library(server.data) as library:
        for fields in ({}, {"show": "no"}):
            guests.append(server.upload(photo_bytes, **fields).json["token"])
            finish(library, guests[-1])
        guests.append(server.upload(photo_bytes).json["token"])
        job = library.jobs.lease("worker")
        library.jobs.progress(job, "dreaming", 0.4, 9.0)
        own = accept(library, photo_bytes, origin="camera").token
        guests.append(server.upload(photo_bytes).json["token"])
        agreed = server.upload(photo_bytes, show="yes").json["token"]
        folder = accept(library, photo_bytes, origin="folder").token
        for token in (own, guests[-1], agreed, folder):
            finish(library, token)
    for stream in (big_screen, gallery):
        for _, data in stream:
            heard.append(data)
            if len(data["photos"]) == 3:
                break
    assert [photo["token"] for photo in heard[-1]["photos"]] == [folder, agreed, own]

    listed = server.get("/api/photos?limit=100")
    assert [photo["token"] for photo in listed.json["photos"]] == [folder, agreed, own]
    seen = [json.dumps(heard), listed.body.decode()]
    for path in PAGES:
        answer = server.get(path)
        assert answer.status == 200, path
        seen.append(answer.body.decode() + str(answer.headers))
    seen.append(log_of_a_bad_day(server, guests))
    assert " failed" in seen[-1], "the log tells of what went wrong"
    assert "Too many levels" in seen[-1]
    for token in guests:
        for text in seen:
            assert token not in text


def log_of_a_bad_day(server, tokens: list[str]) -> str:
    """The server's log when photos' files cannot be read, clients send garbage, and it stops."""
    for token in tokens:
        original = server.data.photos / token / "original.jpg"
        original.unlink()
        original.symlink_to(original)
        for name in (f"photos/{token}/original.jpg", f"photos/{token}/none.jpg", f"v/{token}/x", f"qr/{token}.svg"):
            server.get(f"/{name}")
        assert server.get(f"/photos/{token}/original.jpg").status == 500
        with socket.create_connection(("127.0.0.1", server.port), 20) as line:
            line.sendall(f"GET /v/{token} HTTP/nonsense\r\n\r\n".encode())
            line.recv(100)
    assert server.stop() == 0
    return server.log.read_text()


def test_a_wish_to_show_that_cannot_be_understood_is_refused(server, photo_bytes: bytes) -> None:
    answer = server.upload(photo_bytes, show="perhaps")
    assert (answer.status, answer.json["error"]) == (400, "bad_show")


def test_who_rescues_photos_does_not_publish_them(data: DataFolder, photo_bytes: bytes) -> None:
    with Library(data) as library:
        accept(library, photo_bytes)
    for part in data.root.glob("library.sqlite*"):
        part.unlink()
    rescue(data)
    with Library(data) as library:
        (found,) = library.everything()
        assert found.photo.shown is False


def test_an_older_kiosks_photos_are_shown_where_its_camera_took_them(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:3])
        schema.prepare(data.prepare().database)
    with contextlib.closing(schema.connect(data.database)) as connection:
        for number, source in enumerate(("upload", "camera", "folder")):
            connection.execute(
                "INSERT INTO photos (token, owner_hash, state, source, width, height, created, changed) "
                "VALUES (?, x'00', 'failed', ?, 8, 4, 0, 0)",
                (f"{number:022}", source),
            )
    with Library(data) as library:
        told = [(one.photo.source, one.photo.shown) for one in library.everything()]
    assert told == [("folder", True), ("camera", True), ("upload", False)]


def test_a_line_of_the_log_names_no_photo() -> None:
    token = "Ab_" + "x" * 19
    formatter = WithoutTokens("%(message)s")
    try:
        open(f"/nowhere/photos/{token}/original.jpg")  # noqa: PTH123, SIM115
    except OSError as error:
        record = logging.LogRecord("kiosk", logging.ERROR, "", 0, "photo %s: %s", (7, error), sys.exc_info())
    said = formatter.format(record)
    assert token not in said
    assert "photos/.../original.jpg" in said
    assert "Traceback" in said
