"""Predict a dream's memory, to stay within a limit or refuse the dream before it starts.

A tile takes what its graph's live tensors take, which differs by network: 0.3 kB per pixel for SqueezeNet's, 0.8 for
EfficientNet's, more for networks without strides at the start. So it is the tile's size that is chosen by network, and
its memory that is the same for all.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, shape_inference

from kiosk.errors import BadInput

PROCESS_MB = 220.0
"""Python, NumPy, OpenCV and ONNX Runtime with an open session. Both this and TILE_MB are from the peak RSS of dreams
256 to 8192 pixels wide."""
TILE_MB, TILE_MB_OF_LARGE = 54.0, 31.0
"""Memory of a tile, per thread. Larger tiles have less halo overhead but take memory that large pictures need."""
LARGEST_TILE, LARGEST_TILE_OF_LARGE, SMALLEST_TILE = 336, 256, 96
"""Limits of a tile's side in pixels."""
STEP = 16
"""Tile sides are multiples of this, the stride of most layers that are dreamed, pixels."""
LARGE = 4096
"""Width in pixels above which pictures are dreamed in smaller tiles and one cap at a time."""
MANY = 1024
"""Elements of a tensor that are surely weights: neither a shape nor anything that ONNX Runtime folds."""
SESSION_BYTES, LIGHT_MB = 2.2, 16.0
"""Bytes that a session takes per byte of its graph's file, nearly all of which are weights. PROCESS_MB covers a session
of LIGHT_MB, which is more than those of SqueezeNet and EfficientNet take."""
PROBED = 128
"""Side in pixels of the tile whose live tensors are counted."""


def largest_tile(width: int, bytes_per_pixel: float = 0.0) -> int:
    """The largest tile side in pixels for a picture of this width, dreamed by a graph with this `bytes_per_pixel`."""
    limit, budget = (LARGEST_TILE, TILE_MB) if width <= LARGE else (LARGEST_TILE_OF_LARGE, TILE_MB_OF_LARGE)
    fitting = math.sqrt(budget * 1e6 / bytes_per_pixel) if bytes_per_pixel else limit
    return max(SMALLEST_TILE, min(limit, int(fitting) // STEP * STEP))


def bytes_per_pixel(graph: Path | bytes) -> float:
    """Bytes that the tensors of a dream graph take at most at the same time, per pixel of its tile.

    ONNX Runtime took 0.8 to 1.0 of it for dreams of SqueezeNet and EfficientNet. Raises ONNX Runtime's error for a
    graph that it cannot open.
    """
    if isinstance(graph, bytes):
        return _live_bytes(onnx.load_model_from_string(graph))
    return _of_file(graph, graph.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _of_file(path: Path, _written: int) -> float:
    return _live_bytes(onnx.load(path))


def _live_bytes(model: onnx.ModelProto) -> float:
    """Follow the graph's nodes in their order, with every tensor alive from its node to the last one that reads it."""
    model = shape_inference.infer_shapes(_with_fixed_shapes(_weightless(model)), data_prop=True)
    sizes = {value.name: _bytes(value) for value in (*model.graph.value_info, *model.graph.output)}
    last = {name: place for place, node in enumerate(model.graph.node) for name in node.input}
    alive: dict[str, int] = {}
    most = 0
    for place, node in enumerate(model.graph.node):
        alive |= {name: sizes.get(name, 0) for name in node.output}
        most = max(most, sum(alive.values()))
        for name in {*node.input, *node.output}:
            if last.get(name, place) <= place:
                alive.pop(name, None)
    return most / PROBED**2


def _weightless(model: onnx.ModelProto) -> bytes:
    """The graph with its weights as inputs, so that counting takes no multiple of their memory."""
    kept = []
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) < MANY:
            kept.append(tensor)
        elif all(value.name != tensor.name for value in model.graph.input):
            model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model.SerializeToString()


def _with_fixed_shapes(graph: bytes) -> onnx.ModelProto:
    """The graph for a tile of PROBED pixels: ONNX Runtime computes the shapes and drops what only served them."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    for name in ("height", "width"):
        options.add_free_dimension_override_by_name(name, PROBED)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "probed.onnx"
        options.optimized_model_filepath = str(written)
        ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return onnx.load(written)


def _bytes(value: onnx.ValueInfoProto) -> int:
    """The tensor's size; 0 if it is not known, as of features that a guide brings."""
    shape = value.type.tensor_type.shape.dim
    if not all(dim.HasField("dim_value") for dim in shape):
        return 0
    element = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).itemsize
    return element * int(np.prod([dim.dim_value for dim in shape], dtype=np.int64))


def return_freed() -> None:
    """Give freed memory back to the system. The C library keeps it for later, but the weights of one session rarely fit
    where those of another were: with Inception's, a dream of six octaves grew by 60 MB. A C library without such a call
    needs none."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def weights_mb(graph: Path | bytes) -> float:
    """MB of a session's weights beyond those that every process has room for (PROCESS_MB)."""
    size = len(graph) if isinstance(graph, bytes) else graph.stat().st_size
    return max(0.0, SESSION_BYTES * size / 1e6 - LIGHT_MB)


def needed_mb(width: int, height: int, threads: int, weights: float = 0.0) -> float:
    """Peak resident memory in MB of dreaming a picture of this size with `threads` tiles at a time, and a graph with
    these `weights_mb`.

    Per pixel: the photo in bytes, the current picture and its gradient in two bytes per value, a polar chart (0.142
    times as large: its gradient and two maps), and values per cell of the picture.
    """
    tiles = threads * (TILE_MB if width <= LARGE else TILE_MB_OF_LARGE)
    return PROCESS_MB + weights + tiles + width * height * (3 + 2 * 3 * 2 + 0.142 * (4 * 3 + 2 * 4) + 2) / 1e6


def threads_within(limit_mb: float | None, width: int, height: int, threads: int, weights: float = 0.0) -> int:
    """How many of `threads` tiles may run at a time within the limit. Raises BadInput, with the limit needed, if not
    even one fits."""
    if limit_mb is None:
        return threads
    fitting = [n for n in range(1, threads + 1) if needed_mb(width, height, n, weights) <= limit_mb]
    if not fitting:
        least = -(-int(needed_mb(width, height, 1, weights)) // 10) * 10 + 10
        raise BadInput(
            f"a dream of {width} x {height} needs {least} MB; give it --memory {least} or make it smaller with --width",
            "memory",
        )
    return fitting[-1]


def may_open_ahead(limit_mb: float | None, width: int, height: int, threads: int, weights: float) -> bool:
    """Whether the limit has room for the weights of a second session, so that it can be opened while the first runs."""
    return limit_mb is None or needed_mb(width, height, threads, 2 * weights) <= limit_mb
