"""The supervisor with real child processes: crashes, hangs, stops, and what remains if the supervisor is killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.waiting import LONGEST, until

# A supervisor in a process of its own. Children are Python one-liners; a heartbeat is a file's age.
HOST = """
import os, sys, time
from pathlib import Path
from kiosk.ops import child_process, supervisor
from kiosk.ops.supervisor import ChildSpec, Supervisor

folder = Path(sys.argv[1])

def age(name):
    try:
        return max(0.0, time.time() - (folder / name).stat().st_mtime)
    except FileNotFoundError:
        return None

specs = [
    ChildSpec(name, (sys.executable, "-c", CHILD.replace("BODY", body), str(folder / name)), stale, stale is not None)
    for name, body, stale in CHILDREN
]
status = Supervisor(specs, age, on_ready=lambda: print("ready", file=sys.stderr, flush=True), stop_seconds=STOP).run()
print("supervisor ended", status, file=sys.stderr, flush=True)
"""

CHILD = """
import os, signal, subprocess, sys, time
from pathlib import Path
from kiosk.ops.child import die_with_parent
die_with_parent()
beat = Path(sys.argv[1])
print('pid', os.getpid(), flush=True)
BODY
"""

BEATING = "while True:\n    beat.touch()\n    time.sleep(0.1)"
BEATS_ONCE = "beat.touch()\ntime.sleep(1000)"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + BEATING
ENDS = "sys.exit(3)"
WITH_A_CHILD = "print('grandchild', subprocess.Popen(['sleep', '1000']).pid, flush=True)\n" + BEATING


class Run:
    """A supervisor of `children` (name, body, stale_after), with its output."""

    def __init__(self, folder, children, stop=4.0):
        script = f"CHILD = {CHILD!r}\nCHILDREN = {children!r}\nSTOP = {stop}\n{HOST}"
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stderr=self.log)

    def text(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, pattern, count=1):
        def seen():
            found = re.findall(pattern, self.text())
            return found if len(found) >= count else None

        return until(seen, lambda: f"{pattern!r} {count} times in:\n{self.text()}")

    def pid(self, name, number=1):
        return int(self.wait_for(rf"{name} \| pid (\d+)", number)[number - 1])


@pytest.fixture
def run(tmp_path):
    started = []

    def start(*children, stop=4.0):
        started.append(Run(tmp_path, children, stop))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()
        each.log.close()


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid):
    return until(lambda: not alive(pid), f"{pid} is still there")


def test_it_is_ready_when_the_essential_children_have_shown_progress(run):
    it = run(("one", BEATING, 30), ("two", BEATING, 30))
    it.wait_for("^ready$|\nready\n")


@pytest.mark.slow
def test_a_killed_child_is_started_again(run):
    it = run(("one", BEATING, 30))
    first = it.pid("one")
    os.kill(first, signal.SIGKILL)
    second = it.pid("one", 2)
    assert second != first
    assert "was killed by SIGKILL; restarting it" in it.text()


@pytest.mark.slow
def test_a_child_that_ends_again_and_again_is_given_longer_pauses(run):
    it = run(("one", ENDS, None))
    pauses = [float(p) for p in it.wait_for(r"exited with status 3; restarting it in ([\d.]+) s", 3)]
    # Each message gives the time left when it is written, slightly less than the full pause.
    assert pauses == pytest.approx([0.5, 1.0, 2.0], abs=0.2)


@pytest.mark.slow
def test_a_child_without_progress_is_killed_and_started_again(run):
    it = run(("one", BEATS_ONCE, 4.0))
    first = it.pid("one")
    it.wait_for("made no progress for 4 s; killing it")
    assert it.pid("one", 2) != first
    assert gone(first)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_ends_everything(run, number):
    it = run(("one", BEATING, 30), ("two", WITH_A_CHILD, 30), stop=50.0)
    pids = [it.pid("one"), it.pid("two"), int(it.wait_for(r"grandchild (\d+)")[0])]
    it.process.send_signal(number)
    assert it.process.wait(LONGEST) == 0
    assert all(gone(pid) for pid in pids)
    assert "supervisor ended 0" in it.text()


@pytest.mark.slow
def test_a_child_that_does_not_want_to_stop_is_killed(run):
    it = run(("one", STUBBORN, 30), stop=1.0)
    pid = it.pid("one")
    it.wait_for("\nready\n")
    it.process.terminate()
    it.process.wait(LONGEST)
    assert gone(pid)
    assert "did not stop within 1 s; killing it" in it.text()


def test_a_supervisor_that_is_killed_leaves_no_child(run):
    it = run(("one", BEATING, 30), ("two", STUBBORN, 30))
    pids = [it.pid("one"), it.pid("two")]
    it.process.kill()
    it.process.wait()
    assert all(gone(pid) for pid in pids)


def test_what_children_write_is_shown_with_their_names(run):
    it = run(("one", "print('a' * 20000)\nprint('half', end='', flush=True)\ntime.sleep(1000)", None))
    it.wait_for(r"one \| a{8000}")
    it.process.terminate()
    it.process.wait(LONGEST)
    assert "one | half" in it.text()


def test_a_program_that_does_not_exist_is_tried_again_and_said(tmp_path):
    script = (
        "from kiosk.ops.supervisor import *\n"
        "Supervisor([ChildSpec('ghost', ('/nonexistent/program',))], lambda name: None).run()"
    )
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen([sys.executable, "-c", script], stderr=log)
        until(lambda: (tmp_path / "log").read_text().count("ghost | cannot be started") >= 2)
        process.terminate()
        assert process.wait(LONGEST) == 0


@pytest.mark.slow
def test_a_child_may_fail_for_weeks(tmp_path):
    script = """
import sys
import time
from kiosk.ops import child_process, supervisor
from kiosk.ops.supervisor import ChildSpec, Supervisor

child_process.FIRST_PAUSE = child_process.LONGEST_PAUSE = supervisor.TICK = 0.0
it = Supervisor([ChildSpec("ghost", ("/nonexistent/program",))], lambda name: None, out=open("/dev/null", "w"))
look_after = it._look_after
def look():
    look_after()
    if it.restarts > 3000:
        it.stop()
it._look_after = look
sys.exit(it.run())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_child_ended_by_a_signal_without_a_name_is_started_again(run):
    it = run(("one", BEATING, 30))
    first = it.pid("one")
    os.kill(first, signal.SIGRTMIN + 3)
    assert it.pid("one", 2) != first
    assert f"was killed by signal {signal.SIGRTMIN + 3}; restarting it" in it.text()


def test_a_greeting_that_fails_does_not_end_the_kiosk(tmp_path):
    beat = tmp_path / "beat"
    script = f"""
import sys
import time
from pathlib import Path
from kiosk.ops.supervisor import ChildSpec, Supervisor

beat = Path({str(beat)!r})
def greet():
    raise ValueError("no terminal")
child = ChildSpec("one", (sys.executable, "-c", f"import time; open({str(beat)!r}, 'w'); time.sleep(1000)"), 60, True)
it = Supervisor([child], lambda name: 0.0 if beat.exists() else None, on_ready=greet)
tell, it._tell_ready = it._tell_ready, lambda greeting: (tell(greeting), it.stop())
sys.exit(it.run())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_systemd_hears_that_it_is_ready_alive_and_stopping(run, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(LONGEST)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        it = run(("one", BEATING, 30))
        heard = [systemd.recv(1000).decode()]
        # Signs of life come from the start on; a child that is slow to begin may let many pass.
        end = time.monotonic() + 120
        while not (heard.count("WATCHDOG=1") >= 2 and any(text.startswith("READY=1") for text in heard)):
            assert time.monotonic() < end, heard
            heard.append(systemd.recv(1000).decode())
        it.process.terminate()
        while not heard[-1].startswith("STOPPING=1"):
            heard.append(systemd.recv(1000).decode())
    assert any(text.startswith("READY=1") for text in heard)
    assert heard.count("WATCHDOG=1") >= 2
