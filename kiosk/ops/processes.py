"""The kiosk's processes: which children there are, and how long each may go without progress."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from kiosk.errors import BadInput, KioskError
from kiosk.lan.ports import why_taken
from kiosk.library import heartbeat, notices
from kiosk.library.upkeep import restart
from kiosk.library.upkeep.overuse import note_killed
from kiosk.logs import Kept
from kiosk.names import CAMERA, DATA, DEMO, LAN, RUNTIME, SERVER, SETTINGS, WORKER
from kiosk.ops.child_process import ChildSpec
from kiosk.ops.memory import worker_limit_mb
from kiosk.ops.supervisor import Supervisor
from kiosk.people.settings_form import check_usable
from kiosk.recipes import catalog
from kiosk.recipes.available import available_style
from kiosk.settings import Settings
from kiosk.storage import DataFolder

# On a slow board, an iteration or a tile takes seconds and opening a session takes longer. The others never block long.
STALE_SECONDS = {SERVER: 60.0, WORKER: 120.0, CAMERA: 120.0, LAN: 60.0}
WORKER_NICE = 5
"""Keeps the pages responsive while a photo is being dreamed."""


def children(worker_memory_mb: float | None = None) -> list[ChildSpec]:
    """The processes of a kiosk. The camera process runs even without a camera, waiting for settings that name one.

    worker_memory_mb: the worker's memory limit; None = no limit.
    """
    return [
        ChildSpec(
            name,
            (sys.executable, "-m", "kiosk.ops.child", name),
            stale_after=STALE_SECONDS[name],
            essential=name in (SERVER, WORKER),
            nice=WORKER_NICE if name == WORKER else 0,
            memory_mb=worker_memory_mb if name == WORKER else None,
        )
        for name in STALE_SECONDS
    ]


def make_supervisor(
    data: DataFolder,
    settings: Settings,
    *,
    demo: bool = False,
    on_ready: Callable[[], None] | None = None,
    reload: Callable[[], Settings] | None = None,
) -> Supervisor:
    """Create the supervisor for the kiosk on `data`, without starting it. reload: reads the settings again when a
    restart is asked for; it raises BadInput if they cannot be used."""
    specs, environment = _plan(data, settings, demo)
    os.environ.pop(DEMO, None)
    return Supervisor(
        specs,
        lambda name: heartbeat.age(data, name),
        environment=environment,
        on_ready=on_ready,
        on_overuse=lambda _, process: note_killed(data, process),
        renew=_renewing(data, settings, demo, reload) if reload else None,
        out=Kept(sys.stderr, data.runtime),
    )


_Plan = tuple[list[ChildSpec], dict[str, str]]


def _plan(data: DataFolder, settings: Settings, demo: bool) -> _Plan:
    """The processes and their environment."""
    environment = {
        DATA: str(data.root.absolute()),
        SETTINGS: settings.model_dump_json(),
        RUNTIME: str(data.runtime.absolute()),
    }
    return children(worker_limit_mb(settings.dream, _on_gpu())), environment | ({DEMO: "1"} if demo else {})


def _renewing(
    data: DataFolder, settings: Settings, demo: bool, reload: Callable[[], Settings]
) -> Callable[[], _Plan | None]:
    """A function that returns a new plan when a restart is asked for, and the settings can be used; else None. What is
    wrong with them is told to the operator, and the kiosk goes on as it is."""
    current = settings
    restart.take(data)  # one from before this start

    def renew() -> _Plan | None:
        nonlocal current
        if not restart.take(data):
            return None
        try:
            fresh = reload()
            check_usable(current, fresh, data.graphs)
        except KioskError as error:
            notices.say(data, "settings", f"The settings are saved but not used yet: {error}")
            return None
        current = fresh
        notices.withdraw(data, "settings")
        return _plan(data, fresh, demo)

    return renew


def _on_gpu() -> bool:
    from kiosk.nets.engine.session import available_providers

    return available_providers()[:1] not in ([], ["CPUExecutionProvider"])


def check_style(settings: Settings, graphs: Path) -> None:
    """Raise BadInput if the default style in the settings does not exist, or its network is not built in `graphs`.
    Without this check, every photo without a chosen style would fail."""
    name = settings.dream.style
    try:
        available_style(graphs, name)
    except BadInput as error:
        names = [style.name for style in catalog.load().styles]
        near = [] if name in names else difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadInput(f"dream.style in the settings: {error}{hint}", error.code) from error


def check_ports(settings: Settings) -> None:
    """Raise BadInput, with what to do, if a port cannot be listened on."""
    network = settings.network
    for option, port in (("--port", network.port), ("--tls-port", network.tls_port)):
        if port and (reason := why_taken(network.host, port)):
            raise BadInput(
                f"cannot listen on {network.host} port {port}: {reason}; stop the program that uses it, or choose "
                f"another with {option}",
                "port",
            )
