"""Serves the application over http, and https in the same process, until told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
from flask import Flask
from gevent import socket
from gevent.event import Event
from gevent.pool import Pool
from gevent.ssl import SSLContext

from kiosk.errors import Unavailable
from kiosk.library.upkeep.lifetime import JumpWatch
from kiosk.library.upkeep.retention import retain
from kiosk.library.upkeep.sweep import sweep
from kiosk.logs import plain
from kiosk.people import events, operators
from kiosk.server.http.handler import Bounds, Server
from kiosk.server.http.offloop import off_loop
from kiosk.server.http.pulse import Pulse
from kiosk.server.shares import TABLE
from kiosk.server.state import ServerState

BACKLOG = 4096
SWITCH_SECONDS = 0.0005
STOP_SECONDS = 5
RETENTION_SECONDS = 60
CERTIFICATE_SECONDS = 5
CLOCK_SECONDS = 5

log = logging.getLogger(__name__)


def serve(
    app: Flask,
    host: str,
    port: int,
    tls_port: int | None = None,
    certfile: Path | None = None,
    keyfile: Path | None = None,
    on_ready: Callable[[int, int], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish requests in progress (at most 5 s) and return.

    port and tls_port may be 0 for any free port. https needs tls_port, certfile and keyfile; changed files are
    reloaded. on_ready(port, tls_port or 0) is called when both listen. Raises Unavailable if a port is taken.
    """
    with plain():
        _serve(app, host, port, tls_port, certfile, keyfile, on_ready)


def _serve(
    app: Flask,
    host: str,
    port: int,
    tls_port: int | None,
    certfile: Path | None,
    keyfile: Path | None,
    on_ready: Callable[[int, int], None] | None,
) -> None:
    # A thread that reads the database releases the GIL at every step, and waits this long to get it back while the
    # event loop is busy. At the default of 5 ms, one busy guest made everybody's responses several times slower.
    sys.setswitchinterval(SWITCH_SECONDS)
    state: ServerState = app.extensions["kiosk"]
    swept = sweep(state.library)
    if swept.debris or swept.lost:
        log.warning("startup cleanup: removed %d leftover files, %d photos lost", swept.debris, len(swept.lost))
    operators.prepare(state.data)  # where the kiosk was not started with `dreamkiosk run`
    # Shared by both ports. The pool is larger than the number of places, so that accepting never stops.
    bounds = Bounds()
    pool = Pool(2 * TABLE["connections"].total)
    listeners = [_listen(host, port)]
    servers = [Server(listeners[0], app, bounds, spawn=pool)]
    background = []
    if tls_port is not None and certfile and keyfile:
        context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certfile, keyfile)
        listeners.append(_listen(host, tls_port))
        servers.append(Server(listeners[1], app, bounds, spawn=pool, ssl_context=context))
        background.append(gevent.spawn(_follow_certificate, context, certfile, keyfile))
    for server in servers:
        server.start()
    state.host = listeners[0].getsockname()[0]
    state.port = listeners[0].getsockname()[1]
    state.tls_port = listeners[1].getsockname()[1] if len(listeners) > 1 else 0
    pulse = Pulse(state)
    state.metrics.show_pulse(pulse.worst_lag, lambda: pulse.answer)
    background += [gevent.spawn(_retain, state), gevent.spawn(_follow_clock, app, state)]
    background += [gevent.spawn(pulse.beat), gevent.spawn(pulse.watch_loop)]
    stop = app.extensions["kiosk.stop"] = Event()
    with _stopping_on_signals(stop):
        try:
            if on_ready:
                on_ready(state.port, state.tls_port)
            stop.wait()
        finally:
            _shut_down(servers, state, background)


@contextlib.contextmanager
def _stopping_on_signals(stop: Event) -> Iterator[None]:
    """Set `stop` on SIGTERM and SIGINT. Does nothing outside the main thread, which alone receives signals."""
    handlers = []
    if threading.current_thread() is threading.main_thread():
        handlers = [gevent.signal_handler(number, stop.set) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield
    finally:
        for handler in handlers:
            handler.cancel()


def _shut_down(servers: list[Server], state: ServerState, background: list[gevent.Greenlet]) -> None:
    """Finish requests in progress, for at most STOP_SECONDS, and close everything."""
    for server in servers:
        server.close()  # no new connections
    state.broadcast.close()
    gevent.killall(background)
    until = time.monotonic() + STOP_SECONDS
    while any(server.active for server in servers) and time.monotonic() < until:
        gevent.sleep(0.02)
    for server in servers:
        server.stop(timeout=0.1)
    state.library.close()


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
    # Up to the system's limit: many phones arrive at once, and one guest's connections must not keep them out.
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _retain(state: ServerState) -> None:
    while True:
        try:
            removed = off_loop(retain, state.library)
            if removed.over_quota or removed.for_space:
                log.warning(
                    "made room: %d photos over the quota, %d for free space",
                    len(removed.over_quota),
                    len(removed.for_space),
                )
            off_loop(events.warn_of_space, state.library)
        except Exception:  # /healthz reports a full or failing disk; retry in a minute
            log.exception("retention failed")
        gevent.sleep(RETENTION_SECONDS)


def _follow_clock(app: Flask, state: ServerState) -> None:
    clock = JumpWatch()
    while True:
        try:
            if clock.jump():
                # The rate limits use the wall clock. After a jump back, a client over its limit would wait for years.
                for limiter in app.extensions.get("limiter", ()):
                    limiter.reset()
                off_loop(state.library.tick)
        except Exception:  # /healthz reports a failing disk
            log.exception("the clock jumped, and that could not be recorded")
        gevent.sleep(CLOCK_SECONDS)


def _follow_certificate(context: SSLContext, certfile: Path, keyfile: Path) -> None:
    """Reload the certificate when its files change, which happens when the kiosk's address changes. New connections use
    the new one."""
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
            log.warning("cannot read the https certificate (%s); still using the old one", error)
