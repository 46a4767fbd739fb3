"""Two workers (pytest-xdist) run the tests side by side, since most tests leave one of two cores idle.

What a worker is given is a file, but the tests that drive a browser all go to one worker: two browsers that draw
without a graphics card at once would be slow in every test. Tests marked `alone`, which measure time, run while the
other worker waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser/"
AT_ONCE = 2
"""Workers. More would need more memory than small machines have, and the browser's tests take half of the time."""


class ByFile(LoadScopeScheduling):
    """Gives a worker the tests of one file, or all that drive a browser."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid.partition("::")[0]


def options(given: list[str]) -> list[str]:
    """What pytest is told besides the arguments `given` to it: to use workers, unless they say how many themselves."""
    told = any(one.startswith(("-n", "--numprocesses", "--pdb")) for one in given)
    return [] if told or (os.cpu_count() or 1) < AT_ONCE else ["-n", str(AT_ONCE), "--dist", "loadfile"]


@contextlib.contextmanager
def turn(folder: Path, alone: bool) -> Iterator[None]:
    """Wait until a test may run: `alone`, while no other does, or beside others. folder: that of the whole run.

    Whoever wants to be alone keeps the turnstile until it has ended, so that no others begin and it is not left
    waiting.
    """
    with (folder / "turnstile").open("w") as turnstile, (folder / "running").open("w") as running:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(running, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Not left to the closing: a child process that a test forgot may still hold the file open.
            fcntl.flock(running, fcntl.LOCK_UN)
            fcntl.flock(turnstile, fcntl.LOCK_UN)


def folder_of(config: pytest.Config) -> Path | None:
    """The folder that the workers of this run share; None without workers."""
    if not hasattr(config, "workerinput"):
        return None
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp().parent
