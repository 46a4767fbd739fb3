"""The speed book: this machine's speeds, measured once on a small picture and then updated by every photo.

The file belongs to one machine, ONNX Runtime version and provider. On another board it counts as empty, so the machine
is measured again.
"""

from __future__ import annotations

import json
import math
import platform
from pathlib import Path
from typing import Any

import onnxruntime as ort

from kiosk.errors import KioskError
from kiosk.nets.engine.session import available_providers, default_threads
from kiosk.planning.plan import Speeds
from kiosk.storage import write_atomic

# Per core, from 2 cores of a recent server. Used only until a measurement exists; publishing does not scale with cores.
GUESS_PER_CORE = Speeds(dream=1.0, upscale=0.3, publish=6.0)
# Weight of the newest run in the moving average: plans follow a throttled board within a few photos.
NEWEST = 0.5


def machine() -> str:
    """Identify what a measured speed belongs to: processor, threads, ONNX Runtime version and provider."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{model} x{default_threads()}, ONNX Runtime {ort.__version__}, {available_providers()[0]}"


class SpeedBook:
    """The measured speeds in the file `path`. A file that is damaged or from another machine counts as empty."""

    def __init__(self, path: Path, machine_name: str | None = None) -> None:
        self._path = path
        self._machine = machine_name or machine()
        self._book: dict[str, dict[str, float]] = {"dream": {}, "upscale": {}, "publish": {}}
        try:
            found: Any = json.loads(path.read_text(encoding="utf-8"))
            if found["machine"] == self._machine:
                self._book = {kind: _speeds(found[kind]) for kind in self._book}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return

    def knows(self, kind: str, label: str) -> bool:
        return label in self._book[kind]

    def speeds(self, dream: str, upscale: str) -> Speeds:
        """The speeds of the graphs labeled `dream` and `upscale`: as measured, else the slowest of that kind, else an
        estimate from the number of cores."""
        cores = default_threads()
        return Speeds(
            dream=self._speed("dream", dream, GUESS_PER_CORE.dream * cores),
            upscale=self._speed("upscale", upscale, GUESS_PER_CORE.upscale * cores),
            publish=self._speed("publish", "", GUESS_PER_CORE.publish),
        )

    def note(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        """Record a run: `kind` is "dream", "upscale" or "publish". Ignores values that are not positive."""
        if seconds <= 0 or megapixels <= 0:
            return
        speed = megapixels / seconds
        before = self._book[kind].get(label)
        self._book[kind][label] = round(speed if before is None else before * (1 - NEWEST) + speed * NEWEST, 4)

    def save(self) -> None:
        """Write the file. A write error is ignored: it costs a measurement, not the photo."""
        try:
            write_atomic(self._path, json.dumps({"machine": self._machine, **self._book}, indent=1, sort_keys=True))
        except KioskError:
            return

    def _speed(self, kind: str, label: str, guess: float) -> float:
        known = self._book[kind]
        return known.get(label) or min(known.values(), default=guess)


def _speeds(found: Any) -> dict[str, float]:
    """Parse label -> speed. Raises ValueError, TypeError or AttributeError if `found` is anything else."""
    speeds = {str(label): float(speed) for label, speed in found.items()}
    if not all(math.isfinite(speed) and speed > 0 for speed in speeds.values()):
        raise ValueError("not a speed")
    return speeds
