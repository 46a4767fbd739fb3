"""How fast this machine dreams, enlarges and publishes, and what that means for a guest."""

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
from kiosk.nets.engine.session import available_providers, open_session
from kiosk.nets.enlarging.upscale import upscale
from kiosk.pipeline.publish import publish_sphere
from kiosk.planning import graphs, upscale_precision
from kiosk.planning.plan import Plan, Speeds, dream_work, make_plan, predict
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
"""rows and columns of the matrices whose product is timed: too large for the caches, a tenth of a second."""
STEPS = 6
"""What `progress` counts: the fraction is told after each."""


@dataclass(frozen=True)
class Bench:
    """What was measured. `dream`: precision -> megapixels x iterations per second of the wanted dream; `upscale`:
    precision -> megapixels of the result per second; None for a precision that does not work here. `publish`:
    megapixels per second. `products`: fp32, int8 -> multiply-adds per second of ONNX Runtime's matrix product, empty
    off the CPU. `recipe`: what was wanted, every "auto" decided; `whole`: how long all of it takes; `plan`: what fits
    the deadline."""

    dream: dict[str, float | None]
    upscale: dict[str, float | None]
    publish: float
    products: dict[str, float]
    recipe: PhotoRecipe
    whole: Plan
    plan: Plan


def offered_precisions() -> tuple[Precision, ...]:
    """The precisions that make sense on the provider at hand."""
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
    """Measure everything that `wanted` is made with, building the graphs that are missing in `data`.

    `progress` hears (fraction 0..1, what comes next). Raises Unavailable where not even float32 works.
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
    # Plans count what tiles compute; people count pixels of pictures.
    octaves = schedule(recipe.dream, recipe.dream.width // 2)
    share = pixels(recipe.dream, octaves) / dream_work(recipe.dream)
    dreams = {precision: speed and speed * share for precision, speed in dreams.items()}
    return Bench(dreams, upscales, publish, products, recipe, whole, make_plan(recipe, speeds, deadline))


def dream_speed(
    folder: Path, recipe: DreamRecipe, precision: Precision, picture: np.ndarray, threads: int = 0
) -> float | None:
    """The work (`plan.dream_work`) per second of dreaming `picture` as `recipe` does, in one octave; None where the
    layers have no graph of that precision, or one that does not work here. Raises KioskError where float32 does not."""
    small = dataclasses.replace(
        recipe, width=picture.shape[1], octaves=1, iterations=ITERATIONS, precision=precision, flat=False
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
    """Megapixels of the result per second of doubling `picture`; None where that precision does not work here."""
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
    """Megapixels per second of writing a sphere and its levels to a folder in `scratch`, which is removed again."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        files = PictureFolder(Path(folder))
        started = time.perf_counter()
        publish_sphere(files, sphere, "")
        return sphere.shape[0] * sphere.shape[1] / 1e6 / (time.perf_counter() - started)


def product_speed(kind: str, threads: int = 0) -> float:
    """Multiply-adds per second of ONNX Runtime's matrix product: fp32, or int8 (u8 x s8 to float32); the best of a few.

    What the networks' convolutions could reach at the most.
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
