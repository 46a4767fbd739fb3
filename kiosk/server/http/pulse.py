"""The server's sign of life: what a guest would feel, measured from outside its own code.

The server asks itself for a page over a socket, as a phone does, and beats only when the answer came: one that cannot
take connections, or cannot read its database, is stuck, however lively its greenlets are. The question comes from the
machine itself, which has places in reserve, so that a crowd does not look like a fault. Beside it the event loop is
asked how late it is.
"""

from __future__ import annotations

import logging
import time

import gevent
from gevent import socket

from kiosk.library import heartbeat
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import ServerState

BEAT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
"""However busy the machine: who waits longer has left."""
LAG_EVERY = 0.25
LATE_SECONDS = 1.0
QUESTION = "/api/photos?limit=1"
"""Goes through everything that guests need: accepting, the application, the database."""
log = logging.getLogger(__name__)


class Pulse:
    """Beats for `state`, whose server listens. answer: how long the last question took, seconds."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._worst = 0.0
        self.answer = 0.0

    def worst_lag(self) -> float:
        """How late the event loop was at worst since this was last asked, seconds."""
        worst, self._worst = self._worst, 0.0
        return worst

    def watch_loop(self) -> None:
        """Measure the lag, for ever."""
        while True:
            before = time.monotonic()
            gevent.sleep(LAG_EVERY)
            late = time.monotonic() - before - LAG_EVERY
            self._worst = max(self._worst, late)
            if late > LATE_SECONDS:
                log.warning("the server was held up for %.1f s", late)

    def beat(self) -> None:
        """Ask and beat, for ever."""
        while True:
            try:
                self.answer = ask(self._state.host, self._state.port)
                off_loop(heartbeat.beat, self._state.data, "server")
            except Exception:  # the missing beat is the message
                log.exception("no heartbeat")
            gevent.sleep(BEAT_SECONDS)


def ask(host: str, port: int) -> float:
    """Seconds until the server at `port` has answered a question. Raises OSError where it does not within
    ANSWER_SECONDS, or not as it should."""
    started = time.monotonic()
    address = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 (a comparison)
    answer = b""
    with gevent.Timeout(ANSWER_SECONDS, TimeoutError("no answer")), socket.create_connection((address, port)) as line:
        line.sendall(f"GET {QUESTION} HTTP/1.0\r\n\r\n".encode())
        while part := line.recv(65536):
            answer = answer or part
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError(f"a wrong answer: {answer[:40]!r}")
    return time.monotonic() - started
