"""HTTP on a raw socket, changed at random: never a 5xx, never a traceback, and the server goes on.

`--http-mutations N` for more; the full count is 20,000.
"""

from __future__ import annotations

import contextlib
import random
import re
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.storage import DataFolder
from tests.faults.hostile.trial import TREE, server

SEED = 12
HEADERS = (
    b"Accept", b"Accept-Encoding", b"Accept-Language", b"Authorization", b"Cache-Control", b"Connection",
    b"Content-Length", b"Content-Type", b"Content-Encoding", b"Cookie", b"Expect", b"Forwarded", b"Host",
    b"If-Match", b"If-Modified-Since", b"If-None-Match", b"If-Range", b"If-Unmodified-Since", b"Origin", b"Range",
    b"Referer", b"Sec-Fetch-Site", b"TE", b"Trailer", b"Transfer-Encoding", b"Upgrade", b"X-Forwarded-For",
    b"X-Owner-Key",
)  # fmt: skip
VALUES = (
    b"", b"*", b"*/*;q=nan", b"a/b;q=1e999", b'W/"x", "y"', b'"' * 50, b"bytes=0-", b"bytes=-0", b"bytes=5-1,",
    b"bytes=" + b"9" * 60 + b"-", b"Fri, 01 Jan 99999999999 00:00:00 GMT", b"Mon, 31 Feb 2025 25:61:61 +9999",
    b"http://[", b"null", b"Basic ====", b"Basic \xff", b"Bearer", b"Digest username=\"", b"chunked", b"gzip, chunked",
    b"close", b"upgrade", b"websocket", b"100-continue", b"multipart/form-data", b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=\"\xff\"", b"application/json; charset=\xff", b"text/html; charset=nonsense",
    b"a=b; " * 200, b"-1", b"0", b"9" * 400, b"0x10", b"1 1", b"kiosk", b"[::1]", b"[", b"a_b", b"cross-site",
    b"\xff\xfe", b"%00", b"=?utf-8?q?x?=", b"en;q=0.1," * 100,
)  # fmt: skip
PATHS = (
    b"/", b"/api/photos", b"/api/photos?limit=9", b"/api/photos?limit=%ff", b"/api/kiosk", b"/healthz?challenge=00",
    b"/v/%00", b"/v/\xc3\xa9", b"/v/" + b"A" * 22, b"/api/photos/" + b"A" * 22, b"/api/photos/" + b"%ff" * 22,
    b"/photos/" + b"A" * 22 + b"/../../x", b"/photos/" + b"A" * 22 + b"/%2e%2e%2fx", b"/static/landing/landing.js",
    b"/static/..%2f..%2fetc%2fpasswd", b"/qr/kiosk.svg", b"/qr/%.svg", b"/styles/%ff.webp", b"/openapi.json",
    b"/api/capture", b"/operator", b"/metrics", b"/api/capture/%00", b"/?" + b"a&" * 2000, b"/%", b"//evil.example/",
    b"/api/photos/" + b"A" * 22 + b"/room", b"/api/photos/" + b"A" * 22 + b"/events", b"/favicon.ico",
)  # fmt: skip
METHODS = (b"GET", b"GET", b"GET", b"POST", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"TRACE", b"get", b"")
BODIES = (b"", b"{}", b'{"id": 1e999}', b"\xff" * 30, b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"--x\r\n" * 30,
          b'--x\r\nContent-Disposition: form-data; name="photo"; filename="\xff"\r\n\r\n\xff\xd8\r\n--x--\r\n',
          b'--x\r\nContent-Disposition: form-data; name="style"\r\n\r\n\x00\r\n--x--\r\n')  # fmt: skip


def made(chance: random.Random) -> bytes:
    """A request with some headers out of place, and now and then some bytes."""
    body = chance.choice(BODIES)
    fields = [b"Host: kiosk"] if chance.random() < 0.9 else []
    fields += [chance.choice(HEADERS) + b": " + chance.choice(VALUES) for _ in range(chance.randrange(4))]
    if chance.random() < 0.5:
        fields.append(b"Content-Length: %d" % len(body))
    if chance.random() < 0.3:
        fields.append(b"Content-Type: " + chance.choice((b"multipart/form-data; boundary=x", b"application/json")))
    line = chance.choice(METHODS) + b" " + chance.choice(PATHS) + b" HTTP/1." + chance.choice((b"1", b"1", b"0", b"9"))
    text = bytearray(b"\r\n".join([line, *fields, b"", body]))
    for _ in range(chance.choice((0, 0, 1, 3))):
        at = chance.randrange(len(text))
        text[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
    return bytes(text)


@pytest.fixture
def fuzzed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(tmp_path / "runtime"))
    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    with server(data, tmp_path / "log", TREE) as (process, port):
        yield process, port, tmp_path / "log"


def answer(port: int, text: bytes) -> bytes:
    """What comes back until the connection ends, or is silent."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), 20, ("127.0.0.66", 0)) as line, contextlib.suppress(OSError):
        line.sendall(text)
        line.shutdown(socket.SHUT_WR)
        while select.select([line], [], [], 20)[0] and (part := line.recv(65536)):
            said += part
            if b"text/event-stream" in said:
                break
    return said


@pytest.mark.slow
def test_whatever_is_sent_is_answered_without_an_error_of_ours(
    fuzzed: tuple[subprocess.Popen[str], int, Path], request: pytest.FixtureRequest
) -> None:
    process, port, log = fuzzed
    count = request.config.getoption("--http-mutations")
    statuses: dict[bytes, int] = {}
    for number in range(count):
        text = made(random.Random(SEED * 1_000_003 + number))
        said = answer(port, text)
        for status in re.findall(rb"(?:^|\n)HTTP/1\.1 (\d\d\d) ", said):
            statuses[status] = statuses.get(status, 0) + 1
        # /healthz says 503 where no worker runs.
        allowed = b"503" if b"/healthz" in text else b""
        wrong = [one for one in said.split(b"HTTP/1.1 ")[1:] if one[:1] == b"5" and one[:3] != allowed]
        assert not wrong, (number, text, wrong[0][:300])
        assert b"Traceback" not in said
    print(f"\n{count} requests: { ({status.decode(): many for status, many in sorted(statuses.items())}) }")
    assert process.poll() is None
    written = log.read_text(errors="replace")
    assert "Traceback" not in written, written[-3000:]
    assert len(written) < 20_000, written[-2000:]
    assert {b"200", b"400", b"404"} <= set(statuses)
