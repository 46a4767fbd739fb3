"""Graphs run by OpenVINO, where it is installed.

On CPUs with integer dot products it runs a chain of 8-bit convolutions faster than ONNX Runtime does: what lies between
two of them (LeakyReLU, scaling, rounding) is done on the sums while they are in registers.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable

OPENVINO = "OpenVINO"
_first_use = threading.Lock()
_bindings_used = threading.Event()


def openvino_installed() -> bool:
    """Whether `CompiledGraph` can be used here."""
    return importlib.util.find_spec("openvino") is not None


class CompiledGraph:
    """A graph (a file or its bytes) compiled for the CPU; called like ONNX Runtime's session.

    `height` and `width` (pixels) replace the free dimensions of `image`. As many calls as there are `threads` may be
    under way at a time, from as many threads, and each is computed on one. Raises Unavailable where OpenVINO is not
    installed or cannot compile or run the graph (codes no_openvino, graph).
    """

    def __init__(self, graph: Path | bytes, *, height: int, width: int, threads: int = 1) -> None:
        if not openvino_installed():
            raise Unavailable("OpenVINO is not installed: pip install openvino", "no_openvino")
        # On import it reports its use to its makers, unless this module is missing.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        settings = {
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
            "CPU_DENORMALS_OPTIMIZATION": True,
        }
        try:
            core = openvino.Core()
            model = core.read_model(graph if isinstance(graph, bytes) else os.fspath(graph))
            model.reshape({"image": [1, 3, height, width]})
            self._graph = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            name = "the graph" if isinstance(graph, bytes) else str(graph)
            raise Unavailable(f"OpenVINO cannot open {name}: {_reason(error)}", "graph") from error
        self._of_thread = threading.local()

    def get_providers(self) -> list[str]:
        return [OPENVINO]

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs named (None: all), valid until the same thread runs the graph again."""
        if _bindings_used.is_set():
            return self._run(outputs, feed)
        # What the bindings set up on their first use, two threads would wait for each other to set up, for ever.
        with _first_use:
            found = self._run(outputs, feed)
            _bindings_used.set()
        return found

    def _run(self, outputs: Sequence[str] | None, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            request = self._of_thread.request
        except AttributeError:
            request = self._of_thread.request = self._graph.create_infer_request()
        try:
            request.infer(dict(feed), share_inputs=True)
        except RuntimeError as error:
            raise Unavailable(f"OpenVINO cannot run the graph: {_reason(error)}", "graph") from error
        if outputs is None:
            return [tensor.data for tensor in request.output_tensors]
        return [request.get_tensor(name).data for name in outputs]


def _reason(error: RuntimeError) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), "")
