#!/usr/bin/env python3
"""Where a dream's time goes.

    profile_dream.py dream PICTURE [--width 2048] [--layer fire8] [--rounds 3] [--data DIR]
        of whole dreams, int8 and fp32: the share of the processor's time that is spent inside ONNX Runtime, and in what
        the rest goes; medians
    profile_dream.py graph [--layer fire8] [--side 336] [--rounds 15] [--data DIR]
        of one step on one thread: time by operation; and the multiply-adds per second of the convolutions (but those
        with one channel a group, which only move things), against what a matrix product of ONNX Runtime reaches

Prints one JSON object.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from PIL import Image

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.dreaming import ascent, gradient, normalize, sphere_charts
from kiosk.nets.dreaming import dream as dreaming
from kiosk.pipeline.bench import product_speed
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.polar import PolarCap
from kiosk.sphere.resample import resize_picture
from kiosk.storage import default_data_folder

PRECISIONS = ("fp32", "int8")
PARTS: dict[str, tuple[Any, str]] = {
    "reading the band": (sphere_charts, "sphere_window"),
    "drawing the caps": (PolarCap, "extract"),
    "bringing the caps back": (PolarCap, "deposit"),
    "shaping gradients": (ascent, "shape_gradient"),
    "scale of the step": (ascent, "step_scale"),
    "taking the step": (normalize, "expose"),
    "colors of the step": (normalize, "subdue"),
    "photo at the octave's size": (dreaming, "at_size"),
    "beginning an octave": (dreaming, "begin"),
}


class Timer:
    """Processor time of each thread, by name."""

    def __init__(self) -> None:
        self.seconds: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def around(self, name: str, function: Callable) -> Callable:
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                with self._lock:
                    self.seconds[name] += time.thread_time() - started

        return timed


@contextmanager
def timed_parts(timer: Timer) -> Iterator[None]:
    """Every part of a dream, and what its sessions do, counted by `timer`."""

    class Session:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._session = open_session(*args, **kwargs)
            self.run = timer.around("ONNX Runtime", self._session.run)
            self.get_providers = self._session.get_providers

    open_session = timer.around("ONNX Runtime", gradient.open_session)
    patches = [mock.patch.object(gradient, "open_session", Session)]
    patches += [
        mock.patch.object(where, name, timer.around(part, getattr(where, name)))
        for part, (where, name) in PARTS.items()
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def graph(arguments: argparse.Namespace, precision: str) -> Path:
    spec = GraphSpec("squeezenet", precision, ((arguments.layer, 1.0),))  # type: ignore[arg-type]
    return ensure_graph(arguments.data, spec)


def profile_dream(arguments: argparse.Namespace) -> dict[str, object]:
    photo = np.asarray(Image.open(arguments.picture).convert("RGB"))
    photo = resize_picture(photo, arguments.width, arguments.width // 2)
    wanted = DreamRecipe(layers=((arguments.layer, 1.0),), width=arguments.width)
    shares: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
    for _ in range(arguments.rounds):
        for precision in PRECISIONS:
            timer = Timer()
            # Judging the result is no part of the dream's time.
            with timed_parts(timer), mock.patch.object(dreaming, "_judge", return_value=(0.0, 0.0)):
                started = time.process_time()
                dreaming.dream(photo, wanted, graph(arguments, precision))
                whole = time.process_time() - started
            parts = {name: timer.seconds[name] / whole for name in ("ONNX Runtime", *PARTS)}
            shares[precision].append(parts | {"the rest": 1 - sum(parts.values())})
    return {
        "width": arguments.width,
        "percent": {
            precision: {name: round(100 * float(np.median([run[name] for run in runs])), 1) for name in runs[0]}
            for precision, runs in shares.items()
        },
    }


def profile_graph(arguments: argparse.Namespace) -> dict[str, object]:
    side = arguments.side
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, side, side)).astype(np.float32)
    image = cv2.GaussianBlur(image[0].transpose(1, 2, 0), (0, 0), 2).transpose(2, 0, 1)[None]
    products = {kind: product_speed(kind, threads=1) for kind in PRECISIONS}
    result: dict[str, object] = {
        "side": side,
        "gmac_per_s_of_products": {k: round(v / 1e9) for k, v in products.items()},
    }
    for precision in PRECISIONS:
        times, work = collections.Counter[str](), collections.Counter[str]()
        for operation, microseconds, macs in nodes(graph(arguments, precision), image, arguments.rounds):
            kind = "moving by convolution" if macs == 0 and "Conv" in operation else operation
            times[kind] += microseconds
            if macs:
                work[kind] += macs
        whole = sum(times.values())
        result[precision] = {
            "ms": round(whole / 1000, 2),
            "percent": {
                kind: round(100 * value / whole, 1) for kind, value in times.most_common() if value > whole / 100
            },
            "of_products": {
                kind: {
                    "gmac_per_s": round(macs / times[kind] / 1e3),
                    **{p: round(macs / times[kind] * 1e6 / speed, 2) for p, speed in products.items()},
                }
                for kind, macs in work.items()
            },
        }
    return result


def nodes(path: Path, image: np.ndarray, rounds: int) -> Iterator[tuple[str, float, int]]:
    """(operation, microseconds, multiply-adds) of each node of a graph; multiply-adds only of convolutions whose
    groups have more than one channel."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(path.with_suffix(".profile"))
    options.log_severity_level = 3
    options.add_free_dimension_override_by_name("height", image.shape[2])
    options.add_free_dimension_override_by_name("width", image.shape[3])
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    # Sessions pack the kernels of integer convolutions away, and say nothing of their size.
    model = onnx.load(path).graph
    sizes = {tensor.name: tuple(tensor.dims) for tensor in model.initializer}
    packed = {node.name: sizes[node.input[3]] for node in model.node if node.op_type == "QLinearConv"}
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for _ in range(rounds):
        session.run(["gradient"], {"image": image})
    log = Path(session.end_profiling())
    events = [e for e in json.loads(log.read_text()) if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    log.unlink()
    durations = collections.defaultdict(list)
    for event in events:
        durations[event["name"]].append(event["dur"])
    for event in {event["name"]: event for event in events}.values():
        yield event["args"]["op_name"], float(np.median(durations[event["name"]])), multiply_adds(event, packed)


def multiply_adds(event: dict[str, Any], packed: dict[str, tuple[int, ...]]) -> int:
    if "Conv" not in event["args"]["op_name"]:
        return 0
    kernel = packed.get(event["name"].removesuffix("_kernel_time")) or next(
        iter(event["args"]["input_type_shape"][1].values())
    )
    made = next(iter(event["args"]["output_type_shape"][0].values()))
    return math.prod(kernel[1:]) * math.prod(made) if kernel[1] > 1 else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("dream", "graph"))
    parser.add_argument("picture", nargs="?", type=Path)
    parser.add_argument("--layer", default="fire8")
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--side", type=int, default=336)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs")
    arguments = parser.parse_args()
    if arguments.what == "dream" and not arguments.picture:
        parser.error("which picture?")
    print(json.dumps({"dream": profile_dream, "graph": profile_graph}[arguments.what](arguments), indent=1))


if __name__ == "__main__":
    main()
