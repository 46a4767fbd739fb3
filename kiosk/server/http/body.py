"""Request bodies, with limits on how slowly they arrive, how long they take, and how much overhead they cost.

gevent's own reader (Input) waits as long as the client sends anything, and does not yield to the event loop while bytes
are available. Here it reads through Watched instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

import gevent
from gevent.pywsgi import Input
from werkzeug.exceptions import BadRequest, RequestTimeout

PIECE = 64 * 1024
"""Bytes to read before yielding to the event loop."""
TINY_FREE = 32 * 1024
"""One-byte and line reads that any body may take. gevent reads chunk sizes and trailers that way."""
TINY_SHARE = 16
"""One more is allowed per this many bytes of body, because chunks of a few bytes cost a thousand times as much."""


@dataclass(frozen=True)
class Pace:
    """How fast a body must arrive: with no silence longer than `silence` seconds, at an average of `rate` bytes per
    second after the first `grace` seconds, and completely within `whole` seconds."""

    silence: float
    grace: float
    rate: float
    whole: float


UPLOAD = Pace(silence=30, grace=30, rate=4096, whole=600)
"""A photo over bad Wi-Fi in a crowded room. 100 MB need at least 170 kB/s to arrive in time."""
FORM = Pace(silence=10, grace=10, rate=4096, whole=30)
LEFTOVER = Pace(silence=3, grace=10, rate=65536, whole=30)
"""The unread rest of a body. It is drained so that the client gets to read the response."""


class Watched:
    """The stream that Input reads from. Raises RequestTimeout (408) or BadRequest (400); after that it reads nothing
    more."""

    def __init__(self, file: BufferedReader, socket: Any, pace: Pace, clock: Callable[[], float] = time.monotonic):
        self._file = file
        self._socket = socket
        self._clock = clock
        self._tiny = 0
        self._since = 0
        self.broken = False
        self.total = 0
        self.before: Callable[[], None] | None = None
        """Called once, before the first wait."""
        self.follow(pace)

    def follow(self, pace: Pace) -> None:
        """Apply `pace` from now on."""
        self._pace = pace
        self._begun = self._clock()
        self._counted = self.total

    def read(self, size: int) -> bytes:
        """Read `size` bytes; fewer only if the connection ends."""
        parts = []
        if size == 1:
            self._count_tiny()
        while size > 0:
            part = self._wait(self._file.read1, min(size, PIECE))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readline(self, size: int = -1) -> bytes:
        self._count_tiny()
        return self._wait(self._file.readline, min(size, PIECE) if size >= 0 else PIECE)

    def _count_tiny(self) -> None:
        self._tiny += 1
        if self._tiny > TINY_FREE + self.total // TINY_SHARE:
            self.broken = True
        if self._tiny % 256 == 0:
            gevent.sleep(0)

    def _wait(self, read: Callable[[int], bytes], size: int) -> bytes:
        if self.broken:
            raise BadRequest
        if self.before is not None:
            self.before()
            self.before = None
        now = self._clock()
        came = self.total - self._counted
        pace = self._pace
        until = self._begun + min(pace.whole, pace.grace + came / pace.rate)
        if now >= until:
            raise self._too_slow()
        before = self._socket.gettimeout()
        self._socket.settimeout(min(pace.silence, until - now))
        try:
            data = read(size)
        except TimeoutError:
            raise self._too_slow() from None
        except BaseException:
            self.broken = True
            raise
        finally:
            self._socket.settimeout(before)
        self.total += len(data)
        self._since += len(data)
        if self._since >= PIECE:
            self._since = 0
            gevent.sleep(0)
        return data

    def _too_slow(self) -> RequestTimeout:
        self.broken = True
        return RequestTimeout()


class Body(Input):
    """gevent's body reader on top of Watched."""

    __slots__ = ("watched",)

    @classmethod
    def instead_of(cls, made: Input, watched: Watched) -> Body:
        """A Body that replaces `made`, from which nothing was read yet."""
        # Watched has the file methods that gevent's reader calls.
        file: Any = watched
        body = cls(file, made.content_length, socket=made.socket, chunked_input=made.chunked_input)
        body.watched = watched
        return body

    @property
    def whole(self) -> bool:
        """Whether the whole body was read, so that the next request can follow on this connection."""
        if self.watched.broken or self._chunked_input_error:
            return False
        if self.chunked_input:
            return self.chunk_length == 0
        return self.position >= (self.content_length or 0)

    def _discard(self) -> None:
        # Called by the handler after the response. A client that waits for "100 Continue" will not send the body.
        if self.whole or self.watched.broken or self.socket is not None:
            return
        self.watched.follow(LEFTOVER)
        try:
            super()._discard()  # type: ignore[attr-defined] (gevent's, missing from its stubs)
        except (BadRequest, RequestTimeout):
            return
