"""Measure how fast this machine dreams, upscales and publishes, and how long a guest waits as a result."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import KioskError
from kiosk.library.files import PictureFolder
from kiosk.nets.dreaming.dream import BrokenGradient, dream
from kiosk.nets.dreaming.schedule import pixels, schedule
from kiosk.nets.engine.session import available_providers, default_threads, open_session
from kiosk.nets.enlarging.upscale import upscale
from kiosk.pipeline.publish import publish_sphere
from kiosk.planning import graphs, upscale_precision
from kiosk.planning.plan import Plan, Speeds, dream_work, make_plan, predict
from kiosk.planning.tile_shape import fastest_tile
from kiosk.planning.timing import best_times, timed_picture
from kiosk.recipes.catalog import Precision
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe
from kiosk.sphere.resample import resize_picture
from kiosk.storage import DataFolder

DREAM_WIDTH = 1024
ITERATIONS = 2
UPSCALE_WIDTH = 512
PUBLISH_WIDTH = 4096
PRODUCT = 1536
"""Rows and columns of the timed matrix product: too large for the caches, about 0.1 s."""
STEPS = 7
"""Number of steps that `progress` reports."""


@dataclass(frozen=True)
class Bench:
    """The measurements.

    `dream`: precision -> megapixels x iterations per second. `upscale`: precision -> output megapixels per second.
    Both hold None for a precision that does not work here. `publish`: megapixels per second. `products`: "fp32",
    "int8" -> multiply-adds per second of ONNX Runtime's matrix product; empty off the CPU. `recipe`: the wanted recipe
    with every "auto" resolved and the fastest tile. `whole`: its predicted time. `plan`: the plan that meets the
    deadline.
    """

    dream: dict[str, float | None]
    upscale: dict[str, float | None]
    publish: float
    products: dict[str, float]
    recipe: PhotoRecipe
    whole: Plan
    plan: Plan


def offered_precisions() -> tuple[Precision, ...]:
    """The precisions worth measuring on the available provider."""
    on_cpu = available_providers()[0] == "CPUExecutionProvider"
    return ("fp32", "int8") if on_cpu else ("fp32", "fp16")


def run_bench(
    data: DataFolder,
    wanted: PhotoRecipe,
    deadline: float,
    *,
    threads: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Bench:
    """Measure every stage of `wanted`, building missing graphs in `data`.

    `progress(fraction, next_step)` gets a fraction in 0..1. Raises KioskError or BrokenGradient if fp32 does not work.
    """
    done = 0

    def say(what: str) -> None:
        nonlocal done
        if progress:
            progress(done / STEPS, what)
        done += 1

    say("building networks")
    recipe = graphs.frozen(data.graphs, wanted)
    picture = timed_picture(DREAM_WIDTH)
    say("tiles")
    recipe = PhotoRecipe(_tiled(data.graphs, recipe.dream, threads), recipe.upscale)
    say("matrix products")
    on_cpu = available_providers()[0] == "CPUExecutionProvider"
    products = {kind: product_speed(kind, threads) for kind in ("fp32", "int8")} if on_cpu else {}
    dreams: dict[str, float | None] = {}
    say("dreaming")
    for precision in offered_precisions():
        dreams[precision] = dream_speed(data.graphs, recipe.dream, precision, picture, threads)
    upscales: dict[str, float | None] = {}
    say("enlarging")
    small = resize_picture(picture, UPSCALE_WIDTH, UPSCALE_WIDTH // 2)
    for precision in offered_precisions():
        upscales[precision] = upscale_speed(data.graphs, recipe.upscale, precision, small, threads)
    say("publishing")
    publish = publish_speed(resize_picture(picture, PUBLISH_WIDTH, PUBLISH_WIDTH // 2), data.spool)
    say("planning")
    speeds = Speeds(
        dream=dreams.get(recipe.dream.precision) or dreams["fp32"] or 1.0,
        upscale=upscales.get(recipe.upscale.precision) or upscales["fp32"] or 1.0,
        publish=publish,
    )
    if progress:
        progress(1.0, "")
    whole = predict(recipe, speeds)
    # Plans count the pixels computed, tile overlap included. The report counts picture pixels.
    octaves = schedule(recipe.dream, recipe.dream.width // 2)
    share = pixels(recipe.dream, octaves) / dream_work(recipe.dream)
    dreams = {precision: speed and speed * share for precision, speed in dreams.items()}
    return Bench(dreams, upscales, publish, products, recipe, whole, make_plan(recipe, speeds, deadline))


def _tiled(folder: Path, recipe: DreamRecipe, threads: int) -> DreamRecipe:
    """`recipe` with the fastest tile, measured if it is not known."""
    _, graph = graphs.dream_graph(folder, recipe)
    return dataclasses.replace(recipe, tile=fastest_tile(folder, graph, threads or default_threads()))


def dream_speed(
    folder: Path, recipe: DreamRecipe, precision: Precision, picture: np.ndarray, threads: int = 0
) -> float | None:
    """Megapixels of `plan.dream_work` per second for one octave of `recipe` on `picture`, best of two runs. None if
    there is no graph of that precision or it does not work here; if fp32 does not work, the error is raised."""
    small = dataclasses.replace(
        recipe,
        width=picture.shape[1],
        octaves=1,
        iterations=ITERATIONS,
        precision=precision,
        flat=False,
        strongest=0,
        equalized=False,
    )
    try:
        _, graph = graphs.dream_graph(folder, small)
        best = 0.0
        for _ in range(2):
            result = dream(picture, small, graph, threads=threads)
            best = max(best, dream_work(small) / result.seconds)
    except (KioskError, BrokenGradient):
        if precision == "fp32":
            raise
        return None
    return best


def upscale_speed(
    folder: Path, recipe: UpscaleRecipe, precision: Precision, picture: np.ndarray, threads: int = 0
) -> float | None:
    """Output megapixels per second of upscaling `picture` 2x, best of two runs. None if that precision does not work
    here; if fp32 does not work, the KioskError is raised."""
    double = dataclasses.replace(recipe, scale=2, tta=False, precision=precision, engine="auto")
    best = 0.0
    try:
        double = upscale_precision.decided(folder, double)
        for _ in range(2):
            result = upscale(picture, double, graphs.upscale_graphs(folder), threads=threads)
            best = max(best, result.megapixels_per_second)
    except KioskError:
        if precision == "fp32":
            raise
        return None
    return best


def publish_speed(sphere: np.ndarray, scratch: Path) -> float:
    """Megapixels per second of writing a sphere and its levels to a temporary folder in `scratch`."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        files = PictureFolder(Path(folder))
        started = time.perf_counter()
        publish_sphere(files, sphere, "")
        return sphere.shape[0] * sphere.shape[1] / 1e6 / (time.perf_counter() - started)


def product_speed(kind: str, threads: int = 0) -> float:
    """Multiply-adds per second of ONNX Runtime's matrix product, best of a few runs.

    `kind` is "fp32", or "int8" for u8 x s8 to float32. This is an upper bound for the networks' convolutions.
    """
    rng = np.random.default_rng(0)
    shape = [PRODUCT, PRODUCT]
    right = rng.integers(-127, 128, shape).astype(np.int8 if kind == "int8" else np.float32)
    initializers = [numpy_helper.from_array(right, "right")]
    if kind == "int8":
        for name, value in (("scale", np.float32(1)), ("zero", np.uint8(0)), ("right_zero", np.int8(0))):
            initializers.append(numpy_helper.from_array(np.asarray(value), name))
        names = ["left", "right", "scale", "scale", "zero", "right_zero"]
        node = helper.make_node("MatMulIntegerToFloat", names, ["product"], domain="com.microsoft")
        left, element = rng.integers(0, 256, shape).astype(np.uint8), TensorProto.UINT8
    else:
        node = helper.make_node("MatMul", ["left", "right"], ["product"])
        left, element = rng.random(shape, dtype=np.float32), TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("left", element, shape)],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = open_session(model.SerializeToString(), threads=threads, providers=["CPUExecutionProvider"])
    best = best_times({kind: lambda: session.run(None, {"left": left})})[kind]
    return PRODUCT**3 / best
