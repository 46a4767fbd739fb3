"""A cache of graphs that ONNX Runtime has optimized for one size on this processor.

Opening a graph is mostly spent on optimizing it: fusing operations, and laying out tensors in blocks as wide as the
processor's registers. A dream opens its graph for one size after another, so the optimized graphs are cached next to
the graph. Opening a cached one takes less than half the time and gives bit-identical results.

A cached graph is valid for one processor and ONNX Runtime version, which are part of its name. It ends with its
SHA-256, so a truncated or damaged one is detected and made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnxruntime as ort

from kiosk.nets.engine import fallbacks
from kiosk.storage import TEMPORARY_SUFFIX, free_bytes

log = logging.getLogger(__name__)

FOLDER = "prepared"
"""Name of the cache's folder next to the graphs."""
MOST_BYTES = 400_000_000
"""Size limit of the cache; the oldest files are removed first. A file is as large as its graph, 1 to 6 MB, so all
layers of SqueezeNet fit for all octaves, and not every dream writes to the card."""
LEAST_FREE = 1_000_000_000
"""Free bytes on the disk below which nothing is cached, to leave room for photos."""
SUBJECT = "prepared-graphs"
SLOWER = "every dream has to prepare its networks again and starts later."
DIGEST = hashlib.sha256().digest_size


def open_prepared(
    graph: Path, height: int, width: int, options: Callable[[], ort.SessionOptions]
) -> ort.InferenceSession:
    """Open a CPU session of the graph file at this size in pixels, from the cache if possible.

    `options` creates the session's options. Raises whatever ONNX Runtime raises for a graph it cannot open.
    """
    place = _place(graph, height, width)
    kept = _read(place) if place else None
    if kept is not None:
        chosen = options()
        chosen.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Keep the cached order of operations: another order takes 1.5 times the memory.
        chosen.execution_order = ort.ExecutionOrder.PRIORITY_BASED
        try:
            return ort.InferenceSession(kept, sess_options=chosen, providers=["CPUExecutionProvider"])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (some ONNX Runtime errors derive only from Exception)
            log.warning("cannot open %s, making it again: %s", place, _reason(error))
    if place and free_bytes(graph.parent) < LEAST_FREE:
        fallbacks.note(SUBJECT, f"The disk is nearly full: {SLOWER} Make room.")
    elif place:
        # If the cache cannot be written (full or read-only disk), open the graph without it.
        try:
            return _keep(graph, place, options())
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            log.info("cannot write to %s: %s", place.parent, _reason(error))
            fallbacks.note(SUBJECT, f"Nothing can be written next to the networks: {SLOWER} The log says why.")
    return ort.InferenceSession(os.fspath(graph), sess_options=options(), providers=["CPUExecutionProvider"])


def _place(graph: Path, height: int, width: int) -> Path | None:
    """The path of the cached graph for this size; None if the processor is unknown."""
    if not (features := _processor()):
        return None
    try:
        state = graph.stat()
    except OSError:
        return None
    known = (ort.__version__, features, state.st_size, state.st_mtime_ns)
    key = hashlib.sha256(repr(known).encode()).hexdigest()[:10]
    return graph.parent / FOLDER / f"{graph.stem}-{width}x{height}-{key}.onnx"


@cache
def _processor() -> str:
    """The processor's features from /proc/cpuinfo; empty if unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return features and f"{platform.machine()} {features}"


def _read(place: Path) -> bytes | None:
    try:
        with place.open("rb") as file:
            # Not all at once, to cut it afterwards: that would be a copy.
            graph = file.read(max(0, place.stat().st_size - DIGEST))
            digest = file.read()
    except OSError:
        return None
    return graph if hashlib.sha256(graph).digest() == digest else None


def _keep(graph: Path, place: Path, options: ort.SessionOptions) -> ort.InferenceSession:
    place.parent.mkdir(mode=0o700, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=TEMPORARY_SUFFIX)
    os.close(handle)
    written = Path(name)
    try:
        options.optimized_model_filepath = name
        session = ort.InferenceSession(os.fspath(graph), sess_options=options, providers=["CPUExecutionProvider"])
        digest = hashlib.sha256(written.read_bytes()).digest()
        with written.open("ab") as file:
            file.write(digest)
        written.replace(place)
    finally:
        written.unlink(missing_ok=True)
    _forget_oldest(place)
    return session


def _forget_oldest(newest: Path) -> None:
    # The wall clock may jump, so files from the future are possible; always keep the one just written.
    facts = {path: path.stat() for path in newest.parent.iterdir() if path != newest}
    total = newest.stat().st_size
    for path in sorted(facts, key=lambda path: facts[path].st_mtime_ns, reverse=True):
        total += facts[path].st_size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
