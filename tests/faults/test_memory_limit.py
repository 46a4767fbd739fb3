"""A photo that makes the worker use too much memory fails once, with a sentence; the next one is made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.library import heartbeat
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.upkeep.overuse import TOO_LARGE
from kiosk.ops import memory
from kiosk.ops.memory import LEAST_MB, kernel_kills, used_mb, worker_limit_mb
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.settings import Dream, Settings
from kiosk.storage import DataFolder
from tests.waiting import until

pytestmark = pytest.mark.slow

HOST = """
import os, sys
from kiosk.library import heartbeat
from kiosk.ops import memory, processes as kiosk
from kiosk.settings import Settings
from kiosk.storage import DataFolder
from pathlib import Path

kiosk.worker_limit_mb = lambda dream, on_gpu: float(sys.argv[2])
children = kiosk.children
kiosk.children = lambda limit: [spec for spec in children(limit) if spec.name == "worker"]
data = DataFolder(Path(sys.argv[1])).prepare()
sys.exit(kiosk.make_supervisor(data, Settings.model_validate_json(sys.argv[3])).run())
"""
SETTINGS = Settings.model_validate(
    {"dream": {"width": 256, "upscale": 1, "precision": "fp32", "deadline": 86400, "memory": 4096}}
)
QUICK = {"dream": {"octaves": 1, "iterations": 1}}
WIDE = {"dream": {"octaves": 1, "iterations": 200, "width": 8192}}
LIMIT_MB = 400


def photo() -> bytes:
    small = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
    return encode_jpeg(cv2.resize(small, (512, 256), interpolation=cv2.INTER_CUBIC))


@pytest.mark.slow
def test_the_worker_is_ended_over_one_photo_which_fails_and_the_next_is_made(data: DataFolder, tmp_path: Path) -> None:
    with Library(data) as library, (tmp_path / "log").open("w+") as log:
        large = accept(library, photo(), recipe=WIDE)
        after = accept(library, photo(), recipe=QUICK)
        command = [sys.executable, "-c", HOST, str(data.root), str(LIMIT_MB), SETTINGS.model_dump_json()]
        supervisor = subprocess.Popen(command, stderr=log)
        try:
            until(lambda: library.photo(after.token).state in ("ready", "failed"))
        finally:
            supervisor.terminate()
            supervisor.wait(60)
        log.seek(0)
        text = log.read()
        assert library.photo(after.token).state == "ready", text
        told = library.photo(large.token)
        assert (told.state, told.error, told.error_code) == ("failed", TOO_LARGE, "memory"), text
        with library.reading() as connection:
            assert connection.execute("SELECT fence FROM jobs WHERE photo_id = ?", (large.id,)).fetchone()[0] == 1
        assert text.count("killing it") == 1
        assert f"over its limit of {LIMIT_MB} MB" in text


def test_what_a_process_takes_is_what_it_cannot_give_back(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 200_000_000)
    script = (
        "import mmap, sys; own = bytearray(b'y' * 100_000_000)\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    seen = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ); sum(seen[::4096])\n"
        "    reserved = mmap.mmap(-1, 1 << 34, flags=mmap.MAP_PRIVATE, prot=0)\n"
        "    print('here', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "file")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        assert 95 < used_mb(process.pid) < 180
        process.stdin.close()
    assert used_mb(process.pid) == 0


@pytest.mark.parametrize(
    ("memory_mb", "on_gpu", "total", "limit"),
    [
        (1024, False, 65536, 3072),
        (1024, True, 65536, 7168),
        (1024, False, 4096, 2048),
        (1024, False, 2048, 1024),
        (1024, False, 900, LEAST_MB),
    ],
)
def test_the_limit_leaves_half_of_a_small_board(memory_mb: int, on_gpu: bool, total: float, limit: float) -> None:
    assert worker_limit_mb(Dream(memory=memory_mb), on_gpu, total) == limit


@pytest.mark.parametrize(("kills", "told"), [(1, True), (0, False)])
def test_a_worker_that_the_kernel_killed_for_its_memory_is_told_of(tmp_path: Path, monkeypatch, kills: int, told: bool):
    """The kernel's counter comes from a file of the test; everything else is real."""
    from kiosk.ops.supervisor import ChildSpec, Supervisor

    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 1\noom_kill 41\n")
    monkeypatch.setattr(memory, "VMSTAT", vmstat)
    assert kernel_kills() == 41
    heard: list[tuple[str, int]] = []
    killed: list[int] = []
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    it = Supervisor(
        [ChildSpec("worker", (sys.executable, "-c", script), memory_mb=1e6)],
        lambda name: None,
        on_overuse=lambda name, process: heard.append((name, process)),
    )
    look_after = it._look_after

    def look() -> None:
        look_after()
        pids = (tmp_path / "pid").read_text().split() if (tmp_path / "pid").exists() else []
        if len(pids) == 1 and it.restarts == 0 and not killed:
            killed.append(int(pids[0]))
            vmstat.write_text(f"oom_kill {41 + kills}\n")
            os.kill(killed[0], signal.SIGKILL)
        elif len(pids) == 2:
            it.stop()

    monkeypatch.setattr(it, "_look_after", look)
    timer = threading.Timer(120, it.stop)
    timer.start()
    it.run()
    timer.cancel()
    assert killed
    assert heard == ([("worker", killed[0])] if told else [])


def test_the_kernel_takes_the_worker_first(data: DataFolder) -> None:
    data.prepare()
    process = subprocess.Popen(
        [sys.executable, "-m", "kiosk.ops.child", "worker"],
        env={
            **os.environ,
            "DREAMKIOSK_DATA": str(data.root),
            "DREAMKIOSK_SETTINGS": SETTINGS.model_dump_json(),
        },
    )
    try:
        until(lambda: heartbeat.age(data, "worker") is not None)
        assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) == 500
    finally:
        process.kill()
        process.wait(60)
