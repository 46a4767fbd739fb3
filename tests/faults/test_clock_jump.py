"""The network corrects the clock while the kiosk runs: no photo is lost, and the operator is told.

Debian's libfaketime moves the clock of the server process only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.library.library import Library
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests.waiting import until

FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed; `python -m tests` installs it"),
]

SERVE = """
import json, logging, os, select, sys, time
os.environ.pop("LD_PRELOAD")  # photos are opened in a process under limits, which it does not keep to
time.sleep = lambda seconds: select.select([], [], [], seconds)  # libfaketime refuses clock_nanosleep(2) now and then
from pathlib import Path
from kiosk.server.http import serve
from kiosk.server.app import create_app
from kiosk.storage import DataFolder

serve.RETENTION_SECONDS = serve.CLOCK_SECONDS = 0.2
logging.basicConfig(level=logging.WARNING)
app = create_app(DataFolder(Path(sys.argv[1])), uploads_per_address="3 per hour")
serve.serve(app, "127.0.0.1", 0, on_ready=lambda *ports: print(json.dumps(ports), flush=True))
"""


class Kiosk:
    """A server whose clock was last set by `says`, and runs on from there."""

    def __init__(self, folder: Path, client_of: Callable, start: str) -> None:
        self.data = DataFolder(folder / "data")
        self._stamp = folder / "time"
        self.says(start)
        environment = {
            **os.environ,
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._stamp),
            "FAKETIME_NO_CACHE": "1",
            # Setting a real clock changes neither seconds since boot nor the times of existing files.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self.data.root)],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        self.client = client_of(self.data, self.process, json.loads(self.process.stdout.readline())[0])

    def says(self, moment: str) -> None:
        written = self._stamp.with_suffix(".new")
        written.write_text(f"@{moment}\n")
        written.replace(self._stamp)


@pytest.fixture
def start(tmp_path: Path, client_of) -> Iterator[Callable[[str], Kiosk]]:
    started: list[Kiosk] = []

    def begin(moment: str) -> Kiosk:
        started.append(Kiosk(tmp_path, client_of, moment))
        return started[-1]

    yield begin
    for kiosk in started:
        kiosk.client.stop()
        kiosk.process.stdout.close()
        kiosk.log.close()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("2019-02-14 10:00:00", "2026-07-01 12:00:00", "forward by 7 years"),
        ("2026-07-01 12:00:00", "2026-06-25 12:00:00", "back by 6 days"),
    ],
)
def test_no_photo_is_lost_and_the_operator_is_told(start, photo_bytes: bytes, before: str, after: str, words: str):
    kiosk = start(before)
    brought = [kiosk.client.upload(photo_bytes) for _ in range(2)]
    assert [answer.status for answer in brought] == [201, 201], brought
    kept, due = (answer.json for answer in brought)
    assert kiosk.client.get(kept["status_url"]).json["expires"] < time.time() + 86400 * 365
    with Library(kiosk.data, Retention()) as library:
        for number in range(2):
            library.jobs.finish(library.jobs.lease(f"worker {number}"))
        # This photo really expires, which shows when retention has run after the jump.
        kiosk.says(after)
        until(lambda: any(words in notice for notice in kiosk.client.get("/healthz").json["notices"]))
        with library.writing() as connection:
            connection.execute("UPDATE photos SET lives = 0 WHERE token = ?", (due["token"],))
    until(lambda: kiosk.client.get(due["status_url"]).status == 404)
    status = kiosk.client.get(kept["status_url"])
    assert (status.status, status.json["state"]) == (200, "ready")
    told = time.strftime("%Y-%m-%d", time.localtime(status.json["expires"] - 86400))
    assert told == after[:10], "guests are told when it goes by the clock as it is now"
    page = kiosk.client.get("/operator").body.decode()
    assert words in page
    assert "No photo was removed because of it" in page
    assert words in Path(kiosk.log.name).read_text()


def test_a_clock_put_back_does_not_lock_guests_out(start, photo_bytes: bytes) -> None:
    kiosk = start("2026-07-01 12:00:00")
    assert [kiosk.client.upload(photo_bytes).status for _ in range(4)] == [201, 201, 201, 429]
    kiosk.says("2019-02-14 10:00:00")
    until(lambda: kiosk.client.upload(photo_bytes).status == 201)
