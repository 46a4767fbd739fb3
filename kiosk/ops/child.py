"""One process of the kiosk: `python -m kiosk.ops.child NAME`, started by the supervisor.

Configured by environment variables: DREAMKIOSK_DATA (the data folder), DREAMKIOSK_SETTINGS (all settings as JSON, so
that options of `dreamkiosk run` reach every process), DREAMKIOSK_DEMO, DREAMKIOSK_NICE, DREAMKIOSK_PARENT.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from kiosk import names
from kiosk import settings as settings_file
from kiosk.errors import KioskError
from kiosk.library.files import TOKEN
from kiosk.logs import Plain
from kiosk.settings import Settings
from kiosk.storage import DataFolder

log = logging.getLogger("kiosk")

_TOKEN_IN_PATH = re.compile(rf"/{TOKEN.pattern}(?![A-Za-z0-9_-])")

_PR_SET_PDEATHSIG = 1


class WithoutTokens(logging.Formatter):
    """Removes photos' tokens from every line, including paths in tracebacks and OS errors. A token grants access to the
    photo, and logs get shared."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN_IN_PATH.sub("/...", super().format(record))


def set_up_log(level: int = logging.INFO) -> None:
    """Log to standard error, for the supervisor or the journal."""
    logging.basicConfig(level=level, stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(WithoutTokens("%(message)s"))
        handler.addFilter(Plain())


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, for whatever reason (prctl(2), Linux only).

    Exits at once if the parent, identified by DREAMKIOSK_PARENT, is already gone. Does nothing on other systems.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = os.environ.get(names.PARENT)
    if parent and os.getppid() != int(parent):
        os._exit(1)


def main(name: str) -> int:
    """Run the child called `name` until SIGTERM. Returns 0 if it was stopped, 1 on an error, which is logged last."""
    die_with_parent()
    if nice := int(os.environ.get(names.NICE, "0")):
        os.nice(nice)
    if name == names.WORKER:
        _be_killed_first()
    set_up_log()
    # These would log every event or connection.
    for chatty in ("watchfiles", "zeroconf", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    data = DataFolder(Path(os.environ[names.DATA]))
    given = os.environ.get(names.SETTINGS)
    try:
        settings = Settings.model_validate_json(given) if given else settings_file.load(data.settings)
        _CHILDREN[name](data, settings)
    except (KioskError, OSError, sqlite3.Error) as error:
        log.error("%s", error)
        return 1
    return 0


def _be_killed_first() -> None:
    """Make this process the OOM killer's first choice: it resumes from a checkpoint, so it loses the least."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _server(data: DataFolder, settings: Settings) -> None:
    from kiosk.lan.addresses import guest_address
    from kiosk.lan.advertise import host_names
    from kiosk.lan.certificates import ensure_certificate
    from kiosk.server.app import create_app
    from kiosk.server.http.serve import serve

    network = settings.network
    certificate = key = None
    if network.tls_port:
        try:
            files = ensure_certificate(data.certificates, [guest_address(network.interface)], host_names(network.name))
            certificate, key = files.certificate, files.key
        except KioskError as error:
            # Guests need only http; a bad certificate must not take the booth down.
            log.error("https is off: %s", error)
    serve(
        create_app(data, settings=settings),
        network.host,
        network.port,
        network.tls_port if certificate else None,
        certificate,
        key,
        on_ready=lambda port, tls_port: log.info(
            "listening on %s port %s%s", network.host, port, f", https on {tls_port}" if tls_port else ""
        ),
    )


def _worker(data: DataFolder, settings: Settings) -> None:
    from kiosk.pipeline.worker import run_worker

    run_worker(data, settings=settings)


def _camera(data: DataFolder, settings: Settings) -> None:
    from kiosk.capture.demo import run_demo_camera
    from kiosk.capture.loop import run_camera

    if os.environ.get(names.DEMO):
        run_demo_camera(data, _stop_event())
    else:
        run_camera(data)


def _lan(data: DataFolder, settings: Settings) -> None:
    from kiosk.ops.announce import announce

    announce(data, settings, _stop_event())


def _stop_event() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


_CHILDREN: dict[str, Callable[[DataFolder, Settings], None]] = {
    names.SERVER: _server,
    names.WORKER: _worker,
    names.CAMERA: _camera,
    names.LAN: _lan,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
