"""One attack on a real server, beside a guest, and what became of both."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image

from kiosk.library import heartbeat
from kiosk.storage import DataFolder
from tests.costly import many_scans, repeated_noise
from tests.faults.hostile.network import Place, place

TREE = Path(__file__).parents[3]
DISK_MB = 700
SETTINGS = "[retention]\nreserve_gb = 0.1\nquota_gb = 1\n"
SERVE = """
import json, logging, sys
from pathlib import Path
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
logging.basicConfig(level=logging.INFO)
app = create_app(DataFolder(Path(sys.argv[1])))
serve(app, "0.0.0.0", 0, on_ready=lambda *ports: print(json.dumps(ports), flush=True))
"""
ADDRESSES = {"streams": 4, "connections": 1}
"""From how many addresses an attack comes; 1 where nothing is said."""


@dataclass
class Outcome:
    """worst: the guest's slowest answer by kind, seconds; cpu: seconds the server spent; sent: bytes of the foe."""

    name: str
    worst: dict[str, float] = field(default_factory=dict)
    answers: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    sent: int = 0
    cpu: float = 0.0
    memory_mb: float = 0.0
    log_bytes: int = 0
    log: str = ""
    alive: bool = False
    beat_age: float | None = None
    kept_waiting: float = 0.0
    """The part of the time in which the server could have run, and other programs of this machine had the processor."""

    @property
    def slowest(self) -> float:
        """Of all answers but those to uploads, which wait for a picture to be opened."""
        return max((took for kind, took in self.worst.items() if kind != "upload"), default=float("inf"))


@contextlib.contextmanager
def data_folder(small: bool) -> Iterator[DataFolder]:
    """An empty data folder, with `small` on a file system of its own of DISK_MB where that may be made."""
    with tempfile.TemporaryDirectory(prefix="hostile.") as name:
        mounted = False
        if small and os.geteuid() == 0:
            command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", name]
            mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
        try:
            data = DataFolder(Path(name) / "data")
            data.root.mkdir()
            data.settings.write_text(SETTINGS)
            yield data
        finally:
            if mounted:
                subprocess.run(["umount", "-l", name], check=True)


@contextlib.contextmanager
def server(data: DataFolder, log: Path, tree: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The kiosk's server of the code in `tree`, and its port."""
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(data.root)],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "DREAMKIOSK_RUNTIME": str(data.root / "runtime")},
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, log.read_text()
            yield process, json.loads(line)[0]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def run(name: str | None, seconds: float, seed: int = 12, tree: Path = TREE) -> Outcome:
    """Attack `name` (None: nobody attacks) for `seconds`, with a guest beside it."""
    outcome = Outcome(name or "nobody")
    with (
        data_folder(small=True) as data,
        tempfile.TemporaryDirectory(prefix="hostile.log.") as notes,
        place() as guest,
        place(ADDRESSES.get(name or "", 1)) as foe,
    ):
        log, picture = Path(notes) / "log", Path(notes) / "photo.jpg"
        Image.effect_noise((512, 256), 60).convert("RGB").save(picture, "JPEG", quality=85)
        # More pixels than a guest's photo, and the most that fits into little.
        (Path(notes) / "noise.png").write_bytes(repeated_noise((12288, 6144)))
        (Path(notes) / "scans.jpg").write_bytes(many_scans((8192, 4096), 200))
        os.environ["DREAMKIOSK_RUNTIME"] = str(data.root / "runtime")
        with server(data, log, tree) as (process, port):
            token = _bring(guest, port, picture)
            measured = psutil.Process(process.pid)
            before, scheduled = _cpu(measured), _scheduled(process.pid)
            running = []
            if name:
                arguments = [name, foe.kiosk, str(port), str(seconds + 120), str(seed), token, notes, *foe.addresses]
                attack = _start(foe, "attacks", arguments)
                running.append(attack)
                # The foe is at work before the guest comes.
                assert attack.stdout is not None
                assert attack.stdout.readline() == "here\n"
            arguments = [guest.kiosk, str(port), str(seconds), token, str(picture), guest.addresses[0]]
            watched = _start(guest, "guest", arguments)
            told = json.loads(watched.communicate(timeout=seconds + 180)[0])
            for attack in running:
                attack.terminate()
                with contextlib.suppress(ValueError):
                    outcome.sent = json.loads(attack.communicate(timeout=seconds + 60)[0])["sent"]
            outcome.worst, outcome.answers, outcome.wrong = told["worst"], told["answers"], told["wrong"]
            outcome.alive = process.poll() is None
            if outcome.alive:
                outcome.cpu = _cpu(measured) - before
                ran, waited = (now - then for now, then in zip(_scheduled(process.pid), scheduled, strict=True))
                outcome.kept_waiting = waited / max(1.0, ran + waited)
                outcome.memory_mb = measured.memory_info().rss / 1e6
                outcome.beat_age = heartbeat.age(data, "server")
                outcome.lost = [one for one in [token, *told["brought"]] if not _is_there(guest, port, one)]
        outcome.log = log.read_text(errors="replace")
        outcome.log_bytes = log.stat().st_size
    return outcome


def _start(where: Place, script: str, arguments: list[str]) -> subprocess.Popen[str]:
    command = [*where.prefix, sys.executable, "-m", f"tests.faults.hostile.{script}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TREE)


def _bring(where: Place, port: int, picture: Path) -> str:
    """The token of the guest's own photo, brought before anything happens."""
    from tests.faults.hostile.guest import Guest

    guest = Guest("127.0.0.1", port, 60, "", picture.read_bytes(), "127.0.0.1")
    body = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n' + guest.photo
    text = guest.ask("upload", "POST", "/api/photos", body + b"\r\n--x--\r\n",
                     Content_Type="multipart/form-data; boundary=x")  # fmt: skip
    return json.loads(text)["token"]


def _is_there(where: Place, port: int, token: str) -> bool:
    from tests.faults.hostile.guest import Guest

    guest = Guest("127.0.0.1", port, 60, "", b"", "127.0.0.1")
    guest.ask("status", "GET", f"/api/photos/{token}")
    return not guest.wrong


def _scheduled(pid: int) -> tuple[int, int]:
    """Nanoseconds that the process' first thread ran, and waited for a processor."""
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(ran), int(waited)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system
