"""Dreaming a photo: gradient ascent on a network's activations, octave by octave, on the sphere.

After Mordvintsev, Olah and Tyka, "Inceptionism", 2015: the photo is dreamed small first, and what was added (the
detail) is carried up to the next size. Jitter is a yaw roll, which is exact on a sphere, plus a shift of the tiles'
grid; neither moves anything across a pole.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime as ort

from kiosk.errors import BadInput
from kiosk.nets.dreaming.ascent import Ascent
from kiosk.nets.dreaming.checkpoint import Checkpoint, DreamState
from kiosk.nets.dreaming.detail import at_size, begin, lay_over, previewer, subtract, turn_back
from kiosk.nets.dreaming.gradient import BrokenGradient, Cancelled, TileRunner
from kiosk.nets.dreaming.guide import Features
from kiosk.nets.dreaming.schedule import pixels, schedule, steps_of
from kiosk.nets.engine.memory import threads_within
from kiosk.nets.engine.session import default_threads
from kiosk.recipes.recipe import DreamRecipe, check_numbers
from kiosk.sphere.compact import FixedPoint
from kiosk.sphere.yaw import Turned, canonical_yaw

JUDGED = 256
"""pixels, the side of the tiles that the objective is measured on."""
CHECKPOINT_SECONDS = 30.0
LEAST = 2
"""steps of an octave of a dream that is late: what its large forms are drawn with."""


@dataclass(frozen=True)
class DreamProgress:
    """Where a dream is. `preview(width)` renders the picture so far, uint8 [width / 2, width, 3]."""

    fraction: float
    octave: int
    octaves: int
    iteration: int
    iterations: int
    eta_seconds: float
    preview: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class DreamResult:
    """A finished dream and what it took."""

    picture: np.ndarray
    recipe: DreamRecipe
    seconds: float
    megapixels_per_second: float
    objective: tuple[float, float]
    """float32 objective of the photo and of the dream, at the dream's own size."""
    octaves: list[dict] = field(default_factory=list)
    provider: str = ""
    precision: str = ""


def dream(
    photo: np.ndarray,
    recipe: DreamRecipe,
    graph: Path | bytes,
    *,
    judge: Path | bytes | None = None,
    guide: Features | None = None,
    progress: Callable[[DreamProgress], None] | None = None,
    checkpoint: Path | None = None,
    cancelled: Callable[[], bool] | None = None,
    threads: int = 0,
    memory_mb: float | None = None,
    providers: list[str] | None = None,
    ready_by: float | None = None,
) -> DreamResult:
    """Dream `photo`, uint8 [H, W, 3] (equirectangular; any proportion with `recipe.flat`).

    `graph` is a dream graph for the recipe's network, layers and precision; `judge` is its float32 version, with which
    the objective is measured (default: `graph`). `guide` are the features to follow (`kiosk.nets.dreaming.guide`), and
    both graphs then guided ones; the recipe names the guide. With `checkpoint`, a file, a dream that was killed goes on
    where it was and gives the same bytes. `memory_mb` bounds the resident memory of the process: fewer tiles are then
    under way at a time than `threads` (0: all cores) would allow. `cancelled()` is asked before every tile; Cancelled
    is raised when it says so. `ready_by`, of the monotonic clock: where the dream would be later than that, its last
    octaves get fewer steps, LEAST at the least; how many is in the result's recipe. Raises BadInput for a photo or
    recipe that cannot be dreamed, and BrokenGradient where the graph gives none: then nothing is lost but time by
    dreaming again in float32.
    """
    started = time.perf_counter()
    _check(photo, recipe)
    height, width = photo.shape[:2]
    dream_height = max(1, round(height * recipe.width / width)) if recipe.flat else recipe.width // 2
    turned = 0 if recipe.flat else canonical_yaw(photo)
    sphere = not recipe.flat
    threads = threads_within(memory_mb, recipe.width, dream_height, threads or default_threads())
    source = at_size(photo, turned, recipe.width, dream_height, sphere)
    octaves = schedule(recipe, dream_height)

    if (guide is None) != (recipe.guide is None):
        raise BadInput("a recipe with a guide is dreamed with the guide's features", "no_guide")
    runner = TileRunner(graph, recipe.channels, guide=guide, threads=threads, providers=providers, cancelled=cancelled)
    store = Checkpoint(checkpoint, photo, recipe, runner.identity) if checkpoint else None
    state = (store.load() if store else None) or DreamState(octave=0, iteration=0, array=None)
    if state.octave < len(octaves):
        runner.open_ahead(octaves[state.octave].tile)
    steps = steps_of(recipe, octaves)
    step_work = [octave.work / recipe.iterations for octave in octaves]
    work = [n * each for n, each in zip(steps, step_work, strict=True)]
    done = sum(work[: state.octave]) + sum(step_work[state.octave : state.octave + 1]) * state.iteration
    pace, saved = _Pace(), time.perf_counter()
    report: list[dict] = list(state.report)
    picture = FixedPoint.empty((0, 0, 3))

    for number, octave in list(enumerate(octaves))[state.octave :]:
        octave_started = time.perf_counter()
        w, h, to_come = octave.width, octave.height, len(octaves) - number - 1
        base = source if source.shape[:2] == (h, w) else at_size(photo, turned, w, h, sphere)
        kept = None if state.array is None else FixedPoint(state.array)
        picture = kept if state.iteration and kept is not None else begin(base, kept, sphere)
        del kept
        state = dataclasses.replace(state, array=None)
        ascent = Ascent(picture, recipe, number, runner, octave.tile)
        for iteration in range(state.iteration, steps[number]):
            rest = step_work[number] + LEAST * sum(step_work[number + 1 :])
            if ready_by and iteration >= LEAST and time.monotonic() + pace.seconds(rest, to_come) > ready_by:
                steps[number] = iteration
                break
            begun = time.perf_counter()
            ascent.step(iteration)
            if iteration == state.iteration and to_come:
                runner.open_ahead(octaves[number + 1].tile)
            done += step_work[number]
            pace.note(step_work[number], time.perf_counter() - begun, iteration == state.iteration)
            if progress:
                progress(
                    DreamProgress(
                        fraction=min(1.0, done / sum(work)),
                        octave=number + 1,
                        octaves=len(octaves),
                        iteration=iteration + 1,
                        iterations=steps[number],
                        eta_seconds=pace.seconds(sum(work) - done, to_come),
                        preview=previewer(photo, turned, picture, base, recipe),
                    )
                )
            last = iteration + 1 == steps[number]
            if store and not last and time.perf_counter() - saved > CHECKPOINT_SECONDS:
                store.save(DreamState(number, iteration + 1, picture.codes, report))
                saved = time.perf_counter()
        seconds = round(time.perf_counter() - octave_started, 3)
        done = sum(work[: number + 1])
        report.append({"width": w, "height": h, "iterations": steps[number], "tiles": ascent.tiles, "seconds": seconds})
        del ascent
        subtract(picture, base)
        state = DreamState(number + 1, 0, picture.codes, report)
        if store:
            store.save(state)
            saved = time.perf_counter()

    assert state.array is not None
    result = lay_over(source, FixedPoint(state.array), recipe)
    seconds = time.perf_counter() - started
    objective = _judge(
        TileRunner(judge or graph, recipe.channels, guide=guide, threads=threads, providers=providers), source, result
    )
    if store:
        store.clear()
    if steps != steps_of(recipe, octaves):
        recipe = dataclasses.replace(recipe, octave_iterations=tuple(steps))
    return DreamResult(
        picture=np.roll(result, turn_back(turned, photo.shape[1], recipe.width), axis=1) if turned else result,
        recipe=recipe,
        seconds=seconds,
        megapixels_per_second=pixels(recipe, octaves) / seconds,
        objective=objective,
        octaves=report,
        provider=runner.provider,
        precision=runner.precision,
    )


def _check(photo: np.ndarray, recipe: DreamRecipe) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise BadInput("a photo is uint8 [height, width, 3]", "bad_photo")
    if not recipe.flat and photo.shape[1] != 2 * photo.shape[0]:
        raise BadInput(
            f"a 360 photo is twice as wide as high; this one is {photo.shape[1]}x{photo.shape[0]} "
            "(use flat for a plain picture)",
            "not_equirectangular",
        )
    if not recipe.flat and (recipe.width % 64 or recipe.width < 256):
        raise BadInput(f"the width must be a multiple of 64, at least 256; {recipe.width} is not", "bad_width")
    if recipe.flat and recipe.keep_nadir:
        raise BadInput("a plain picture has no nadir to keep; use a mask", "no_nadir")
    check_numbers(recipe)


class _Pace:
    """How long work takes. The first step of an octave opens a session, which later octaves pay once more."""

    def __init__(self) -> None:
        self._first, self._steady = (0.0, 0.0), (0.0, 0.0)

    def note(self, work: float, seconds: float, first: bool) -> None:
        if first:
            self._first = (work, seconds)
        else:
            self._steady = (self._steady[0] + work, self._steady[1] + seconds)

    def seconds(self, work: float, octaves: int) -> float:
        """What `work` will take, if `octaves` begin in it."""
        if not self._steady[0]:
            return work * self._first[1] / self._first[0]
        pace = self._steady[1] / self._steady[0]
        return work * pace + octaves * max(0.0, self._first[1] - self._first[0] * pace)


def _judge(runner: TileRunner, before: np.ndarray | Turned, after: np.ndarray) -> tuple[float, float]:
    """The objective of both pictures, averaged over up to four tiles spread along the horizon, at full size."""
    side = min(JUDGED, *before.shape[:2]) // 32 * 32
    if side < 64:
        return (math.nan, math.nan)
    top = (before.shape[0] - side) // 2
    lefts = sorted({round(x) for x in np.linspace(0, before.shape[1] - side, min(4, before.shape[1] // side))})
    values = [
        [runner.objective(np.ascontiguousarray(p[top : top + side, x : x + side])) for x in lefts]
        for p in (before, after)
    ]
    return (float(np.mean(values[0])), float(np.mean(values[1])))


def recipe_of(result: DreamResult) -> dict:
    """The recipe as plain data, with what the run fixed: precision, provider, ONNX Runtime version."""
    return {
        **json.loads(result.recipe.to_json()),
        "precision": result.precision,
        "provider": result.provider,
        "onnxruntime": ort.__version__,
    }


__all__ = ["BrokenGradient", "Cancelled", "DreamProgress", "DreamResult", "dream", "recipe_of"]
