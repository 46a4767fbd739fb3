"""Run decode.py on an untrusted file in a child process with limited resources."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from kiosk.errors import BadInput, Unavailable
from kiosk.pictures.confine import Confined
from kiosk.pictures.containers import container
from kiosk.pictures.decode import Limits
from kiosk.storage import atomic_file, write_atomic

log = logging.getLogger(__name__)

# Wall-clock limit, so that a guest gets an answer. CPU time has its own limit.
WALL_SECONDS = 120
# A child that uses no CPU time for this long is stuck. Slow card writes stay well below it.
STILL_SECONDS = 60
# Limit for the child to exit after its answer.
ENDING_SECONDS = 20
# Longest answer in bytes: a sentence and a few numbers need far less.
MOST_SAID = 65536
# Longest error code and sentence for the guest, in characters.
MOST_CODE, MOST_MESSAGE = 40, 400
# Largest further picture in bytes. They are small by intent, but a child that a malicious file controls writes what it
# likes.
MOST_FURTHER = 4_000_000


def decode_apart(
    source: Path,
    target: Path,
    limits: Limits,
    alive: Callable[[], None] = lambda: None,
    *,
    program: str = "kiosk.pictures.decode",
    further: tuple[Path, ...] = (),
) -> dict[str, Any]:
    """Decode `source` to the upright JPEG `target` in a child process under `limits`. Returns {width, height, gpano}.

    program: the module whose `main` the child runs. further: where the pictures go that a program's look makes; no file
    for one that it does not make. `alive` is called about once a second as long as the child uses CPU time. Raises
    BadInput if the picture is at fault, however the child ended, and Unavailable if the disk is.
    """
    with source.open("rb", buffering=0) as received, atomic_file(target) as written:
        container.refuse_film(source)
        container.refuse(received.read(container.FIRST_BYTES))
        received.seek(0)
        with contextlib.ExitStack() as stack:
            drawn = [stack.enter_context(tempfile.TemporaryFile(dir=target.parent)) for _ in further]
            said, status = _run(received, (written, *drawn), limits, alive, program)
            known = _understood(said, status)
            for path, file in zip(further, drawn, strict=True):
                if 0 < file.seek(0, os.SEEK_END) <= MOST_FURTHER:
                    file.seek(0)
                    write_atomic(path, file.read())
        return known


def _understood(said: bytes, status: int) -> dict[str, Any]:
    """Parse the child's answer. It is not trusted: a malicious file may control what the child writes, and the child
    may die at any moment, even after its answer."""
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
    if answered < 400 or len(code) > MOST_CODE or len(message) > MOST_MESSAGE:
        raise BadInput("The photo cannot be opened. Please send another one.", "cannot_open")
    raise BadInput(message, code, answered)


def confinement() -> Confined:
    """Which confinement this system supports for the decoder, found by trying it in a child process."""
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.pictures.confine"], capture_output=True, check=False, timeout=WALL_SECONDS
    )
    try:
        return Confined(**json.loads(done.stdout))
    except (ValueError, TypeError):
        return Confined(False, 0)


def _run(
    received: IO[bytes],
    written: tuple[IO[bytes], ...],
    limits: Limits,
    alive: Callable[[], None],
    program: str,
) -> tuple[bytes, int]:
    """Run the child. Returns its output and exit status, negative for a signal. Raises BadInput if it takes too
    long."""
    targets = tuple(file.fileno() for file in written)
    child = subprocess.Popen(
        _command(targets, limits, program),
        stdin=received,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=targets,
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
        # Unlike child.wait(), wait4 reports the CPU time used.
        _, ended, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
    log.debug(
        "child: %s, %.2f s of processor, said %s",
        child.returncode,
        usage.ru_utime + usage.ru_stime,
        said,
    )
    return said, child.returncode


def _command(targets: tuple[int, ...], limits: Limits, program: str) -> list[str]:
    # -I ignores the environment and the current folder; modules come from this process's own sys.path.
    start = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {program} import main; "
    start += "sys.exit(main(sys.argv[2:]))"
    return [
        sys.executable,
        "-I",
        "-c",
        start,
        json.dumps([*map(os.path.abspath, sys.path)]),
        json.dumps(asdict(limits)),
        *map(str, targets),
    ]


def _environment() -> dict[str, str]:
    """The child's environment: the library path only. This process's environment may contain passwords."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    # OpenBLAS reserves address space per core at import, which counts against the memory limit.
    return {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", **kept}


def _listen(pipe: IO[bytes], pid: int, alive: Callable[[], None]) -> bytes:
    """Read what process `pid` writes to the pipe until it closes it or exceeds MOST_SAID bytes. Raises BadInput after
    WALL_SECONDS, or after STILL_SECONDS without CPU time used."""
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
    """Wait for process `pid` to exit. Returns whether it did within ENDING_SECONDS."""
    until = time.monotonic() + ENDING_SECONDS
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def _processor_seconds(pid: int) -> float:
    """CPU seconds that process `pid` has used. Where /proc is missing, the current time, so that it counts as
    working."""
    try:
        # Skip the process name in parentheses, which may contain spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic()


def _too_hard() -> BadInput:
    return BadInput("The photo takes too long to open. Please send a smaller one.", "too_hard", 413)
