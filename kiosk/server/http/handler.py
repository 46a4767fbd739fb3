"""HTTP on a socket: gevent's WSGI server, with limits on everything a client controls.

gevent does not limit the time and size of a request's head (head.py), the pace of a body (body.py), how much of the
server one client gets (turns.py), or the connections per address (shares.py). Nothing that a client sent is logged.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from typing import Any

import gevent
from gevent import socket
from gevent.pywsgi import WSGIHandler, WSGIServer
from greenlet import GreenletExit
from werkzeug.exceptions import HTTPException

from kiosk.server.api.upload import FORM_BYTES
from kiosk.server.http import head
from kiosk.server.http.body import FORM, UPLOAD, Body, Watched
from kiosk.server.http.turns import TURN, Turns
from kiosk.server.shares import ARRIVALS_AT_ONCE, ARRIVALS_PER_SECOND, TABLE, Arrivals, Places

# A connection that sends nothing, or reads nothing, for this long is closed. Event streams send every 15 s.
SILENT_SECONDS = 75
HANDSHAKE_SECONDS = 10
JOINED_BYTES = 256 * 1024
"""Up to this size, the head of a response and the data after it are sent together."""
_SENTENCES = {
    400: ("bad_request", "The request cannot be understood."),
    408: ("too_slow", "The request took too long to arrive. Please try again."),
    414: ("bad_request", "The request cannot be understood."),
    431: ("bad_request", "The request cannot be understood."),
}
_GONE = (ConnectionError, TimeoutError, ssl.SSLError)
log = logging.getLogger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Bounds:
    """The limits that all ports of a server share: places for connections, turns for handshakes and responses."""

    def __init__(self) -> None:
        self.arrivals = Arrivals(ARRIVALS_PER_SECOND, ARRIVALS_AT_ONCE)
        self.connections = Places(TABLE["connections"])
        self.handshakes = Turns(TABLE["handshakes"])
        self.answers = Turns(TABLE["answers"])


class Server(WSGIServer):
    """The server of one port."""

    # Requests in progress; idle connections do not count.
    active = 0

    def __init__(self, listener: socket.socket, application: Application, bounds: Bounds, **named: Any) -> None:
        super().__init__(
            listener, InTurn(application, bounds.answers), log=None, error_log=log, handler_class=Handler, **named
        )
        self._bounds = bounds

    def do_handle(self, client_socket: socket.socket, address: Any) -> None:
        # Runs in the hub for every connection, so it must not block.
        if self._bounds.arrivals.admit(address[0]) and self._bounds.connections.take(address[0]):
            super().do_handle(client_socket, address)
        else:
            self.do_close(client_socket, address)

    def handle(self, client_socket: socket.socket, address: Any) -> None:  # type: ignore[override]
        # On the https port, wrap_socket_and_handle calls this.
        try:
            super().handle(client_socket, address)
        except _GONE:
            log.debug("a connection closed in the middle of a response")
        finally:
            if not self.ssl_enabled:
                self._bounds.connections.give_back(address[0])

    def wrap_socket_and_handle(self, client_socket: socket.socket, address: Any) -> None:
        try:
            client_socket.settimeout(HANDSHAKE_SECONDS)
            with self._bounds.handshakes.held(address[0]):
                secured = self.wrap_socket(client_socket, **self.ssl_args)  # type: ignore[misc]
            try:
                self.handle(secured, address)
            finally:
                secured.close()
        except (OSError, ValueError):
            # Normal: a phone that warns its user about the certificate hangs up first.
            log.debug("a connection closed during the TLS handshake")
        finally:
            self._bounds.connections.give_back(address[0])


class InTurn:
    """WSGI middleware that admits requests in turn. A turn ends when the response begins, or when the application waits
    for a long body."""

    def __init__(self, application: Application, turns: Turns) -> None:
        self._application = application
        self._turns = turns

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body: Body = environ["wsgi.input"]
        if 0 < (body.content_length or 0) <= FORM_BYTES:
            environ["wsgi.input"] = _at_hand(body)
        with self._turns.held(environ.get("REMOTE_ADDR", "")) as turn:
            body.watched.before = turn.give_back
            environ[TURN] = turn
            return self._application(environ, start_response)


def _at_hand(body: Body) -> Any:
    """Read a short body before the turn begins. An error on the way is raised when the application reads the body."""
    try:
        return BytesIO(body.read())
    except (HTTPException, OSError) as error:
        return _Broken(error)


class _Broken:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        raise self._error

    readline = read


class Handler(WSGIHandler):
    """The handler of one connection."""

    server: Server  # type: ignore[assignment]
    _refused: head.Refused | None = None
    _fields = b""
    _waiting: bytearray | None = None

    def handle(self) -> None:
        self.socket.settimeout(SILENT_SECONDS)
        # Without this, the second packet of a response waits for the first one's ACK, which the peer delays by 40 ms.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def handle_one_request(self) -> Any:
        result = super().handle_one_request()
        if result is True:
            # The next request may be here already; yield to the others first.
            gevent.sleep(0)
        return result

    def read_requestline(self) -> str:
        self._refused = None
        try:
            lines = head.read(self.rfile)
        except head.Refused as refused:
            self._refused = refused
            return "-"
        self._fields = b"".join(line + b"\r\n" for line in [*lines[1:], b""])
        return lines[0].decode("latin-1") if lines else ""

    def read_request(self, raw_requestline: str) -> Any:
        if self._refused:
            raise self._refused
        return super().read_request(raw_requestline)

    def MessageClass(self, *_: Any) -> Any:  # type: ignore[override] (a class in gevent's stubs)
        return super().MessageClass(BytesIO(self._fields), 0)  # type: ignore[call-arg]

    def get_environ(self) -> dict[str, Any]:
        environ = super().get_environ()
        made = self.wsgi_input
        assert made is not None  # gevent's get_environ has just made it
        long = made.chunked_input or (made.content_length or 0) > FORM_BYTES
        watched = Watched(self.rfile, self.socket, UPLOAD if long else FORM)
        self.wsgi_input = environ["wsgi.input"] = Body.instead_of(made, watched)
        environ["wsgi.input_terminated"] = True
        environ["kiosk.local_address"] = self.socket.getsockname()[0]
        return environ

    def handle_one_response(self) -> None:
        self.server.active += 1
        try:
            super().handle_one_response()
        finally:
            self.server.active -= 1
            if not (isinstance(self.wsgi_input, Body) and self.wsgi_input.whole):
                self.close_connection = True

    def _write_with_headers(self, data: bytes) -> None:
        self._waiting = bytearray()
        try:
            super()._write_with_headers(data)  # type: ignore[attr-defined] (gevent's, missing from its stubs)
        finally:
            waiting, self._waiting = self._waiting, None
        if waiting:
            self._sendall(waiting)

    def _sendall(self, data: bytes | bytearray) -> None:
        if self._waiting is None:
            super()._sendall(data)  # type: ignore[attr-defined] (gevent's, missing from its stubs)
        elif len(self._waiting) + len(data) <= JOINED_BYTES:
            self._waiting += data
        else:
            waiting, self._waiting = self._waiting, bytearray()
            super()._sendall(waiting)  # type: ignore[attr-defined] (gevent's, missing from its stubs)
            super()._sendall(data)  # type: ignore[attr-defined] (gevent's, missing from its stubs)

    def handle_error(self, t: Any, v: Any, tb: Any) -> None:
        self.close_connection = True
        if issubclass(t, (*_GONE, GreenletExit)):
            return  # the phone went away in the middle of a response
        log.error("a response was cut off", exc_info=(t, v, tb))
        self._send_error_response_if_possible(500)  # type: ignore[attr-defined] (gevent's, missing from its stubs)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        log.debug("refused a request that is not HTTP")
        status = HTTPStatus(ex.status if isinstance(ex, head.Refused) else 400)
        code, message = _SENTENCES[status]
        text = json.dumps({"error": code, "message": message}).encode()
        start = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
        )
        return str(status.value), start.encode() + text

    def log_request(self) -> None:
        """Log nothing: guests' addresses and tokens must not appear in logs."""

    def log_error(self, msg: str, *args: Any) -> None:
        log.debug("refused a request that is not HTTP")
