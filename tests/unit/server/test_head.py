"""The head of a request: an unambiguous request passes, everything else is refused with the right status."""

from __future__ import annotations

import io
import random

import pytest

from kiosk.server.http import head

GOOD = b"GET /v/abc?x=%20 HTTP/1.1\r\nHost: 192.168.4.1:8360\r\nAccept: */*\r\n\r\n"


def read(text: bytes) -> list[bytes]:
    return head.read(io.BufferedReader(io.BytesIO(text)))  # type: ignore[arg-type]


def request(*fields: bytes, line: bytes = b"POST /api/photos HTTP/1.1", host: bytes = b"Host: kiosk") -> bytes:
    return b"\r\n".join([line, host, *fields, b"", b""])


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        b"\r\n" + GOOD,
        b"GET / HTTP/1.0\r\n\r\n",
        request(b"Content-Length: 12"),
        request(b"Transfer-Encoding: chunked"),
        request(host=b"Host: [fe80::1]:8360"),
        request(host=b"Host: dream-kiosk.local"),
        request(b"User-Agent: M\xc3\xb6bius\t(phone)"),
        request(b"X-Empty:"),
    ],
    ids=repr,
)
def test_what_is_plainly_one_request_passes(text: bytes) -> None:
    assert read(text + b"rest")[0].split()[0] in (b"GET", b"POST")


def test_nothing_is_no_request() -> None:
    assert read(b"") == []
    assert read(GOOD[:-2]) == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (GOOD.replace(b"\r\n", b"\n"), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (request(b"X: " + b"a" * 20000), 431),
        (request(*[b"X-%d: 1" % number for number in range(100)]), 431),
        (request(*[b"X-%d: " % number + b"a" * 1000 for number in range(30)]), 431),
        (request(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
        (request(b"Content-Length: 5", b"Content-Length: 5"), 400),
        (request(b"Content-Length: " + b"9" * 400), 400),
        (request(b"Content-Length: -5"), 400),
        (request(b"Content-Length: +5"), 400),
        (request(b"Content-Length: 5, 5"), 400),
        (request(b"Transfer-Encoding: gzip, chunked"), 400),
        (request(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0"), 400),
        (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
        (request(b"Content-Length : 5"), 400),
        (request(b" folded"), 400),
        (request(b"X: a\rb"), 400),
        (request(b"X: a\x00b"), 400),
        (request(b"X: a\x1b[31mb"), 400),
        (request(b": nameless"), 400),
        (request(b"Host: other"), 400),
        (request(host=b"Host:"), 400),
        (request(host=b"Host: evil_x.example"), 400),
        (request(host=b"Host: evil~x.example"), 400),
        (request(host=b"Host: a b"), 400),
        (request(host=b"Host: [::1"), 400),
        (request(host=b"Host: user@kiosk"), 400),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_everything_else_is_refused(text: bytes, status: int) -> None:
    with pytest.raises(head.Refused) as refused:
        read(text)
    assert refused.value.status == status


def test_whatever_is_changed_in_a_head_it_passes_or_is_refused() -> None:
    chance = random.Random(12)
    good = request(b"Content-Length: 5", b"Accept: text/html", b'If-None-Match: "x"')
    statuses = set()
    for _ in range(3000):
        text = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(text))
            text[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        statuses.add(_status(bytes(text)))
    assert statuses <= {200, 400, 414, 431}
    assert {200, 400} <= statuses


def _status(text: bytes) -> int:
    try:
        read(text)
    except head.Refused as refused:
        return refused.status
    return 200
