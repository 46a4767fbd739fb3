"""How two workers share the tests, and how one test runs alone."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import beside
from tests.waiting import LONGEST, until


class Runner(threading.Thread):
    """Takes its turn, says so, and goes on when it is told to."""

    def __init__(self, folder: Path, alone: bool) -> None:
        super().__init__(daemon=True)
        self.folder, self.alone = folder, alone
        self.running, self.over = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with beside.turn(self.folder, self.alone):
            self.running.set()
            self.over.wait(LONGEST)

    def ends(self) -> None:
        self.over.set()
        self.join(LONGEST)


@pytest.fixture
def begun() -> Iterator[list[Runner]]:
    runners: list[Runner] = []
    yield runners
    for runner in runners:
        runner.ends()


def test_tests_run_beside_each_other_and_one_that_wants_to_be_alone_after_them(
    tmp_path: Path, begun: list[Runner]
) -> None:
    begun += [Runner(tmp_path, False), Runner(tmp_path, False)]
    until(lambda: all(runner.running.is_set() for runner in begun))
    alone = Runner(tmp_path, True)
    begun.append(alone)
    # Whether it waits shows in the turnstile, which it holds meanwhile.
    until(lambda: (tmp_path / "turnstile").exists() and held(tmp_path / "turnstile"))
    later = Runner(tmp_path, False)
    begun.append(later)
    begun[0].ends()
    assert not alone.running.is_set()
    assert not later.running.is_set(), "who came later would leave it waiting for ever"
    begun[1].ends()
    until(alone.running.is_set)
    assert not later.running.is_set()
    alone.ends()
    until(later.running.is_set)


def held(path: Path) -> bool:
    """Whether somebody has this file locked."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_workers_are_used_unless_pytest_is_told_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert beside.options(["-m", "not slow"]) == ["-n", "2", "--dist", "loadfile"]
    for told in (["-n", "0"], ["-n4"], ["--numprocesses=1"], ["--pdb"]):
        assert beside.options(told) == []
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert beside.options([]) == []
