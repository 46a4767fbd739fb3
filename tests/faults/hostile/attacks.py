"""What one hostile guest does, attack by attack: `attacks NAME HOST PORT SECONDS SEED TOKEN PHOTOS ADDRESS...`.

Runs in a process (and, where the machine allows, a network namespace) of its own, against one address and port only,
for so many seconds at most, or until SIGTERM. Prints {"sent": bytes} as JSON. Only the standard library, so that it
starts at once.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.hostile.foe import Foe, drain, one_after_another

HEAD = b" HTTP/1.1\r\nHost: kiosk\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'


def pipelined(foe: Foe) -> None:
    one_after_another(foe, b"GET /static/a" + HEAD + b"\r\n")


def pipelined_hundredfold(foe: Foe) -> None:
    one_after_another(foe, b"GET /static/a" + HEAD + b"\r\n", 100)


def description(foe: Foe) -> None:
    one_after_another(foe, b"GET /openapi.json" + HEAD + b"\r\n", 4)


def codes(foe: Foe) -> None:
    one_after_another(foe, b"GET /qr/kiosk.svg" + HEAD + b"\r\n", 20)


def meanings(foe: Foe) -> None:
    """Texts that are as hard to understand as they may be long."""
    one_after_another(foe, b"GET /api/words/meaning?of=" + b",".join([b"flamengo"] * 3) + HEAD + b"\r\n", 20)


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


def bring(foe: Foe, name: str, connections: int) -> None:
    """Bring the photo called `name` again and again, a few at once."""
    photo = (foe.photos / name).read_bytes()
    body = PART + photo + b"\r\n--x--\r\n"
    text = b"POST /api/photos" + HEAD + FORM + b"Content-Length: %d\r\n\r\n" % len(body) + body
    while foe.on:
        for line in list(foe.hold(connections, text)):
            line.settimeout(max(0.05, min(20.0, foe.until - time.monotonic())))
            with contextlib.suppress(OSError):
                line.recv(65536)
            line.close()
        foe.held.clear()


def ordinary_photos(foe: Foe) -> None:
    """Photos like anybody's, as many as the kiosk takes."""
    bring(foe, "photo.jpg", 8)


def swelling_photos(foe: Foe) -> None:
    """Small PNGs that would be kept as hundreds of megabytes."""
    bring(foe, "noise.png", 4)


def many_scans(foe: Foe) -> None:
    """JPEGs of 150 kB that would take a decoder a quarter of a minute."""
    bring(foe, "scans.jpg", 18)


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


REPORTED = (
    pipelined, description, trailers, slow_heads, connections, streams, greedy_room, endless_uploads, promises,
    nonsense, ordinary_photos, swelling_photos, many_scans,
)  # fmt: skip
OURS = (
    pipelined_hundredfold, codes, meanings, viewers, preferences, crumbs, line_ends, churn, deaf, trickled_uploads,
)  # fmt: skip
"""Of the same kinds, thought of afterwards."""
ATTACKS: dict[str, Callable[[Foe], None]] = {one.__name__: one for one in (*REPORTED, *OURS)}


def main(name: str, host: str, port: str, seconds: str, seed: str, token: str, photos: str, *addresses: str) -> None:
    until = time.monotonic() + float(seconds)
    foe = Foe(host, int(port), until, random.Random(int(seed)), list(addresses), token, Path(photos))
    signal.signal(signal.SIGTERM, lambda *_: setattr(foe, "until", 0.0))
    ATTACKS[name](foe)
    print(json.dumps({"sent": foe.sent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
