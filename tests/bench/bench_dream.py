#!/usr/bin/env python3
"""Speed and quality of the dream graphs.

    bench_dream.py step [--layer fire8] [--side 256] [--rounds 12] [--data DIR]
        a step's CPU seconds on one thread: int8, fp32 and fp32 by the plain rules of gradients, and PyTorch's forward
        and backward pass where torch is installed (default and channels_last), taking turns; medians and ratios
    bench_dream.py dream PICTURE [--layer fire8] [--width 512] [--rounds 12] [--data DIR]
        megapixels/s (wall) of whole dreams in int8 and fp32, and of PyTorch's step alone at the dream's size (default,
        channels_last and, where there is a C++ compiler, compiled), taking turns
    bench_dream.py quality PICTURE ... [--layer fire8] [--channel N] [--width 512] [--seeds 3] [--data DIR] [--out DIR]
        the objective that whole dreams reach, measured on the whole picture by the fp32 graph; pictures kept in DIR

Each takes --model, a network of the catalog: `--model efficientnet-lite0 --layer expand10`. PyTorch is measured with
SqueezeNet only. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.dream_networks import read_dreaming
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.precisions.dream_ranges import EXPANDS, FIRES
from kiosk.forge.readers import squeezenet
from kiosk.forge.readers.weights import read_source
from kiosk.nets.dreaming.dream import dream
from kiosk.nets.dreaming.gradient import TileRunner
from kiosk.nets.engine.session import open_session
from kiosk.recipes import catalog
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.resample import resize_picture
from kiosk.storage import default_data_folder
from tests.bench.calibrate_dream import recipe_for


def graph(arguments: argparse.Namespace, precision: str) -> Path:
    spec = GraphSpec(arguments.model, precision, ((arguments.layer, 1.0),))  # type: ignore[arg-type]
    return ensure_graph(arguments.data, spec)


def weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    network = catalog.load().network("squeezenet")
    return squeezenet.read_weights(read_source(network, network.files[0].path))


def torch_steps(
    arguments: argparse.Namespace, image: np.ndarray, threads: int, *, compiled: bool = False
) -> dict[str, Callable[[], object]]:
    """PyTorch's step in both memory layouts, and compiled; empty where torch is not installed, or nothing here computes
    the layer with it."""
    try:
        import torch
    except ImportError:
        return {}
    if arguments.model == "squeezenet" and arguments.layer in FIRES:
        forward, read = squeezenet_in_torch(arguments.layer), weights()
    elif arguments.model == "efficientnet-lite0":
        forward, read = efficientnet_in_torch(read_dreaming(arguments.data, catalog.load().network(arguments.model)))
        forward = functools.partial(forward, arguments.layer)
    else:
        return {}
    torch.set_num_threads(threads)
    known = {name: (torch.tensor(kernel), torch.tensor(bias)) for name, (kernel, bias) in read.items()}

    def step(tensors: dict, start: torch.Tensor) -> object:
        x = start.detach().requires_grad_()
        return torch.autograd.grad(forward(tensors, x).square().mean(), x)[0]

    last = torch.channels_last
    turned = {name: (kernel.to(memory_format=last), bias) for name, (kernel, bias) in known.items()}
    start = torch.tensor(image)
    blocked = start.to(memory_format=last)
    steps: dict[str, Callable[[], object]] = {
        "torch": lambda: step(known, start),
        "torch channels_last": lambda: step(turned, blocked),
    }
    if compiled and shutil.which("g++"):
        faster = torch.compile(step)
        steps["torch compiled"] = lambda: faster(turned, blocked)
    return steps


def squeezenet_in_torch(layer: str) -> Callable[..., Any]:
    """SqueezeNet up to `layer`, a fire module, as a function of (weights, picture)."""
    import torch
    from torch.nn import functional

    def forward(tensors: dict, x: torch.Tensor) -> torch.Tensor:
        y = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), *tensors["conv1"], stride=2).relu()
        for fire in FIRES[: FIRES.index(layer) + 1]:
            y = functional.max_pool2d(y, 3, 2) if fire in squeezenet.POOL_BEFORE else y
            squeezed = functional.conv2d(y, *tensors[f"{fire}/squeeze1x1"]).relu()
            parts = [
                functional.conv2d(squeezed, *tensors[f"{fire}/{part}x{part[-1]}"], padding=pad).relu()
                for pad, part in enumerate(EXPANDS)
            ]
            y = torch.cat(parts, 1)
        return y

    return forward


def efficientnet_in_torch(
    model: onnx.ModelProto,
) -> tuple[Callable[..., Any], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """EfficientNet as a function of (layer, weights, picture), and its weights, with the normalizations folded."""
    import torch
    from torch.nn import functional

    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kernels = {node.output[0]: node.input[1:] for node in model.graph.node if node.op_type == "Conv"}

    def forward(layer: str, tensors: dict, x: torch.Tensor) -> torch.Tensor:
        seen = {"image": x}
        for node in model.graph.node:
            of = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
            y, output = seen[node.input[0]], node.output[0]
            if node.op_type == "Conv":
                top, left, bottom, right = of["pads"]
                same = top == bottom
                y = y if same else functional.pad(y, (left, right, top, bottom))
                padding = top if same else 0
                y = functional.conv2d(y, *tensors[output], stride=of["strides"], padding=padding, groups=of["group"])
            elif node.op_type == "Clip":
                y = functional.relu6(y)
            elif node.op_type == "Relu":
                y = functional.relu(y)
            elif node.op_type == "Sub":
                y = y - float(arrays[node.input[1]])
            else:
                y = y + seen[node.input[1]]
            seen[output] = y
            if output == layer:
                return y
        raise ValueError(f"no layer {layer}")

    return forward, {name: (arrays[kernel], arrays[bias]) for name, (kernel, bias) in kernels.items()}


def measure_step(arguments: argparse.Namespace) -> dict[str, object]:
    side = arguments.side
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, side, side)).astype(np.float32)
    forward = read_dreaming(arguments.data, catalog.load().network(arguments.model))
    plain = add_gradient(forward, {arguments.layer: 1.0}).SerializeToString()
    graphs = {"int8": graph(arguments, "int8"), "fp32": graph(arguments, "fp32"), "fp32 plain": plain}
    runs: dict[str, Callable[[], object]] = {}
    for name, found in graphs.items():
        session = open_session(found, height=side, width=side, threads=1)
        runs[name] = lambda session=session: session.run(["gradient"], {"image": image})
    runs |= torch_steps(arguments, image, 1)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            # The process's own time: what else the machine does meanwhile does not count.
            started = time.process_time()
            run()
            times[name].append(time.process_time() - started)
    median = {name: float(np.median(values)) for name, values in times.items()}
    least = {name: min(values) for name, values in times.items()}
    best = min((value for name, value in median.items() if name.startswith("torch")), default=None)
    return {
        "layer": arguments.layer,
        "side": side,
        "median_ms": {name: round(value * 1000, 2) for name, value in median.items()},
        "least_ms": {name: round(value * 1000, 2) for name, value in least.items()},
        "megapixels_per_cpu_second": {name: round(side * side / 1e6 / value, 3) for name, value in median.items()},
        "fp32_over_int8": round(median["fp32"] / median["int8"], 3),
        "torch_over": best and {name: round(best / median[name], 3) for name in graphs},
    }


def measure_dream(arguments: argparse.Namespace) -> dict[str, object]:
    """Whole dreams, everything included, and beside them PyTorch's step alone, on all threads, at the same size."""
    photo = np.asarray(Image.open(arguments.pictures[0]).convert("RGB"))
    photo = resize_picture(photo, arguments.width, arguments.width // 2)
    wanted = recipe(arguments, photo)
    graphs = {precision: graph(arguments, precision) for precision in ("fp32", "int8")}
    runs: dict[str, Callable[[], float]] = {
        precision: lambda found=found: dream(photo, wanted, found).megapixels_per_second
        for precision, found in graphs.items()
    }
    image = np.ascontiguousarray(photo.transpose(2, 0, 1)[None], np.float32)
    megapixels = image.shape[2] * image.shape[3] / 1e6
    for name, step in torch_steps(arguments, image, len(os.sched_getaffinity(0)), compiled=True).items():

        def steps(step: Callable[[], object] = step) -> float:
            started = time.perf_counter()
            step()
            return megapixels / (time.perf_counter() - started)

        steps()
        runs[name] = steps
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            speeds[name].append(run())
    median = {name: round(float(np.median(values)), 2) for name, values in speeds.items()}
    best = max((value for name, value in median.items() if name.startswith("torch")), default=None)
    return {
        "width": arguments.width,
        "megapixels_per_second": median,
        "over_torch": best and {precision: round(median[precision] / best, 2) for precision in graphs},
    }


def measure_quality(arguments: argparse.Namespace) -> dict[str, object]:
    judge = TileRunner(graph(arguments, "fp32"), channels(arguments))
    rows: dict[str, dict[str, list[float]]] = {}
    for path in arguments.pictures:
        photo = np.asarray(Image.open(path).convert("RGB"))
        row = rows.setdefault(path.name, {"fp32": [], "int8": []})
        for seed in range(arguments.seeds):
            wanted = dataclasses.replace(recipe(arguments, photo), seed=seed)
            for precision, values in row.items():
                result = dream(photo, wanted, graph(arguments, precision))
                values.append(float(f"{judge.objective(result.picture.astype(np.float32)):.4g}"))
                if arguments.out:
                    name = f"{path.stem}-{arguments.layer}-{seed}-{precision}.png"
                    Image.fromarray(result.picture).save(arguments.out / name)
    mean = {p: float(np.mean([v for row in rows.values() for v in row[p]])) for p in ("fp32", "int8")}
    return {
        "layer": arguments.layer,
        "channel": arguments.channel,
        "objective": rows,
        "ratio": round(mean["int8"] / mean["fp32"], 4),
    }


def channels(arguments: argparse.Namespace) -> tuple[tuple[str, int, float], ...]:
    return () if arguments.channel is None else ((arguments.layer, arguments.channel, 1.0),)


def recipe(arguments: argparse.Namespace, photo: np.ndarray) -> DreamRecipe:
    flat = photo.shape[1] != 2 * photo.shape[0]
    return recipe_for(arguments.model, arguments.layer, arguments.channel, arguments.width, flat=flat)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("step", "dream", "quality"))
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--model", default="squeezenet")
    parser.add_argument("--layer", default="fire8")
    parser.add_argument("--channel", type=int)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=default_data_folder() / "graphs")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    measure = {"step": measure_step, "dream": measure_dream, "quality": measure_quality}[arguments.what]
    print(json.dumps(measure(arguments), indent=1))


if __name__ == "__main__":
    main()
