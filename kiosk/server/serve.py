"""Serve the application: http for everybody, https beside it in the same process, until told to stop."""

from __future__ import annotations

import logging
import signal
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from flask import Flask
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer
from gevent.ssl import SSLContext

from kiosk.errors import Unavailable
from kiosk.library import heartbeat
from kiosk.library.lifetime import JumpWatch
from kiosk.library.retention import retain
from kiosk.library.sweep import sweep
from kiosk.server.context import Kiosk
from kiosk.server.offloop import off_loop
from kiosk.server.shares import TABLE, Places

# A connection that says nothing for this long is closed; streams speak every 15 s.
SILENT_SECONDS = 75
STOP_SECONDS = 5
RETENTION_SECONDS = 60
HEARTBEAT_SECONDS = 5
CERTIFICATE_SECONDS = 5

log = logging.getLogger(__name__)


class _Server(WSGIServer):
    # Requests being answered; connections that phones merely keep open do not count.
    active = 0

    def __init__(self, *arguments: Any, places: Places, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._places = places

    def do_handle(self, client_socket: socket.socket, address: Any) -> None:
        # In the hub, for every connection: nothing here waits.
        if self._places.take(address[0]):
            super().do_handle(client_socket, address)
        else:
            self.do_close(client_socket, address)

    def handle(self, client_socket: socket.socket, address: Any) -> None:  # type: ignore[override]
        # On the http port this is all there is; on the https port it is called from within the other.
        try:
            super().handle(client_socket, address)
        finally:
            if not self.ssl_enabled:
                self._places.give_back(address[0])

    def wrap_socket_and_handle(self, client_socket: socket.socket, address: Any) -> Any:
        try:
            return self._wrap_and_handle(client_socket, address)
        finally:
            self._places.give_back(address[0])

    def _wrap_and_handle(self, client_socket: socket.socket, address: Any) -> Any:
        client_socket.settimeout(SILENT_SECONDS)
        try:
            return super().wrap_socket_and_handle(client_socket, address)
        except (ssl.SSLError, ConnectionError, TimeoutError):
            # Every phone that warns its guest of the certificate hangs up first: nothing that an operator could mend.
            log.debug("a connection ended before it was secure")
            return None


class _Handler(WSGIHandler):
    server: _Server  # type: ignore[assignment]

    def handle(self) -> None:
        self.socket.settimeout(SILENT_SECONDS)
        super().handle()

    def handle_one_response(self) -> None:
        self.server.active += 1
        try:
            super().handle_one_response()
        finally:
            self.server.active -= 1

    def handle_error(self, t: Any, v: Any, tb: Any) -> None:
        if issubclass(t, (ssl.SSLError, ConnectionError)):
            # A phone that went away in the middle of an answer.
            self.close_connection = True
            return
        super().handle_error(t, v, tb)

    def log_request(self) -> None:
        """Guests' addresses and tokens are in no log."""

    def log_error(self, msg: str, *args: Any) -> None:
        log.info("refused a request that is not HTTP")


def serve(
    app: Flask,
    host: str,
    port: int,
    tls_port: int | None = None,
    certfile: Path | None = None,
    keyfile: Path | None = None,
    on_ready: Callable[[int, int], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is being answered (5 s at most) and return.

    port and tls_port may be 0 for any free one; https needs tls_port, certfile and keyfile, and follows changes of
    those files. on_ready(port, tls_port or 0) is called when both listen. Raises Unavailable where a port is taken.
    """
    box: Kiosk = app.extensions["kiosk"]
    swept = sweep(box.library)
    if swept.debris or swept.lost:
        log.warning("after the last stop: %d pieces of debris removed, %d photos lost", swept.debris, len(swept.lost))
    box.operator_password()
    # One table for both ports. The pool has room for more than there are places, so that accepting never stops.
    places = Places(TABLE["connections"])
    pool = Pool(2 * places.share.total)
    listeners = [_listen(host, port)]
    servers = [_server(app, listeners[0], pool, places)]
    background = []
    if tls_port is not None and certfile and keyfile:
        context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certfile, keyfile)
        listeners.append(_listen(host, tls_port))
        servers.append(_server(app, listeners[1], pool, places, ssl_context=context))
        background.append(gevent.spawn(_follow_certificate, context, certfile, keyfile))
    for server in servers:
        server.start()
    box.host = listeners[0].getsockname()[0]
    box.port = listeners[0].getsockname()[1]
    box.tls_port = listeners[1].getsockname()[1] if len(listeners) > 1 else 0
    stop = Event()
    if threading.current_thread() is threading.main_thread():
        handlers = [gevent.signal_handler(number, stop.set) for number in (signal.SIGTERM, signal.SIGINT)]
    else:
        handlers = []
    background += [gevent.spawn(_retain, box), gevent.spawn(_beat, app, box)]
    app.extensions["kiosk.stop"] = stop
    try:
        if on_ready:
            on_ready(box.port, box.tls_port)
        stop.wait()
    finally:
        for server in servers:
            server.close()  # no new connections
        box.broadcast.close()
        gevent.killall(background)
        until = time.monotonic() + STOP_SECONDS
        while any(server.active for server in servers) and time.monotonic() < until:
            gevent.sleep(0.02)
        for server in servers:
            server.stop(timeout=0.1)
        for handler in handlers:
            handler.cancel()
        box.library.close()


def _server(app: Flask, listener: socket.socket, pool: Pool, places: Places, **tls: Any) -> _Server:
    return _Server(listener, app, places=places, spawn=pool, log=None, error_log=log, handler_class=_Handler, **tls)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"cannot listen on {host} port {port}: {error.strerror}; stop the other program or choose another port",
            "port_taken",
        ) from error
    listener.listen(256)
    listener.setblocking(False)
    return listener


def _retain(box: Kiosk) -> None:
    while True:
        try:
            removed = off_loop(retain, box.library)
            if removed.over_quota or removed.for_space:
                log.warning(
                    "made room: %d photos over the quota, %d for free space",
                    len(removed.over_quota),
                    len(removed.for_space),
                )
        except Exception:  # a full or failing disk is reported by /healthz; the next minute may be better
            log.exception("retention failed")
        gevent.sleep(RETENTION_SECONDS)


def _beat(app: Flask, box: Kiosk) -> None:
    clock = JumpWatch()
    while True:
        try:
            if clock.jump():
                # Counted by the wall clock: after it was put back, who has used up a limit would wait for years.
                for limiter in app.extensions.get("limiter", ()):
                    limiter.reset()
                off_loop(box.library.tick)
            # Through the database: a server that cannot read it is not getting on.
            off_loop(box.library.note, "intake_paused")
            off_loop(heartbeat.beat, box.data, "server")
        except Exception:  # the missing beat is the message
            log.exception("no heartbeat")
        gevent.sleep(HEARTBEAT_SECONDS)


def _follow_certificate(context: SSLContext, certfile: Path, keyfile: Path) -> None:
    """A certificate is renewed when the kiosk's address changes; new connections get the new one."""
    stamp = None
    while True:
        gevent.sleep(CERTIFICATE_SECONDS)
        try:
            now = (certfile.stat().st_mtime_ns, keyfile.stat().st_mtime_ns)
            if stamp is not None and now != stamp:
                context.load_cert_chain(certfile, keyfile)
                log.info("the https certificate was renewed")
            stamp = now
        except (OSError, ssl.SSLError) as error:
            log.warning("the https certificate cannot be read (%s); the old one stays in use", error)
