"""Choose the dream's precision: the requested one, or for "auto" the fastest on this machine.

The fastest precision depends on the board: int8 needs the right CPU instructions, fp16 the right GPU. "auto" times
every qualified graph once and saves the result next to the graphs. The result holds for this machine, this ONNX
Runtime version and these graph files.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from kiosk.errors import KioskError
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.precisions.coded.stored import ranges_path
from kiosk.nets.engine.session import available_providers, open_session
from kiosk.planning.speed import machine
from kiosk.planning.timing import best_times, timed_picture
from kiosk.recipes.catalog import Precision
from kiosk.storage import write_atomic

log = logging.getLogger(__name__)

QUALIFIED = {
    *(("squeezenet", f"fire{number}", 1.0) for number in range(2, 10)),
    *(("efficientnet-lite0", f"{part}{number}", 1.0) for part in ("expand", "block") for number in range(1, 16)),
    *(("efficientnet-lite0", layer, 1.0) for layer in ("stem", "head")),
    ("efficientnet-lite0", "classes", 0.0),
}
"""(network, layer, `DreamRecipe.residual`) of the dreams whose int8 graph dreams as well as fp32, judged by the fp32
objective after a whole dream 512 pixels wide (`tests/bench/bench_dream.py quality`).

SqueezeNet's fire2 to fire8 reach 100 to 106% of the fp32 result, fire9 99%. Its class layer reaches 93% on classes it
was not calibrated on, so "auto" never picks int8 for it. EfficientNet's layers reach 98 to 101%, over three photos and
three seeds; its class layer 100% in the mean of eight classes. models/README.md has the figures."""
BOOK = "fastest.json"
SIDE = 256
"""Side of the timed tile in pixels, a common size in dreams."""


def precisions(wanted: str, provider: str | None = None, *, dream: GraphSpec | None = None) -> tuple[Precision, ...]:
    """The precisions that qualify for `wanted`: that one, or for "auto" the candidates to time, fp32 last.

    For the graph of a `dream` (of any precision), "auto" includes int8 only if every layer is QUALIFIED.
    """
    if wanted != "auto":
        return (wanted,)  # type: ignore[return-value] (validated by the settings and the command line)
    on_cpu = (provider or available_providers()[0]) == "CPUExecutionProvider"
    if on_cpu and dream and any((dream.network, layer, dream.residual) not in QUALIFIED for layer, _ in dream.layers):
        return ("fp32",)
    return ("int8", "fp32") if on_cpu else ("fp16", "fp32")


def dream_graph_for(folder: Path, dream: GraphSpec, wanted: str) -> tuple[GraphSpec, Path]:
    """The spec and the file of the graph of `dream` (of any precision) in the precision `wanted`, built in `folder` if
    missing.

    The spec's precision is never "auto". Raises Unavailable if there is no graph of that precision, or if weights are
    missing or damaged.
    """
    built: list[tuple[GraphSpec, Path]] = []
    choices = precisions(wanted, dream=dream)
    if wanted == "auto" and len(choices) == 1 and is_calibrated(folder, dream):
        choices = ("int8", "fp32")
    for precision in choices:
        spec = replace(dream, precision=precision)
        try:
            built.append((spec, ensure_graph(folder, spec)))
        except KioskError as error:
            if error.code != "precision" or len(choices) == 1:
                raise
    if len(built) == 1:
        return built[0]
    key = " ".join(path.stem for _, path in built)
    book = read_book(folder)
    known = [pair for pair in built if pair[0].precision == book.get(key, {}).get("fastest")]
    if known:
        return known[0]
    times = tile_times([path for _, path in built])
    fastest = built[int(np.argmin(times))]
    seconds = {spec.precision: round(value, 5) for (spec, _), value in zip(built, times, strict=True)}
    listed = ", ".join(f"{precision} {1000 * value:.1f} ms" for precision, value in seconds.items())
    log.info("%s is dreamed in %s here (a tile takes: %s)", fastest[0].label, fastest[0].precision, listed)
    note_fastest(folder, key, fastest[0].precision, seconds)
    return fastest


def is_calibrated(folder: Path, dream: GraphSpec) -> bool:
    """Whether an imported network was found to dream as well in int8: `models import` keeps no other ranges."""
    return dream.residual == 1 and all(ranges_path(folder, dream.network, layer).is_file() for layer, _ in dream.layers)


def read_book(folder: Path) -> dict[str, dict]:
    """The measurements of this machine, stored in `folder`. A damaged file, or one from another machine, counts as
    empty."""
    try:
        book = dict(json.loads((folder / BOOK).read_text(encoding="utf-8"))[machine()])
        return book if all(isinstance(entry, dict) for entry in book.values()) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def note_fastest(folder: Path, key: str, fastest: str, seconds: Mapping[str, float]) -> None:
    """Save a measurement. If the disk cannot take it, log that; the next start measures again."""
    book = read_book(folder)
    book[key] = {"fastest": fastest, "seconds": dict(seconds)}
    try:
        write_atomic(folder / BOOK, json.dumps({machine(): book}, indent=1, sort_keys=True))
    except KioskError as error:
        log.warning("the fastest precision is measured again next time: %s", error)


def tile_times(paths: list[Path]) -> list[float]:
    """Seconds per tile of each graph on one thread; infinity if ONNX Runtime cannot open or run the graph, or if its
    gradient is zero or not finite. If no graph runs, the last one counts as 0."""
    on_cpu = available_providers()[0] == "CPUExecutionProvider"
    # On a CPU, thread time leaves out other processes.
    clock = time.thread_time if on_cpu else time.perf_counter
    image = timed_picture(2 * SIDE)[None, :, :SIDE].transpose(0, 3, 1, 2).astype(np.float32)
    runs = {path: run for path in paths if (run := _opened(path, image)) is not None}
    if not runs:
        return [0.0 if path is paths[-1] else math.inf for path in paths]
    best = best_times(runs, clock)
    return [best.get(path, math.inf) for path in paths]


def _opened(path: Path, image: np.ndarray) -> Callable[[], np.ndarray] | None:
    """A function that runs the graph; None if it cannot run here, or its gradient is zero or not finite."""
    try:
        session = open_session(path, height=SIDE, width=SIDE, threads=1)
        gradient = np.asarray(session.run(["gradient"], {"image": image})[0])
    except Exception as error:  # noqa: BLE001 (some ONNX Runtime errors derive only from Exception)
        log.warning("%s does not run here: %s", path.name, str(error).splitlines()[0])
        return None
    if not np.isfinite(gradient).all() or not np.any(gradient):
        return None
    return lambda: np.asarray(session.run(["gradient"], {"image": image})[0])
