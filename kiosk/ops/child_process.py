"""One process that the supervisor keeps running."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from kiosk import names
from kiosk.backoff import Backoff

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Backoff before a child is restarted, in seconds."""


@dataclass(frozen=True)
class ChildSpec:
    """How to run a child.

    stale_after: seconds without a heartbeat after which it is killed; None = it has no heartbeat. essential: the kiosk
    is ready once all essential children have made progress, and alive while they do. memory_mb: it is killed above
    this; None = no limit.
    """

    name: str
    command: tuple[str, ...]
    stale_after: float | None = None
    essential: bool = False
    nice: int = 0
    memory_mb: float | None = None


@dataclass
class Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_PAUSE, LONGEST_PAUSE))
    partial: bytes = b""
    killed_for: str | None = field(default=None)
    stop_by: float | None = None
    """When it is killed if it has not stopped, because it has to start anew; monotonic seconds."""
    kernel_kills: int = 0
    """The kernel's count of OOM kills when this process started."""


def spawn(spec: ChildSpec, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the child in a process group of its own. Its output goes to one non-blocking pipe, process.stdout.

    `environment` is added to this process's environment. Raises OSError.
    """
    whole = {
        **os.environ,
        **environment,
        names.PARENT: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }
    # Only the supervisor talks to systemd.
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        whole.pop(name, None)
    if spec.nice:
        whole[names.NICE] = str(spec.nice)
    process = subprocess.Popen(
        spec.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=whole,
        # Ctrl-C in the terminal reaches only the supervisor, and a child's own children can be killed with it.
        start_new_session=True,
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return process


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"
