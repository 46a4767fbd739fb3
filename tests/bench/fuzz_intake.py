"""Thousands of broken photos, sent to a real server: what each costs, and whether anything is lost or left.

    python -m tests.bench.fuzz_intake --count 2000 [--seed 1] [--json]

sends 2,000 photos broken anywhere, 2,000 with broken headers (XMP, EXIF and those of every format) and 2,000 whole ones
with odd tags, one after another; about an hour on two cores. The worker is not running. Every decoding child tells its
peak of memory, which is compared with that of an ordinary photo of the same format and as many pixels as the broken one
claims, by a line through two ordinary ones. Exit status 1 where a promise is broken; tests/faults/test_fuzz_intake.py
runs a share.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.pictures.containers import container
from kiosk.pictures.containers.parts import Damaged
from kiosk.storage import DataFolder
from tests.bench.mutations import BREAKERS, Seed, seeds
from tests.conftest import SERVE, Server

WIDTHS = (768, 2048)
"""Of the two ordinary photos; the narrower one is broken."""
ALLOWED = 1.5
WORLD_MB = 40.0
"""What the small world takes that the child draws around a photo that is no whole sphere; the ordinary ones are."""
_LOUD = """
import logging
apart = logging.getLogger("kiosk.pictures.apart")
apart.setLevel(logging.DEBUG)
apart.addHandler(logging.StreamHandler())
apart.propagate = False
"""
"""Every line of the decoding children: the kiosk's own log keeps to 20 of a kind a minute."""
_CHILD = re.compile(r"child: (-?\d+), ([\d.]+) s of processor, said b'(.*)'$")


@dataclass
class Report:
    """What was seen. read: for each way and format, what came of it. worst: the largest peak over that of an ordinary
    photo of the same size, and of what; slowest: seconds of processor of one child, and of what; died: children by
    signal; broken: promises that were not kept."""

    sent: int = 0
    children: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    read: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    worst: tuple[float, str] = (0.0, "")
    peak_mb: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    died: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        return json.dumps({**vars(self), "answers": dict(self.answers), "died": dict(self.died)}, indent=1)


def megapixels(data: bytes) -> float:
    """What a file claims to have; 0 where it cannot be taken apart, and no decoder sees it."""
    try:
        parts = container.take_apart(data)
    except (Damaged, BadInput):
        return 0.0
    return parts.width * parts.height / 1e6


class Fuzzer:
    """A server in a folder of its own, and what its children said."""

    def __init__(self, folder: Path) -> None:
        self.data = DataFolder(folder / "data")
        self._log = (folder / "log").open("w+")
        options = {"data": str(self.data.root), "host": "127.0.0.1", "serve": {}}
        options["app"] = {"uploads_per_address": "100000 per second"}
        process = subprocess.Popen(
            [sys.executable, "-c", _LOUD + SERVE, json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "DREAMKIOSK_RUNTIME": str(folder / "runtime")},
        )
        assert process.stdout is not None
        port, _ = json.loads(process.stdout.readline())
        self.server = Server(self.data, process, port)
        self._heard = 0
        self.report = Report()
        self.lines: dict[str, tuple[float, float]] = {}
        """For each kind the peak of a child without pixels, megabytes, and that of a megapixel more."""

    def measure(self, narrow: list[Seed], wide: list[Seed]) -> None:
        """Send ordinary photos of two sizes, and draw the lines."""
        for small, large in zip(narrow, wide, strict=True):
            peaks = []
            for seed in (small, large):
                answer = self.server.upload(seed.data)
                heard = self.children()
                peaks.append(heard[0][2] if heard else {})
                if answer.status != 201:
                    raise RuntimeError(f"an ordinary {seed.name} is refused: {answer.body!r}")
                self.forget(answer.json)
            if peaks[0]:
                sizes = [megapixels(seed.data) for seed in (small, large)]
                slope = max(0.0, (peaks[1]["peak_mb"] - peaks[0]["peak_mb"]) / (sizes[1] - sizes[0]))
                self.lines[small.name] = (peaks[0]["peak_mb"] - slope * sizes[0], slope)

    def children(self) -> list[tuple[int, float, dict[str, Any]]]:
        """(exit status, seconds of processor, what it said) of every child since the last call."""
        self._log.flush()
        text = Path(self._log.name).read_text(errors="replace")
        fresh, self._heard = text[self._heard :], text.rfind("\n") + 1
        heard = []
        for line in fresh.splitlines():
            if found := _CHILD.search(line):
                said = found[3].encode().decode("unicode_escape")
                heard.append((int(found[1]), float(found[2]), json.loads(said) if said.strip() else {}))
        return heard

    def send(self, kind: str, seed: Seed, data: bytes, number: int) -> None:
        """Send one broken photo and note what came of it."""
        report, what = self.report, f"{kind} {number}, {seed.name}"
        size = megapixels(data)
        answer = self.server.upload(data)
        report.sent += 1
        code = "accepted" if answer.status == 201 else answer.json["error"]
        report.answers[f"{answer.status} {code}"] += 1
        report.read[f"{kind}, {'several formats' if kind == 'odd tags' else seed.name}"][code] += 1
        if answer.status >= 500:
            report.broken.append(f"{what}: {answer.status} {answer.body[:200]!r}")
        for status, seconds, said in self.children():
            report.children += 1
            report.slowest = max(report.slowest, (seconds, what))
            if not said:
                report.died[f"signal {-status}" if status < 0 else f"exit {status}"] += 1
                continue
            base, slope = self.lines.get(seed.name, (25.0, 8.0))
            ratio = round(said["peak_mb"] / (base + WORLD_MB + slope * size), 3)
            report.worst = max(report.worst, (ratio, what))
            report.peak_mb = max(report.peak_mb, said["peak_mb"])
            if ratio > ALLOWED:
                report.broken.append(f"{what}: {said['peak_mb']:.0f} MB for {size:.3f} megapixels, {ratio} times")
        if answer.status == 201:
            self.forget(answer.json)

    def forget(self, created: dict[str, Any]) -> None:
        self.server.request("DELETE", created["status_url"], headers={"X-Owner-Key": created["owner_key"]})

    def ready_photo(self, photo: bytes) -> str:
        """Bring a photo that is finished; its status URL."""
        created = self.server.upload(photo).json
        with Library(self.data) as library:
            job = library.jobs.lease("fuzzer")
            assert job is not None
            library.jobs.finish(job)
        self.children()
        return created["status_url"]

    def check_nothing_left(self, ready: str) -> None:
        broken = self.report.broken
        status = self.server.get(ready)
        if status.status != 200 or status.json["state"] != "ready":
            broken.append(f"the ready photo is lost: {status.body!r}")
        if self.server.get(f"/photos/{ready.rpartition('/')[2]}/original.jpg").status != 200:
            broken.append("the ready photo's file is lost")
        left = [str(path) for path in self.data.spool.rglob("*")]
        left += [str(path) for path in self.data.photos.iterdir() if path.name != ready.rpartition("/")[2]]
        if left:
            broken.append(f"left behind: {left[:5]}")

    def close(self) -> None:
        if self.server.stop() != 0:
            self.report.broken.append("the server did not end well")
        assert self.server.process.stdout is not None
        self.server.process.stdout.close()
        self._log.close()


def fuzz(folder: Path, count: int, seed: int = 1) -> Report:
    """Send `count` photos broken in each of the ways of BREAKERS; the same ones for the same `seed`."""
    began = time.monotonic()
    chance = random.Random(seed)
    narrow = seeds(WIDTHS[0])
    fuzzer = Fuzzer(folder)
    try:
        fuzzer.measure(narrow, seeds(WIDTHS[1]))
        ready = fuzzer.ready_photo(narrow[0].data)
        for kind, breaker in BREAKERS.items():
            for number in range(count):
                origin = narrow[number % len(narrow)]
                fuzzer.send(kind, origin, breaker(origin, chance), number)
        fuzzer.check_nothing_left(ready)
    finally:
        fuzzer.close()
    fuzzer.report.seconds = round(time.monotonic() - began, 1)
    return fuzzer.report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = fuzz(Path(folder), arguments.count, arguments.seed)
    print(report.as_json())
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
