"""Run a package client, npm or pip, which checks what it fetches and knows the operator's registry and proxy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from kiosk.errors import Unavailable


def run_client(
    name: str,
    command: Sequence[str],
    path: Path,
    package: str,
    elsewhere: str,
    *,
    seconds: int,
    reason_in: Callable[[str], str],
) -> Path:
    """Run `command` of the client `name` in the folder of `path`, the file that it fetches. Returns `path`.

    `elsewhere`: what to do without it. `reason_in(stderr)`: the client's own reason. Raises Unavailable, code
    `<name>_failed`, if it fails, or takes more than `seconds`.
    """
    reason = ""
    try:
        done = subprocess.run(
            command,
            cwd=path.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
        if done.returncode or not path.is_file():
            reason = reason_in(done.stderr)
    except subprocess.TimeoutExpired:
        reason = f"it took more than {seconds} s"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise Unavailable(f"{name} cannot fetch {package}: {reason}; {elsewhere}", f"{name}_failed")
    return path
