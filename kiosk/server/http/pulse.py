"""The server's heartbeat: an end-to-end health check through a real socket.

The server requests something from itself, as a phone would, and writes its heartbeat only after the response. A server
that cannot accept connections or read its database counts as stuck, even if its greenlets still run. The request comes
from the machine itself, which has reserved places, so a crowd does not look like a fault. The lag of the event loop is
measured as well.
"""

from __future__ import annotations

import logging
import time

import gevent
from gevent import socket

from kiosk.library import heartbeat
from kiosk.names import SERVER
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import ServerState

BEAT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
"""A guest who has to wait longer has left, however busy the machine is."""
LAG_EVERY = 0.25
LATE_SECONDS = 1.0
QUESTION = "/api/photos?limit=1"
"""Exercises everything guests need: accepting connections, the application, the database."""
log = logging.getLogger(__name__)


class Pulse:
    """The heartbeat of the listening server of `state`. answer: seconds the last check took."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._worst = 0.0
        self.answer = 0.0

    def worst_lag(self) -> float:
        """The worst lag of the event loop since the last call, in seconds."""
        worst, self._worst = self._worst, 0.0
        return worst

    def watch_loop(self) -> None:
        """Measure the lag forever."""
        while True:
            before = time.monotonic()
            gevent.sleep(LAG_EVERY)
            late = time.monotonic() - before - LAG_EVERY
            self._worst = max(self._worst, late)
            if late > LATE_SECONDS:
                log.warning("the event loop was blocked for %.1f s", late)

    def beat(self) -> None:
        """Check the server and write its heartbeat, forever."""
        while True:
            try:
                self.answer = ask(self._state.host, self._state.port)
                off_loop(heartbeat.beat, self._state.data, SERVER)
            except Exception:  # the missing heartbeat is the signal
                log.exception("no heartbeat")
            gevent.sleep(BEAT_SECONDS)


def ask(host: str, port: int) -> float:
    """Send QUESTION to the server at `port`; return the seconds until its response. Raises OSError if none comes within
    ANSWER_SECONDS, or if it is not a 200."""
    started = time.monotonic()
    address = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 (a comparison)
    answer = b""
    with gevent.Timeout(ANSWER_SECONDS, TimeoutError("no answer")), socket.create_connection((address, port)) as line:
        line.sendall(f"GET {QUESTION} HTTP/1.0\r\n\r\n".encode())
        while part := line.recv(65536):
            answer = answer or part
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError(f"unexpected response: {answer[:40]!r}")
    return time.monotonic() - started
