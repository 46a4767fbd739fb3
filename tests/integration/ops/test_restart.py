"""A restart that the operator asked for: the processes start anew with the settings as they are now, or not at all."""

from __future__ import annotations

import sys
import threading

import pytest

from kiosk.errors import BadInput
from kiosk.library import notices
from kiosk.library.upkeep import restart
from kiosk.logs import Kept, last_lines
from kiosk.ops.child_process import ChildSpec
from kiosk.ops.processes import _renewing
from kiosk.ops.supervisor import Supervisor
from kiosk.settings import Settings, validated
from tests.waiting import until


class Lines:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.slow
def test_processes_start_anew_at_once_with_what_is_new(data) -> None:
    data.prepare()
    says = "import os, time; print('color', os.environ['COLOR'], flush=True); time.sleep(1000)"
    stubborn = "import signal; signal.signal(15, signal.SIG_IGN); " + says
    specs = [ChildSpec(name, (sys.executable, "-c", code)) for name, code in (("one", says), ("two", stubborn))]
    wanted, out = [], Lines()
    supervisor = Supervisor(
        specs,
        lambda name: None,
        environment={"COLOR": "red"},
        renew=lambda: (specs, {"COLOR": wanted.pop()}) if wanted else None,
        out=Kept(out, data.runtime),
        stop_seconds=0.5,
    )

    def direct() -> None:
        try:
            until(lambda: out.text.count("color red") == 2, "both have started")
            wanted.append("blue")
            until(lambda: out.text.count("color blue") == 2, "both have started anew")
        finally:
            supervisor.stop()

    director = threading.Thread(target=direct)
    director.start()
    supervisor.run()
    director.join()
    assert out.text.count("color blue") == 2
    assert out.text.count("starts anew") == 2
    assert "restarting it in" not in out.text
    assert [line.partition(" ")[2] for line in last_lines(data.runtime)] == out.text.splitlines()


def test_a_restart_is_asked_for_once_and_only_with_settings_that_can_be_used(data) -> None:
    data.prepare()
    restart.ask(data)
    answers = [BadInput("dream.style: no such style"), validated({"network": {"name": "Gala"}}, "here")]

    def reload() -> Settings:
        answer = answers.pop(0)
        if isinstance(answer, BadInput):
            raise answer
        return answer

    renew = _renewing(data, Settings(), False, reload)
    assert renew() is None, "a request from before this start"
    restart.ask(data)
    assert renew() is None
    assert notices.said(data) == ["The settings are saved but not used yet: dream.style: no such style"]


def test_the_log_in_memory_stays_small(data, monkeypatch) -> None:
    monkeypatch.setattr("kiosk.logs.KEPT_BYTES", 1000)
    data.prepare()
    kept = Kept(Lines(), data.runtime)
    for number in range(200):
        kept.write(f"server | line {number}\n")
    assert sum(path.stat().st_size for path in data.runtime.glob("log*.txt")) < 2100
    lines = [line.partition(" ")[2] for line in last_lines(data.runtime, 20)]
    assert lines == [f"server | line {number}" for number in range(180, 200)]
