"""Reads and validates the head of a request before anything else parses it.

Refuses whatever two programs could parse differently (request smuggling): a Content-Length that is repeated or comes
with Transfer-Encoding, folded lines, bare line feeds, invalid field names. Refuses heads that are too long or too slow,
so a head costs little whatever is sent. (RFC 9110 and 9112.)
"""

from __future__ import annotations

import re
from io import BufferedReader

import gevent

SECONDS = 15.0
"""From a request's first byte to the end of its head."""
LINE_BYTES = 8000
HEAD_BYTES = 16 * 1024
FIELDS = 64

_REQUEST = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# If one of these is repeated, it is ambiguous which one counts.
_ONCE = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"origin")


class Refused(ValueError):
    """The head is refused with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with status {status}")
        self.status = status


class TooSlow(gevent.Timeout):
    """The head did not arrive in SECONDS."""


def read(file: BufferedReader) -> list[bytes]:
    """Read and check the next head; return its lines without line ends, or [] if the connection has ended.

    Waits for the first byte until the socket's timeout, which raises an OSError. Raises Refused.
    """
    if not file.peek(1):
        return []
    try:
        with TooSlow(SECONDS):
            lines = _lines(file)
    except TooSlow:
        raise Refused(408) from None
    if lines:
        check(lines)
    return lines


def _lines(file: BufferedReader) -> list[bytes]:
    lines: list[bytes] = []
    left = HEAD_BYTES
    while True:
        line = file.readline(min(LINE_BYTES, left) + 2)
        if not line:
            return []  # the connection ended in the middle of the head
        left -= len(line)
        if not line.endswith(b"\r\n"):
            if len(line) < LINE_BYTES and left > 0:
                raise Refused(400)
            raise Refused(431 if lines else 414)
        if line == b"\r\n":
            if lines:
                return lines
            continue  # some clients send an extra line end after a body
        if left <= 0 or len(lines) > FIELDS:
            raise Refused(431)
        lines.append(line[:-2])


def check(lines: list[bytes]) -> None:
    """Raise Refused unless the request line and the fields in `lines` are an unambiguous request."""
    request = _REQUEST.fullmatch(lines[0])
    if not request:
        raise Refused(400)
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if not field:
            raise Refused(400)
        name = field[1].lower()
        if name in fields and name in _ONCE:
            raise Refused(400)
        fields[name] = field[2].rstrip(b" \t")
    newer = request[3] == b"1"
    host = fields.get(b"host")
    if (host is None and newer) or (host is not None and not _HOST.fullmatch(host)):
        raise Refused(400)
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if length is not None and (coding is not None or not _LENGTH.fullmatch(length)):
        raise Refused(400)
    if coding is not None and (coding.lower() != b"chunked" or not newer):
        raise Refused(400)
    if b"upgrade" in fields.get(b"connection", b"").lower() and (length or coding):
        raise Refused(400)
