"""One process that the supervisor keeps running."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from kiosk.backoff import Backoff

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a child that ended is started again."""


@dataclass(frozen=True)
class ChildSpec:
    """A child: its name, its command, and how long (seconds) it may show no progress; None = it has no heartbeat.

    `essential`: the kiosk counts as ready when these have shown progress, and as alive while they do. `memory_mb`: what
    it may take before it is killed; None = it is not watched.
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
    kernel_kills: int = 0
    """How often the kernel had killed for want of memory when this process began."""


def spawn(spec: ChildSpec, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the child's process, in a group of its own; what it prints comes through one pipe that never blocks.

    `environment` is added to this process's. Raises OSError.
    """
    whole = {
        **os.environ,
        **environment,
        "DREAMKIOSK_PARENT": str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }
    # The socket is the supervisor's to speak on.
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        whole.pop(name, None)
    if spec.nice:
        whole["DREAMKIOSK_NICE"] = str(spec.nice)
    process = subprocess.Popen(
        spec.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=whole,
        # Ctrl-C in the terminal reaches only the supervisor, and what a child started can be ended with it.
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
