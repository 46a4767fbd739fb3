"""ONNX Runtime sessions: the provider by what is installed, one fixed shape each, a memory arena that does not grow."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime as ort

from kiosk.errors import Unavailable
from kiosk.nets.engine.prepared import open_prepared

# Best first. TensorRT before CUDA: both are offered by a GPU build, and TensorRT falls back to CUDA by itself.
PROVIDER_ORDER = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


def available_providers() -> list[str]:
    """The providers of the installed ONNX Runtime that this project has graphs for, best first."""
    offered = set(ort.get_available_providers())
    return [name for name in PROVIDER_ORDER if name in offered]


def default_threads() -> int:
    """Threads a session uses unless told otherwise: the cores this process may run on."""
    return len(os.sched_getaffinity(0))


def open_session(
    graph: Path | bytes,
    *,
    height: int | None = None,
    width: int | None = None,
    providers: list[str] | None = None,
    threads: int = 0,
    deterministic: bool = True,
) -> ort.InferenceSession:
    """Open a graph (a file or its bytes).

    `height` and `width` (pixels) replace the graph's free dimensions: with fixed shapes ONNX Runtime folds shape
    arithmetic, plans memory once and runs about 1.6 times faster, and what it makes of the graph is kept for the next
    time (`kiosk.nets.engine.prepared`). `threads` 0 uses every core. Raises Unavailable when the file is missing or is
    no graph that this ONNX Runtime can open.
    """
    chosen = providers or available_providers()
    size = None if height is None or width is None else (height, width)

    def options() -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or default_threads()
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = deterministic
        options.log_severity_level = 3
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        if size:
            options.add_free_dimension_override_by_name("height", size[0])
            options.add_free_dimension_override_by_name("width", size[1])
        # Spinning threads would steal the second core from the server of a booth.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        return options

    # The arena doubles by default; with one shape per session it needs what it needs and no more.
    settings = [
        (name, {"arena_extend_strategy": "kSameAsRequested"}) if name == "CUDAExecutionProvider" else name
        for name in chosen
    ]
    try:
        if size and isinstance(graph, Path) and chosen[0] == "CPUExecutionProvider":
            return open_prepared(graph, *size, options)
        return ort.InferenceSession(
            graph if isinstance(graph, bytes) else os.fspath(graph), sess_options=options(), providers=settings
        )
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime raises a family of its own, some of it plain Exception
        name = "the graph" if isinstance(graph, bytes) else str(graph)
        raise Unavailable(f"ONNX Runtime cannot open {name}: {str(error).splitlines()[0]}", "graph") from error
