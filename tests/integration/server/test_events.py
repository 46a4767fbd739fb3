"""Server-sent events over real sockets."""

from __future__ import annotations

import itertools
import socket
import sqlite3
import statistics
import time

import gevent
import pytest

from kiosk.library.database import Watch
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Image
from kiosk.server.live import broadcast
from kiosk.server.live.broadcast import REFRESH_SECONDS, _events
from kiosk.server.live.screen import Screen
from kiosk.storage import DataFolder
from tests.waiting import LONGEST, until


@pytest.fixture
def library(server) -> Library:
    return Library(server.data)


def bring(server, photo_bytes: bytes, **fields: str) -> dict:
    answer = server.upload(photo_bytes, **fields)
    assert answer.status == 201
    return answer.json


def take(stream, wanted: str | None, where) -> dict:
    """The data of the next `wanted` event (None: of any kind) for which `where` is true."""
    for event, data in stream:
        if wanted in (None, event) and where(data):
            return data
    raise AssertionError("the stream ended")


@pytest.mark.slow
def test_a_phone_hears_a_photos_whole_life(server, library: Library, photo_bytes: bytes) -> None:
    created = bring(server, photo_bytes)
    stream = server.events(created["status_url"] + "/events")
    event, first = next(stream)
    assert (event, first["state"], first["token"]) == ("state", "received", created["token"])
    job = library.jobs.lease("worker")
    assert job.token == created["token"]
    take(stream, "state", lambda data: data["state"] == "dreaming")
    library.jobs.progress(job, "dreaming", 0.2, 9.0)
    told = take(stream, "progress", lambda data: data["progress"] == 0.2)
    assert 0 < told["eta_seconds"] <= 9
    library.jobs.add_images(job, [Image("preview", "previews/0.jpg", 64, 32)])
    told = take(stream, "preview", lambda data: data["images"]["previews"])
    assert told["images"]["previews"] == [f"/photos/{created['token']}/previews/0.jpg"]
    library.jobs.progress(job, "upscaling", 0.7)
    take(stream, "state", lambda data: data["state"] == "upscaling")
    library.jobs.finish(job)
    told = take(stream, "state", lambda data: data["state"] == "ready")
    assert told["progress"] == 1
    server.request("DELETE", created["status_url"], headers={"X-Owner-Key": created["owner_key"]})
    take(stream, "state", lambda data: data["state"] == "deleted")


def test_a_first_preview_is_heard_though_it_comes_with_its_state(server, library: Library, photo_bytes: bytes) -> None:
    created = bring(server, photo_bytes)
    before = library.status(created["token"])
    job = library.jobs.lease("worker")
    library.jobs.add_images(job, [Image("preview", "previews/0.jpg", 64, 32)])
    now = library.status(created["token"])
    assert _events(before, now) == ["state", "preview"]
    assert _events(now, now) == []
    library.jobs.finish(job)
    assert _events(now, library.status(created["token"])) == ["state"]


@pytest.mark.slow
@pytest.mark.alone
def test_an_event_arrives_soon_after_it_happened(server, library: Library, photo_bytes: bytes) -> None:
    created = bring(server, photo_bytes)
    stream = server.events(created["status_url"] + "/events")
    next(stream)
    job = library.jobs.lease("worker")
    delays = []
    # Without being told of commits, the poller would look every REFRESH_SECONDS only.
    for step in range(8):
        started = time.monotonic()
        library.jobs.add_images(job, [Image("preview", f"previews/{step}.jpg", 64, 32)])
        take(stream, None, lambda data: len(data["images"]["previews"]) > step)  # noqa: B023
        delays.append(time.monotonic() - started)
    assert statistics.median(delays) < REFRESH_SECONDS / 2
    library.jobs.finish(job)


def test_the_big_screen_hears_of_new_dreams(server, library: Library, photo_bytes: bytes) -> None:
    stream = server.events("/api/events")
    event, _ = next(stream)
    assert event == "latest"
    created = bring(server, photo_bytes, show="yes")
    job = library.jobs.lease("worker")
    library.jobs.finish(job)
    told = take(stream, "latest", lambda data: data["photos"][0]["token"] == created["token"])
    assert told["photos"][0]["state"] == "ready"


def test_forty_phones_watch_and_leave_and_the_server_forgets_them(server, library: Library, photo_bytes: bytes) -> None:
    created = bring(server, photo_bytes)
    request = f"GET {created['status_url']}/events HTTP/1.1\r\nHost: kiosk\r\n\r\n".encode()
    phones = [socket.create_connection((server.host, server.port), timeout=LONGEST) for _ in range(40)]
    for phone in phones:
        phone.sendall(request)
    for phone in phones:
        read_until(phone, b"event: state")
    assert listeners(server) >= 40
    job = library.jobs.lease("worker")
    for phone in phones:
        read_until(phone, b'"state":"dreaming"')
    for phone in phones:
        phone.close()
    # A phone that left is noticed when something is sent to it.
    numbers = itertools.count()

    def told_and_left() -> bool:
        library.jobs.progress(job, "dreaming", next(numbers) % 100 / 100, 1.0)
        return listeners(server) < 10

    until(told_and_left, lambda: listeners(server))
    library.jobs.finish(job)


def read_until(phone: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        piece = phone.recv(65536)
        assert piece, "the stream ended"
        received += piece
    return received


def listeners(server) -> float:
    line = next(
        line for line in server.get("/metrics").body.decode().splitlines() if line.startswith("dreamkiosk_listeners")
    )
    return float(line.split()[1])


def test_the_raw_stream_is_what_event_source_expects(server, photo_bytes: bytes) -> None:
    created = bring(server, photo_bytes)
    with socket.create_connection((server.host, server.port), timeout=LONGEST) as phone:
        phone.sendall(f"GET {created['status_url']}/events HTTP/1.1\r\nHost: kiosk\r\n\r\n".encode())
        received = read_until(phone, b"event: state\ndata: {")
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"Content-Type: text/event-stream" in head
    assert b"Cache-Control: no-store" in head
    assert b"retry: 2000\n\n" in body


@pytest.fixture(scope="module")
def brisk(start_server):
    """A server that says after a second, not fifteen, that it lives."""
    return start_server(constants={"kiosk.server.live.listener.HEARTBEAT_SECONDS": 1.0})


@pytest.mark.slow
def test_a_silent_stream_shows_that_it_lives(brisk) -> None:
    with socket.create_connection((brisk.host, brisk.port), timeout=LONGEST) as phone:
        phone.sendall(b"GET /api/events HTTP/1.1\r\nHost: kiosk\r\n\r\n")
        read_until(phone, b": still here\nevent: ping\ndata: {}\n\n")


@pytest.mark.slow
def test_a_silent_photo_says_how_it_still_is(brisk, photo_bytes: bytes) -> None:
    created = bring(brisk, photo_bytes)
    stream = brisk.events(created["status_url"] + "/events")
    assert next(stream)[0] == "state"
    event, data = next(stream)
    assert (event, data) == ("progress", brisk.get(created["status_url"]).json)


def test_events_of_no_photo_are_404(server) -> None:
    answer = server.get("/api/photos/" + "x" * 22 + "/events")
    assert answer.status == 404
    assert answer.json["error"] == "no_such_photo"


@pytest.mark.slow
def test_a_server_that_stops_ends_its_streams(start_server, photo_bytes: bytes) -> None:
    server = start_server()
    created = bring(server, photo_bytes)
    stream = server.events(created["status_url"] + "/events")
    next(stream)
    server.process.terminate()
    assert list(stream) == []
    assert server.process.wait(LONGEST) == 0


def test_asking_only_for_the_head_leaves_no_listener(server) -> None:
    before = listeners(server)
    for _ in range(3):
        assert server.request("HEAD", "/api/events").status == 200
    # Others, of earlier tests, may leave meanwhile.
    until(lambda: listeners(server) <= before, lambda: listeners(server))


def test_the_stream_lives_though_the_library_could_not_be_watched_at_first(
    data: DataFolder, photo_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter(
        [sqlite3.OperationalError("unable to open database file"), sqlite3.OperationalError("disk I/O error")]
    )

    class Failing(Watch):
        def __init__(self, library: Library) -> None:
            super().__init__(library)
            for fault in faults:
                raise fault

    monkeypatch.setattr(broadcast, "Watch", Failing)
    monkeypatch.setattr(broadcast, "FIRST_WAIT", 0.01)
    with Library(data) as own:
        token = accept(own, photo_bytes).token
        it = broadcast.Broadcast(own, Screen(own, False))
        with it.watching(token, "127.0.0.1") as listener, gevent.Timeout(LONGEST):
            parts = listener.stream()
            heard = [next(parts), next(parts)]
            job = own.jobs.lease("worker")
            while "dreaming" not in heard[-1]:
                heard.append(next(parts))
            own.jobs.release(job)
            while "waiting" not in heard[-1]:
                heard.append(next(parts))
        assert next(faults, None) is None, "both were met"
