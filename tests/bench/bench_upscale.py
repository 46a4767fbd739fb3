#!/usr/bin/env python3
"""Quality and speed of the upscaling graphs.

    bench_upscale.py quality PICTURE ... [--network photo] [--way fp32 --way int8-openvino ...] [--data DIR]
        PSNR of MATLAB's Y after halving each picture with Pillow's BICUBIC and enlarging it again (all pixels count).
        A way is a precision and an engine, openvino or (left out) ONNX Runtime.
    bench_upscale.py speed [--network photo] [--way ...] [--tile 128 ...] [--ncnn-tile 256 ...] [--rounds 15]
        Each way against the package ncnn (CPU, its defaults) at its best tile, taking turns; medians. On a machine
        that is not idle, --threads 1 and the processor's time compare the work alone: ncnn's threads wait for each
        other. cunet's squeezes are taken over the tile here, which is what ncnn does.
    bench_upscale.py picture PICTURE [--network photo] [--way ...] [--ncnn-tile 256 ...] [--rounds 3] [--data DIR]
        The same for a whole plain picture, everything included: cutting tiles, borders, and putting bytes together.

Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.engine.compiled import CompiledGraph, openvino_installed
from kiosk.nets.engine.session import open_session
from kiosk.nets.enlarging.upscale import graph_precision, upscale
from kiosk.recipes import catalog
from kiosk.recipes.recipe import UpscaleRecipe
from kiosk.storage import default_data_folder


def luma(picture: np.ndarray) -> np.ndarray:
    """MATLAB's Y (rgb2ycbcr), 16..235, not rounded."""
    return 16 + picture.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((luma(a) - luma(b)) ** 2)))


def recipe_of(network: str, way: str) -> UpscaleRecipe:
    name, _, noise = network.partition("-noise")
    precision, _, engine = way.partition("-")
    scale = 1 if name == "cunet-1x" else 2
    kind = name.removesuffix("-1x")
    return UpscaleRecipe(scale, kind, noise or "none", precision=precision, engine=engine or "onnxruntime", flat=True)  # type: ignore[arg-type]


def graphs_in(data: Path) -> Callable[[str, str], Path]:
    return lambda name, precision: ensure_graph(data / "graphs", GraphSpec(name, precision))  # type: ignore[arg-type]


def quality(arguments: argparse.Namespace) -> dict[str, object]:
    rows: dict[str, dict[str, float]] = {}
    for path in arguments.pictures:
        whole = np.asarray(Image.open(path).convert("RGB"))
        whole = whole[: whole.shape[0] // 2 * 2, : whole.shape[1] // 2 * 2]
        size = whole.shape[1] // 2, whole.shape[0] // 2
        small = np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BICUBIC))
        back = np.asarray(Image.fromarray(small).resize((size[0] * 2, size[1] * 2), Image.Resampling.BICUBIC))
        row = {"bicubic": psnr(back, whole)}
        for way in arguments.way:
            result = upscale(small, recipe_of(arguments.network, way), graphs_in(arguments.data))
            row[way] = psnr(result.picture, whole)
        rows[path.name] = {key: round(value, 3) for key, value in row.items()}
    keys = next(iter(rows.values())).keys()
    mean = {key: round(float(np.mean([row[key] for row in rows.values()])), 3) for key in keys}
    return {"network": arguments.network, "pictures": rows, "mean": mean}


def open_ncnn(network: catalog.Network, threads: int) -> Any:
    """The network in ncnn, on the CPU, with its default optimizations."""
    import ncnn

    files = [str(metadata.distribution(network.package).locate_file(file.path)) for file in network.files]
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = threads
    net.load_param(files[0])
    net.load_model(files[1])
    return net


def ncnn_runner(network: catalog.Network, side: int, threads: int) -> Callable[[], None]:
    """Enlarges one tile on all threads, the way that is fastest for ncnn."""
    import ncnn

    net = open_ncnn(network, threads)
    tile = np.random.default_rng(0).random((3, side, side), dtype=np.float32)

    def run() -> None:
        extractor = net.create_extractor()
        extractor.input("Input1", ncnn.Mat(tile))
        extractor.extract("Eltwise4")

    return run


def our_runner(network: catalog.Network, way: str, data: Path, side: int, threads: int) -> Callable[[], None]:
    """Enlarges as many tiles as there are threads, each on one thread, as nets.waifu2x does."""
    recipe = recipe_of(network.name, way)
    graph = graphs_in(data)(network.name, graph_precision(recipe.precision, recipe.engine))
    session = (
        CompiledGraph(graph, height=side, width=side, threads=threads)
        if recipe.engine == "openvino"
        else open_session(graph, height=side, width=side, threads=1)
    )
    tile = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    pool = ThreadPoolExecutor(threads)

    def run() -> None:
        for done in [pool.submit(session.run, None, {"image": tile}) for _ in range(threads)]:
            done.result()

    return run


def sgemm_peak() -> float:
    """Multiply-adds a second of numpy's float32 matrix product."""
    a = np.random.default_rng(0).random((1536, 1536), dtype=np.float32)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - started)
    return 1536**3 / min(times)


def speed(arguments: argparse.Namespace) -> dict[str, object]:
    network = catalog.load().network(arguments.network)
    threads = arguments.threads or len(os.sched_getaffinity(0))
    runs = {}
    for tile in arguments.ncnn_tile or [128, 256]:
        runs[f"ncnn {tile}"] = (tile, 1, ncnn_runner(network, tile + 2 * network.border, threads))
    for way in arguments.way:
        for tile in arguments.tile or [128]:
            run = our_runner(network, way, arguments.data, tile + 2 * network.border, threads)
            runs[f"{way} {tile}"] = (tile, threads, run)
    wall: dict[str, list[float]] = {name: [] for name in runs}
    busy: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(arguments.rounds + 1):
        for name, (tile, count, run) in runs.items():
            started, worked = time.perf_counter(), time.process_time()
            run()
            if turn:
                # Microseconds per input pixel, so that tiles of different size compare.
                wall[name].append((time.perf_counter() - started) / (tile * tile * count) * 1e6)
                busy[name].append((time.process_time() - worked) / (tile * tile * count) * 1e6)

    def compared(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
        medians = {name: float(np.median(values)) for name, values in times.items()}
        best = min(value for name, value in medians.items() if name.startswith("ncnn"))
        return {name: {"us_per_pixel": round(v, 3), "times_ncnn": round(best / v, 2)} for name, v in medians.items()}

    peak = round(sgemm_peak() / 1e9, 1)
    return {"network": network.name, "wall": compared(wall), "processor": compared(busy), "sgemm_gmacs": peak}


def ncnn_picture(network: catalog.Network, side: int, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """Enlarges a plain picture uint8 [H, W, 3] tile by tile, in ncnn's own types as far as they go."""
    import ncnn

    net = open_ncnn(network, threads)
    border, scale = network.border, network.scale

    def run(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        padded = np.pad(picture, ((border, border + side), (border, border + side), (0, 0)), mode="edge")
        result = np.empty((height * scale, width * scale, 3), np.uint8)
        for top in range(0, height, side):
            for left in range(0, width, side):
                rows, columns = min(side, height - top), min(side, width - left)
                tile = padded[top : top + rows + 2 * border, left : left + columns + 2 * border]
                extractor = net.create_extractor()
                values = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32) / np.float32(255)
                extractor.input("Input1", ncnn.Mat(values))
                _, found = extractor.extract("Eltwise4")
                pixels = (np.asarray(found) * 255 + 0.5).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
                result[top * scale : (top + rows) * scale, left * scale : (left + columns) * scale] = pixels
        return result

    return run


def picture(arguments: argparse.Namespace) -> dict[str, object]:
    network = catalog.load().network(arguments.network)
    threads = arguments.threads or len(os.sched_getaffinity(0))
    pixels = np.asarray(Image.open(arguments.picture).convert("RGB"))
    runs: dict[str, Callable[[], object]] = {}
    for tile in arguments.ncnn_tile or [128, 256]:
        run = ncnn_picture(network, tile, threads)
        runs[f"ncnn {tile}"] = lambda run=run: run(pixels)
    for way in arguments.way:
        recipe = recipe_of(arguments.network, way)
        runs[way] = lambda recipe=recipe: upscale(pixels, recipe, graphs_in(arguments.data), threads=threads)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(arguments.rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    best = min(value for name, value in medians.items() if name.startswith("ncnn"))
    found = {name: {"seconds": round(v, 3), "times_ncnn": round(best / v, 2)} for name, v in medians.items()}
    return {"network": network.name, "width": pixels.shape[1], "height": pixels.shape[0], **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data_folder())
    kinds = parser.add_subparsers(dest="what", required=True)
    for name, function in (("quality", quality), ("speed", speed), ("picture", picture)):
        kind = kinds.add_parser(name)
        kind.set_defaults(function=function)
        kind.add_argument("--network", default="photo")
        kind.add_argument("--way", action="append")
    kinds.choices["quality"].add_argument("pictures", nargs="+", type=Path)
    kinds.choices["picture"].add_argument("picture", type=Path)
    kinds.choices["speed"].add_argument("--tile", type=int, action="append")
    for name, rounds in (("speed", 15), ("picture", 3)):
        kinds.choices[name].add_argument("--ncnn-tile", type=int, action="append")
        kinds.choices[name].add_argument("--rounds", type=int, default=rounds)
        kinds.choices[name].add_argument("--threads", type=int, default=0, help="0: every core")
    arguments = parser.parse_args()
    if not arguments.way:
        arguments.way = ["fp32", "int8", *(["int8-openvino"] if openvino_installed() else [])]
    print(json.dumps(arguments.function(arguments), indent=1))


if __name__ == "__main__":
    main()
