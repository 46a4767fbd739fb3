"""The kiosk as a set of processes: which children there are, and how long each may stand still."""

from __future__ import annotations

import difflib
import os
import socket
import sys
from collections.abc import Callable

from kiosk.errors import BadInput
from kiosk.library import heartbeat
from kiosk.library.upkeep.overuse import note_killed
from kiosk.ops.child_process import ChildSpec
from kiosk.ops.memory import worker_limit_mb
from kiosk.ops.supervisor import Supervisor
from kiosk.recipes import catalog
from kiosk.settings import Settings
from kiosk.storage import DataFolder

# An iteration or a tile takes seconds on a slow board, opening a session some more; the others wait for nothing.
STALE_SECONDS = {"server": 60.0, "worker": 120.0, "camera": 120.0, "lan": 60.0}
WORKER_NICE = 5
"""The pages stay quick while a photo is being dreamed."""


def children(worker_memory_mb: float | None = None) -> list[ChildSpec]:
    """The processes of a kiosk. The camera's is there without a camera too: it waits for settings that name one.

    worker_memory_mb: what the worker may take, None = it is not watched.
    """
    names = ("server", "worker", "camera", "lan")
    return [
        ChildSpec(
            name,
            (sys.executable, "-m", "kiosk.ops.child", name),
            stale_after=STALE_SECONDS[name],
            essential=name in ("server", "worker"),
            nice=WORKER_NICE if name == "worker" else 0,
            memory_mb=worker_memory_mb if name == "worker" else None,
        )
        for name in names
    ]


def make_supervisor(
    data: DataFolder, settings: Settings, *, demo: bool = False, on_ready: Callable[[], None] | None = None
) -> Supervisor:
    """A supervisor for the kiosk on `data`, not yet running."""
    environment = {
        "DREAMKIOSK_DATA": str(data.root.absolute()),
        "DREAMKIOSK_SETTINGS": settings.model_dump_json(),
        "DREAMKIOSK_RUNTIME": str(data.runtime.absolute()),
    }
    if demo:
        environment["DREAMKIOSK_DEMO"] = "1"
    os.environ.pop("DREAMKIOSK_DEMO", None)
    return Supervisor(
        children(worker_limit_mb(settings.dream, _on_gpu())),
        lambda name: heartbeat.age(data, name),
        environment=environment,
        on_ready=on_ready,
        on_overuse=lambda _, process: note_killed(data, process),
    )


def _on_gpu() -> bool:
    from kiosk.nets.engine.session import available_providers

    return available_providers()[:1] not in ([], ["CPUExecutionProvider"])


def check_style(settings: Settings) -> None:
    """Raise BadInput where the operator's style does not exist: every photo of a guest who chose none would fail."""
    try:
        catalog.load().style(settings.dream.style)
    except BadInput as error:
        near = difflib.get_close_matches(settings.dream.style, [style.name for style in catalog.load().styles], 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadInput(f"dream.style in the settings: {error}{hint}", error.code) from error


def check_ports(settings: Settings) -> None:
    """Raise BadInput, saying what to do, where a port cannot be listened on."""
    network = settings.network
    for option, port in (("--port", network.port), ("--tls-port", network.tls_port)):
        if port and (reason := why_taken(network.host, port)):
            raise BadInput(
                f"cannot listen on {network.host} port {port}: {reason}; stop the program that uses it, or choose "
                f"another with {option}",
                "port",
            )


def why_taken(host: str, port: int) -> str | None:
    """Why nobody can listen on `port` of `host` now, in the system's words; None where one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server itself does: connections of an earlier run that linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return None
