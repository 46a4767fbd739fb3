"""Running decode.py on a stranger's file, in a child process that may take too much or die."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from kiosk.errors import BadInput, Unavailable
from kiosk.pictures.confine import Confined
from kiosk.pictures.containers import container
from kiosk.pictures.decode import Limits
from kiosk.storage import atomic_file

log = logging.getLogger(__name__)

# The longest a guest waits for an answer; processor time is limited apart from it.
WALL_SECONDS = 120
# A decoder that does nothing for so long, with a slow card's writes allowed for, never will.
STILL_SECONDS = 60
# From its answer to its end.
ENDING_SECONDS = 20
# The longest answer: a sentence and a few numbers.
MOST_SAID = 65536


def decode_apart(
    source: Path, target: Path, limits: Limits, alive: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Run decode.py on `source`, writing `target`, in a child under `limits`; {width, height, gpano}. `alive` is called
    about once a second while it gets on.

    Raises BadInput where the picture is at fault, however the child ended; Unavailable where the disk is.
    """
    with source.open("rb", buffering=0) as received, atomic_file(target) as written:
        container.refuse(received.read(container.FIRST_BYTES))
        received.seek(0)
        said, status = _run(received, written, limits, alive)
        return _understood(said, status)


def _understood(said: bytes, status: int) -> dict[str, Any]:
    """The picture's facts. What the child says is not trusted: a stranger's file may have made it say anything, and it
    may die at any moment, also after its answer."""
    answer: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(said)
    known = answer if isinstance(answer, dict) else {}
    if status == 0 and {"width", "height", "gpano"} <= known.keys():
        return known
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_hard()
    code, message, answered = known.get("code"), known.get("message"), known.get("status")
    if status < 0 or not (isinstance(code, str) and isinstance(message, str) and isinstance(answered, int)):
        raise BadInput("The photo cannot be opened. Please send another one.", "cannot_open")
    if answered >= 500:
        raise Unavailable("The kiosk cannot store the photo at the moment. Please tell the staff.", "cannot_store", 507)
    raise BadInput(message, code, answered)


def confinement() -> Confined:
    """What this system can take from the process that looks into uploads, tried in one of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.pictures.confine"], capture_output=True, check=False, timeout=WALL_SECONDS
    )
    try:
        return Confined(**json.loads(done.stdout))
    except (ValueError, TypeError):
        return Confined(False, 0)


def _run(received: IO[bytes], written: IO[bytes], limits: Limits, alive: Callable[[], None]) -> tuple[bytes, int]:
    """What the child said, and its exit status, negative for a signal. Raises BadInput after WALL_SECONDS."""
    child = subprocess.Popen(
        _command(written.fileno(), limits),
        stdin=received,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(written.fileno(),),
        env=_environment(),
        cwd="/",
    )
    assert child.stdout is not None
    try:
        with child.stdout:
            said = _listen(child.stdout, child.pid, alive)
        if not _ends(child.pid):
            raise _too_hard()
    except BaseException:
        child.kill()
        raise
    finally:
        # Not child.wait(): only this tells what the child took.
        _, ended, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
    log.debug("child: %s, %.2f s of processor, said %s", child.returncode, usage.ru_utime + usage.ru_stime, said)
    return said, child.returncode


def _command(target: int, limits: Limits) -> list[str]:
    # Isolated: neither the environment nor the folder says where modules come from; this process does.
    start = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from kiosk.pictures.decode import main; "
    start += "sys.exit(main(sys.argv[2:]))"
    return [
        sys.executable,
        "-I",
        "-c",
        start,
        json.dumps([*map(os.path.abspath, sys.path)]),
        json.dumps(asdict(limits)),
        str(target),
    ]


def _environment() -> dict[str, str]:
    """Nothing of this process's own, which has passwords in it; only where the system's libraries are."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    # OpenBLAS would reserve address space for every core before the child could say no.
    return {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", **kept}


def _listen(pipe: IO[bytes], pid: int, alive: Callable[[], None]) -> bytes:
    """What process `pid` writes into the pipe until that is closed, MOST_SAID bytes at most. Raises BadInput after
    WALL_SECONDS, or STILL_SECONDS without any work done."""
    said = b""
    began = moved = time.monotonic()
    worked = -1.0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            now, work = time.monotonic(), _processor_seconds(pid)
            if work > worked:
                alive()
                worked, moved = work, now
            if now - began >= WALL_SECONDS or now - moved >= STILL_SECONDS:
                raise _too_hard()
            if selector.select(timeout=1):
                piece = os.read(pipe.fileno(), MOST_SAID)
                said += piece
                if not piece or len(said) > MOST_SAID:
                    return said


def _ends(pid: int) -> bool:
    """Whether process `pid`, which has said all it has to say, ends within ENDING_SECONDS."""
    until = time.monotonic() + ENDING_SECONDS
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def _processor_seconds(pid: int) -> float:
    """What process `pid` has used of the processor; where the system does not tell, the time, so that it counts as
    working."""
    try:
        # The name, in parentheses, may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic()


def _too_hard() -> BadInput:
    return BadInput("The photo takes too long to open. Please send a smaller one.", "too_hard", 413)
