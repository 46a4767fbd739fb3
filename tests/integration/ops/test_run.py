"""dreamkiosk run, as started in a terminal: the whole kiosk, real processes, real ports."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import LONGEST, until

DREAMKIOSK = [sys.executable, "-c", "from kiosk.cli import main; main()"]


def free_ports(count):
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Kiosk:
    """`dreamkiosk run` with its output; stopped at the latest when the test ends."""

    def __init__(self, folder, *options):
        self.port, self.tls_port = free_ports(2)
        self.log = (folder / "log").open("w+")
        command = [*DREAMKIOSK, "--data", str(folder / "data"), "run", "--host", "127.0.0.1"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--tls-port", str(self.tls_port), *options],
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, "DREAMKIOSK_RUNTIME": str(folder / "runtime")},
            # Ctrl-C in a terminal reaches the whole group in front; here only the kiosk is meant.
            start_new_session=True,
        )

    def text(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, pattern):
        def seen():
            found = re.search(pattern, self.text())
            assert found or self.process.poll() is None, self.text()
            return found

        return until(seen, lambda: f"{pattern!r} in:\n{self.text()}")

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())

    def children(self):
        """The IDs of all descendants of the kiosk's process."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(FileNotFoundError):
                below = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
                found += below
                waiting += below
        return found


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory):
    kiosk = Kiosk(tmp_path_factory.mktemp("run"), "--demo")
    yield kiosk
    if kiosk.process.poll() is None:
        kiosk.process.terminate()
        kiosk.process.wait(LONGEST)
    kiosk.log.close()


@pytest.mark.slow
def test_it_says_where_it_is_with_a_code_to_scan(kiosk):
    kiosk.wait_for(rf"The kiosk is open: http://127\.0\.0\.1:{kiosk.port}/\n")
    assert "▀" in kiosk.text()
    assert kiosk.get("/healthz")["status"] == "ok"


@pytest.mark.slow
def test_the_demonstration_takes_a_photo_by_itself(kiosk):
    kiosk.wait_for("the virtual camera took photo")
    assert kiosk.get("/healthz")["queue"] <= 1


@pytest.mark.slow
def test_a_second_kiosk_on_the_same_data_is_refused_in_one_line(kiosk):
    kiosk.wait_for("The kiosk is open")
    data = Path(kiosk.log.name).parent / "data"
    command = [*DREAMKIOSK, "--data", str(data), "run", "--port", str(free_ports(1)[0])]
    environment = {**os.environ, "DREAMKIOSK_RUNTIME": str(data.parent / "runtime")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "already running" in done.stderr


@pytest.mark.slow
def test_a_child_that_is_killed_comes_back_and_the_pages_stay(kiosk):
    kiosk.wait_for("The kiosk is open")
    workers = [
        pid for pid in kiosk.children() if b"kiosk.ops.child\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(workers) == 1
    os.kill(workers[0], signal.SIGKILL)
    assert kiosk.get("/healthz")["database"]
    kiosk.wait_for(r"worker \| was killed by SIGKILL; restarting it")
    kiosk.wait_for(r"SIGKILL[\s\S]*worker \| worker \d+ is waiting for photos")


@pytest.mark.slow
def test_ctrl_c_stops_everything(kiosk):
    kiosk.wait_for("The kiosk is open")
    below = kiosk.children()
    assert len(below) >= 4
    kiosk.process.send_signal(signal.SIGINT)
    assert kiosk.process.wait(LONGEST) == 0
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]
    assert kiosk.text().rstrip().endswith("dreamkiosk: stopped")


@pytest.mark.parametrize("option", ["--port", "--tls-port"])
def test_a_port_in_use_is_one_clear_line(data, option):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = {"--port": free_ports(1)[0], "--tls-port": 0, option: port}
        options = [str(part) for pair in ports.items() for part in pair]
        command = [*DREAMKIOSK, "--data", str(data.root), "run", "--host", "127.0.0.1", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2
    assert done.stderr == (
        f"dreamkiosk: cannot listen on 127.0.0.1 port {port}: address already in use; "
        f"stop the program that uses it, or choose another with {option}\n"
    )


@pytest.mark.parametrize(
    "options",
    [["--port", "0"], ["--port", "70000"], ["--port", "x"], ["--port", "9", "--tls-port", "9"], ["--hots", "x"]],
)
def test_bad_usage_is_exit_status_two(data, options):
    command = [*DREAMKIOSK, "--data", str(data.root), "run", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[dream]\nstyle = 'nope'\n", "'nope'"),
        ("[dream]\nstyle = 'dgos'\n", "dream.style in the settings: no style is called 'dgos'"),
        ("[dream]\nstyle = 'dgos'\n", "did you mean dogs?"),
        ("[network]\nport = true\n", "network.port: should be a number"),
        ("[network]\nport = 'x'\n", "network.port"),
        ("[network\n", "not valid TOML"),
    ],
)
def test_settings_of_no_use_are_one_clear_line(data, text, says):
    data.prepare().settings.write_text(text)
    command = [*DREAMKIOSK, "--data", str(data.root), "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
