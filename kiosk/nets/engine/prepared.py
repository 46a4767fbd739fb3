"""Graphs as ONNX Runtime has optimised them for one size on this processor, kept beside the graph.

Most of the time it takes to open a graph goes into rewriting it: fusing operations, ordering tensors in blocks as wide
as the processor's registers. A dream opens its graph for one size after another, so what comes out of this is kept, and
opened next time as it is: in less than half the time, for the same results bit by bit.

A kept graph is of one processor and one version of ONNX Runtime; its name says of which. It ends with its SHA-256, so
that one that was cut short or damaged is not believed but made again.
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
"""beside the graphs."""
MOST_BYTES = 400_000_000
"""of kept graphs; the oldest go first. One is as large as its graph, 1 to 6 MB: so much holds all layers of SqueezeNet
for all octaves, and a card is not written to at every dream."""
LEAST_FREE = 1_000_000_000
"""bytes of the disk: where fewer are free, they are for photos."""
SUBJECT = "prepared-graphs"
SLOWER = "every dream has to prepare its networks again, and begins later."
DIGEST = hashlib.sha256().digest_size


def open_prepared(
    graph: Path, height: int, width: int, options: Callable[[], ort.SessionOptions]
) -> ort.InferenceSession:
    """A session of the graph's file on the CPU, at this size in pixels, from what was kept if there is any.

    `options` makes the options of the session. Raises what ONNX Runtime raises for a graph it cannot open.
    """
    place = _place(graph, height, width)
    kept = _read(place) if place else None
    if kept is not None:
        chosen = options()
        chosen.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        # The operations in the order they were kept in: in another one, half as much memory again is in use at a time.
        chosen.execution_order = ort.ExecutionOrder.PRIORITY_BASED
        try:
            return ort.InferenceSession(kept, sess_options=chosen, providers=["CPUExecutionProvider"])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (a family of its own; whatever it was, the graph is still there)
            log.warning("%s cannot be opened and is made again: %s", place, _reason(error))
    if place and free_bytes(graph.parent) < LEAST_FREE:
        fallbacks.note(SUBJECT, f"The disk is nearly full: {SLOWER} Make room.")
    elif place:
        # Where nothing can be kept, a full disk or one that is only read, the graph is opened all the same.
        try:
            return _keep(graph, place, options())
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            log.info("nothing can be kept in %s: %s", place.parent, _reason(error))
            fallbacks.note(SUBJECT, f"Nothing can be written beside the networks: {SLOWER} The log says why.")
    return ort.InferenceSession(os.fspath(graph), sess_options=options(), providers=["CPUExecutionProvider"])


def _place(graph: Path, height: int, width: int) -> Path | None:
    """Where the graph prepared for this size is kept; None where the processor is not known."""
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
    """What the processor can do, as Linux says; empty where nothing says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return features and f"{platform.machine()} {features}"


def _read(place: Path) -> bytes | None:
    try:
        data = place.read_bytes()
    except OSError:
        return None
    graph, digest = data[:-DIGEST], data[-DIGEST:]
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
    # Times of files are the wall clock's: one just kept stays, though others may be from the future.
    facts = {path: path.stat() for path in newest.parent.iterdir() if path != newest}
    total = newest.stat().st_size
    for path in sorted(facts, key=lambda path: facts[path].st_mtime_ns, reverse=True):
        total += facts[path].st_size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
