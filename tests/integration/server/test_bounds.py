"""Hostile HTTP: ambiguous, endless or slow requests are refused without log noise, and harm nobody else."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.library import heartbeat
from kiosk.storage import DataFolder
from tests.waiting import until

POST = b"POST /api/photos HTTP/1.1\r\nHost: kiosk\r\nContent-Type: multipart/form-data; boundary=x\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'


@contextlib.contextmanager
def line(server, client: str = "127.0.0.9") -> Iterator[socket.socket]:
    with socket.create_connection((server.host, server.port), timeout=60, source_address=(client, 0)) as connection:
        yield connection


def answers(server, text: bytes) -> list[int]:
    """The statuses of all responses to `text`, read until the server hangs up or sends nothing more."""
    with line(server) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                said += part
    return [int(piece[:3]) for piece in said.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    "text",
    [
        POST
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhelloGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n",
        b"GET /api/kiosk HTTP/1.1\r\nHost: evil_x.example\r\n\r\n",
        b"GET /api/kiosk HTTP/1.1\r\nHost: evil~x.example\r\n\r\n",
        b"GET /api/kiosk HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /static/landing/landing.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"If-Modified-Since: Fri, 01 Jan 99999999999 00:00:00 GMT\r\n\r\n",
    ],
    ids=["length and chunks", "two lengths", "400 digits", "underscore", "tilde", "no host", "the year 99999999999"],
)
def test_what_is_ambiguous_or_absurd_gets_one_400(server, text: bytes) -> None:
    assert answers(server, text) == [400]


def test_a_hundred_headers_are_too_many(server) -> None:
    text = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(100))
    assert answers(server, text + b"\r\n") == [431]


def test_an_origin_that_is_no_address_is_from_elsewhere(server) -> None:
    answer = server.request("POST", "/api/capture", headers={"Origin": "http://["})
    assert (answer.status, answer.json["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 2000),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(PART), PART), b"1\r\n-\r\n" * 2000),
    ],
    ids=["trailers", "chunks of a byte"],
)
def test_what_never_ends_is_ended(server, start: bytes, piece: bytes) -> None:
    with line(server) as connection:
        connection.sendall(start)
        connection.settimeout(30)
        assert any(hung_up(connection, piece) for _ in range(5000))


def hung_up(connection: socket.socket, piece: bytes) -> bool:
    """Whether the peer has closed the connection after `piece` was sent."""
    try:
        connection.sendall(piece)
        return bool(select.select([connection], [], [], 0)[0]) and not connection.recv(65536)
    except ConnectionError:
        return True


def test_an_answer_on_a_kept_connection_is_one_segment(server) -> None:
    with line(server) as connection:
        before = data_segments(connection)
        for number in range(1, 6):
            connection.sendall(b"GET /api/kiosk HTTP/1.1\r\nHost: x\r\n\r\n")
            said = b""
            while b"upload_mb" not in said:
                said += connection.recv(65536)
            assert data_segments(connection) - before == number


def data_segments(connection: socket.socket) -> int:
    """The number of segments with data received: tcpi_data_segs_in of Linux's tcp_info."""
    return struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 152)[0]


BOUNDED = """
import json, logging, sys
from pathlib import Path
import gevent
from kiosk.server.http import body, handler, head, pulse
head.SECONDS = 1.0
handler.UPLOAD = body.Pace(silence=1.0, grace=2.0, rate=1_000_000, whole=60)
handler.FORM = body.Pace(silence=1.0, grace=1.0, rate=1_000_000, whole=5)
pulse.BEAT_SECONDS, pulse.ANSWER_SECONDS = 0.1, 2.0
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
from gevent.baseserver import BaseServer
logging.basicConfig(level=logging.INFO)
folder = Path(sys.argv[1])

def stick():
    while not (folder / "stuck").exists():
        gevent.sleep(0.05)
    import gc
    for one in gc.get_objects():
        if isinstance(one, BaseServer):
            one.stop_accepting()

gevent.spawn(stick)
serve(create_app(DataFolder(folder)), "127.0.0.1", 0, on_ready=lambda *ports: print(json.dumps(ports), flush=True))
"""


class Impatient:
    """A server with timeouts of a second or two."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.data = DataFolder(folder / "data")
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", BOUNDED, str(self.data.root)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "DREAMKIOSK_RUNTIME": str(folder / "runtime")},
            )
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())[0]


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Impatient]:
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(tmp_path / "runtime"))
    (tmp_path / "data").mkdir()
    server = Impatient(tmp_path)
    yield server
    server.process.terminate()
    server.process.wait(60)
    assert server.process.stdout is not None
    server.process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "drip"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X"),
        (POST + b"Content-Length: 900000\r\n\r\n" + PART, b"\xff"),
        (POST + b"Content-Length: 900000\r\n\r\n" + PART, b""),
        (b"POST /api/photos/%b/room HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{" % (b"A" * 22), b" "),
    ],
    ids=["head", "upload", "silence", "form"],
)
def test_what_comes_too_slowly_is_refused(impatient: Impatient, start: bytes, drip: bytes) -> None:
    with line(impatient) as connection:
        connection.sendall(start)
        said = b""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if select.select([connection], [], [], 0.1)[0]:
                said = connection.recv(65536)
                break
            connection.sendall(drip)
        assert b" 408 " in said.partition(b"\r\n")[0], said[:200]
        assert b'"too_slow"' in said
    assert not any(impatient.data.spool.iterdir())


@pytest.mark.slow
def test_a_server_that_takes_no_connections_shows_no_life(impatient: Impatient) -> None:
    until(lambda: (heartbeat.age(impatient.data, "server") or 99) < 1)
    (impatient.data.root / "stuck").touch()
    until(lambda: (heartbeat.age(impatient.data, "server") or 0) > 5)


@pytest.mark.slow
def test_nothing_that_a_stranger_writes_is_in_the_log(impatient: Impatient) -> None:
    requests = [
        b"GET /%1b%5b2J%0aserver%20%7c%20all%20is%20well HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\x1b]0;owned\x07 / HTTP/1.1\r\n\r\n",
        b"\x1bOWNED / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v/forgedforgedforgedforg HTTP/1.1\r\nHost: x\r\nX: \x1b[31m\r\n\r\n",
        POST + b"Content-Length: 1000000000000000\r\n\r\n",
        b"POST /api/capture HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nOrigin: http://[\r\nConnection: close\r\n\r\n",
    ]
    for _ in range(20):
        for text in requests:
            assert all(status < 500 for status in answers(impatient, text))
    said = impatient.log.read_bytes()
    assert len(said) < 20_000, said[-2000:]
    assert b"\x1b" not in said
    assert b"Traceback" not in said
    for word in (b"owned", b"OWNED", b"all is well", b"forged", b"127.0.0.9"):
        assert word not in said
