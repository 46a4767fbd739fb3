"""Programs that the engines need: started, waited for until they say where they listen, and ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.browser.engines.tab import Missing

Found = TypeVar("Found")


def program(*names: str) -> str:
    """The path of the first of these programs that is there. Raises Missing."""
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Missing(f"no {names[0]}; `python -m tests` installs it where there is apt-get")


class Program:
    """A program of ours, with its output in a file."""

    def __init__(self, command: Sequence[str], log: Path, **environment: str) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**os.environ, **environment}, start_new_session=True
            )

    def says(self, look: Callable[[], Found | None], seconds: float = 60) -> Found:
        """What `look` finds once it finds something. Raises RuntimeError where the program ends before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.process.args} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(60)


@contextmanager
def display(folder: Path) -> Iterator[str]:
    """A screen of its own, drawn in memory: its name (":99"). Raises Missing."""
    server = program("Xvfb")
    end, write = os.pipe()
    with (folder / "xvfb.log").open("wb") as log:
        command = [server, "-displayfd", str(write), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
        process = subprocess.Popen(command, pass_fds=[write], stdout=log, stderr=log)
    os.close(write)
    with os.fdopen(end) as said:
        number = said.readline().strip()
    try:
        if not number:
            raise RuntimeError(f"no screen: {(folder / 'xvfb.log').read_text(errors='replace')[-2000:]}")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(60)
