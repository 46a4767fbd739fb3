#!/usr/bin/env python3
"""Quality and speed of the upscaling graphs.

    bench_upscale.py quality PICTURE ... [--network photo] [--precision fp32 --precision int8 ...] [--data DIR]
        PSNR of MATLAB's Y after halving each picture with Pillow's BICUBIC and enlarging it again (all pixels count)
    bench_upscale.py speed [--network photo] [--tile 128] [--rounds 15] [--data DIR]
        int8 and float32 against the package ncnn (CPU, its defaults), the same tile, taking turns; medians

Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk import catalog
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.recipe import UpscaleRecipe
from kiosk.nets.session import open_session
from kiosk.nets.upscale import upscale
from kiosk.storage import default_data_folder


def luma(picture: np.ndarray) -> np.ndarray:
    """MATLAB's Y (rgb2ycbcr), 16..235, not rounded."""
    return 16 + picture.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((luma(a) - luma(b)) ** 2)))


def quality(arguments: argparse.Namespace) -> dict[str, object]:
    name, _, noise = arguments.network.partition("-noise")
    rows: dict[str, dict[str, float]] = {}
    for path in arguments.pictures:
        whole = np.asarray(Image.open(path).convert("RGB"))
        whole = whole[: whole.shape[0] // 2 * 2, : whole.shape[1] // 2 * 2]
        size = whole.shape[1] // 2, whole.shape[0] // 2
        small = np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BICUBIC))
        back = np.asarray(Image.fromarray(small).resize((size[0] * 2, size[1] * 2), Image.Resampling.BICUBIC))
        row = {"bicubic": psnr(back, whole)}
        for precision in arguments.precision:
            recipe = UpscaleRecipe(2, name, noise or "none", precision=precision, flat=True)
            result = upscale(small, recipe, lambda n, p: ensure_graph(arguments.data / "graphs", GraphSpec(n, p)))
            row[precision] = psnr(result.picture, whole)
        rows[path.name] = {key: round(value, 3) for key, value in row.items()}
    keys = next(iter(rows.values())).keys()
    mean = {key: round(float(np.mean([row[key] for row in rows.values()])), 3) for key in keys}
    return {"network": arguments.network, "pictures": rows, "mean": mean}


def ncnn_runner(network: catalog.Network, tile: np.ndarray):
    import ncnn

    files = [str(metadata.distribution(network.package).locate_file(file.path)) for file in network.files]
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = len(__import__("os").sched_getaffinity(0))
    net.load_param(files[0])
    net.load_model(files[1])

    def run() -> None:
        extractor = net.create_extractor()
        extractor.input("Input1", ncnn.Mat(tile[0]))
        extractor.extract("Eltwise4")

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
    side = arguments.tile + 2 * network.border
    tile = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    runs = {"ncnn": ncnn_runner(network, tile)}
    for precision in ("fp32", "int8"):
        graph = ensure_graph(arguments.data / "graphs", GraphSpec(network.name, precision))
        session = open_session(graph, height=side, width=side)
        runs[precision] = lambda session=session: session.run(None, {"image": tile})
    wall: dict[str, list[float]] = {name: [] for name in runs}
    busy: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(arguments.rounds + 1):
        for name, run in runs.items():
            started, worked = time.perf_counter(), time.process_time()
            run()
            if turn:
                wall[name].append(time.perf_counter() - started)
                busy[name].append(time.process_time() - worked)
    medians = {name: float(np.median(times)) for name, times in wall.items()}
    work = {name: float(np.median(times)) for name, times in busy.items()}
    return {
        "network": network.name,
        "tile": arguments.tile,
        "milliseconds": {name: round(value * 1e3, 1) for name, value in medians.items()},
        "processor_milliseconds": {name: round(value * 1e3, 1) for name, value in work.items()},
        "times_ncnn": {name: round(medians["ncnn"] / value, 2) for name, value in medians.items()},
        "times_ncnn_processor": {name: round(work["ncnn"] / value, 2) for name, value in work.items()},
        "sgemm_gmacs": round(sgemm_peak() / 1e9, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data_folder())
    kinds = parser.add_subparsers(dest="what", required=True)
    for name, function in (("quality", quality), ("speed", speed)):
        kind = kinds.add_parser(name)
        kind.set_defaults(function=function)
        kind.add_argument("--network", default="photo")
    kinds.choices["quality"].add_argument("pictures", nargs="+", type=Path)
    kinds.choices["quality"].add_argument("--precision", action="append")
    kinds.choices["speed"].add_argument("--tile", type=int, default=128)
    kinds.choices["speed"].add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.what == "quality" and not arguments.precision:
        arguments.precision = ["fp32", "int8"]
    print(json.dumps(arguments.function(arguments), indent=1))


if __name__ == "__main__":
    main()
