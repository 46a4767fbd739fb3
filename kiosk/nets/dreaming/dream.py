"""Dream a photo: gradient ascent on a network's activations, octave by octave, on the sphere.

After Mordvintsev, Olah and Tyka, "Inceptionism", 2015: the photo is dreamed at a small size first, and the added detail
is carried up to the next octave. Jitter is a yaw roll, which is exact on a sphere, plus a shift of the tile grid.
Neither moves anything across a pole.
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
from kiosk.nets.dreaming.pace import LEAST, Pace
from kiosk.nets.dreaming.schedule import Octave, pixels, schedule, steps_of
from kiosk.nets.engine.memory import may_open_ahead, threads_within, weights_mb
from kiosk.nets.engine.session import default_threads
from kiosk.recipes.recipe import DreamRecipe, check_numbers
from kiosk.sphere.compact import FixedPoint
from kiosk.sphere.yaw import Turned, canonical_yaw

JUDGED = 256
"""Side in pixels of the tiles that the objective is measured on."""
CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class DreamProgress:
    """Progress of a dream. `preview(width)` renders the current picture, uint8 [width / 2, width, 3]."""

    fraction: float
    octave: int
    octaves: int
    iteration: int
    iterations: int
    eta_seconds: float
    preview: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class DreamResult:
    """A finished dream and measurements of its run."""

    picture: np.ndarray
    recipe: DreamRecipe
    seconds: float
    megapixels_per_second: float
    objective: tuple[float, float]
    """Objective of the photo and of the dream at the dream's size; NaN if the picture is too small to measure."""
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

    `recipe` has its channels measured (`kiosk.nets.dreaming.strongest`).
    `graph`: a dream graph for the recipe's network, layers and precision. `judge`: its fp32 version, which measures the
    objective (default: `graph`). `guide`: the features of the guide that the recipe names
    (`kiosk.nets.dreaming.guide`); both graphs must then be guided ones. `checkpoint`: a file from which an interrupted
    dream resumes, with the same result. `threads`: 0 for all cores. `memory_mb`: limit on the process's resident
    memory, kept by running fewer tiles at a time. `cancelled()` is called before every tile. `ready_by`: a deadline in
    seconds of `time.monotonic()`; to meet it, the last octaves get fewer steps, at least LEAST, which the result's
    recipe records.

    Raises BadInput for a photo or recipe that cannot be dreamed, Cancelled if `cancelled()` returns True, and
    BrokenGradient if the graph fails numerically; the caller can then dream again in fp32.
    """
    started = time.perf_counter()
    _check(photo, recipe, guide)
    height, width = photo.shape[:2]
    dream_height = max(1, round(height * recipe.width / width)) if recipe.flat else recipe.width // 2
    turned = 0 if recipe.flat else canonical_yaw(photo)
    weights = weights_mb(graph)
    threads = threads_within(memory_mb, recipe.width, dream_height, threads or default_threads(), weights)
    source = at_size(photo, turned, recipe.width, dream_height, not recipe.flat)
    ahead = may_open_ahead(memory_mb, recipe.width, dream_height, threads, weights)
    runner = TileRunner(graph, recipe.channels, guide, threads, providers, cancelled, ahead)
    store = Checkpoint(checkpoint, photo, recipe, runner.identity) if checkpoint else None
    run = _Run(photo, turned, source, recipe, runner, store, progress, ready_by)
    result = lay_over(source, run.detail(), recipe)
    seconds = time.perf_counter() - started
    objective = _judge(
        TileRunner(judge or graph, recipe.channels, guide=guide, threads=threads, providers=providers), source, result
    )
    if store:
        store.clear()
    recipe = run.recipe
    return DreamResult(
        picture=np.roll(result, turn_back(turned, width, recipe.width), axis=1) if turned else result,
        recipe=recipe,
        seconds=seconds,
        megapixels_per_second=pixels(recipe, run.octaves) / seconds,
        objective=objective,
        octaves=run.report,
        provider=runner.provider,
        precision=runner.precision,
    )


class _Run:
    """Runs the octaves of one dream, starting from its checkpoint if there is one."""

    def __init__(
        self,
        photo: np.ndarray,
        turned: int,
        source: np.ndarray | Turned,
        recipe: DreamRecipe,
        runner: TileRunner,
        store: Checkpoint | None,
        progress: Callable[[DreamProgress], None] | None,
        ready_by: float | None,
    ) -> None:
        self._photo, self._turned, self._source = photo, turned, source
        self._recipe, self._runner, self._store = recipe, runner, store
        self._progress, self._ready_by = progress, ready_by
        self.octaves = schedule(recipe, source.shape[0], runner.bytes_per_pixel, runner.align)
        self._steps = steps_of(recipe, self.octaves)
        self._state = (store.load() if store else None) or DreamState(octave=0, iteration=0, array=None)
        self._saved = time.perf_counter()
        self._pace = Pace(self.octaves, self._steps, recipe.iterations, self._state.octave, self._state.iteration)
        self.report: list[dict] = list(self._state.report)

    @property
    def recipe(self) -> DreamRecipe:
        """The recipe. If the deadline cut octaves short, it includes the steps each octave got."""
        if self._steps == steps_of(self._recipe, self.octaves):
            return self._recipe
        return dataclasses.replace(self._recipe, octave_iterations=tuple(self._steps))

    def detail(self) -> FixedPoint:
        """Dream the remaining octaves. Returns the detail at the size of the last octave."""
        if self._state.octave < len(self.octaves):
            self._runner.open_ahead(self.octaves[self._state.octave].tile)
        for number in range(self._state.octave, len(self.octaves)):
            self._dream_octave(number)
        self._runner.release()
        assert self._state.array is not None
        return FixedPoint(self._state.array)

    def _dream_octave(self, number: int) -> None:
        started = time.perf_counter()
        octave = self.octaves[number]
        base, first = self._base(octave), self._state.iteration
        picture = self._first_picture(base)
        ascent = Ascent(picture, self._recipe, number, self._runner, octave.tile)
        for iteration in range(first, self._steps[number]):
            if self._ready_by and iteration >= LEAST and self._pace.end(number) > self._ready_by:
                self._steps[number] = iteration
                break
            begun = time.perf_counter()
            ascent.step(iteration)
            if iteration == first and number + 1 < len(self.octaves):
                self._runner.open_ahead(self.octaves[number + 1].tile)
            self._pace.note(number, time.perf_counter() - begun, iteration == first)
            if self._progress:
                self._progress(self._at(number, iteration + 1, picture, base))
            if iteration + 1 < self._steps[number] and time.perf_counter() - self._saved > CHECKPOINT_SECONDS:
                self._save(DreamState(number, iteration + 1, picture.codes, self.report))
        self._pace.octave_done(number)
        self.report.append(
            {
                "width": octave.width,
                "height": octave.height,
                "iterations": self._steps[number],
                "tiles": ascent.tiles,
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
        del ascent
        subtract(picture, base)
        self._state = DreamState(number + 1, 0, picture.codes, self.report)
        self._save(self._state)

    def _base(self, octave: Octave) -> np.ndarray | Turned:
        """The photo at the octave's size."""
        if self._source.shape[:2] == (octave.height, octave.width):
            return self._source
        return at_size(self._photo, self._turned, octave.width, octave.height, not self._recipe.flat)

    def _first_picture(self, base: np.ndarray | Turned) -> FixedPoint:
        """The picture the octave starts from. Clears the reference in the state, to free memory."""
        state = self._state
        kept = None if state.array is None else FixedPoint(state.array)
        self._state = dataclasses.replace(state, array=None)
        return kept if state.iteration and kept is not None else begin(base, kept, not self._recipe.flat)

    def _at(self, number: int, iteration: int, picture: FixedPoint, base: np.ndarray | Turned) -> DreamProgress:
        return DreamProgress(
            fraction=self._pace.fraction,
            octave=number + 1,
            octaves=len(self.octaves),
            iteration=iteration,
            iterations=self._steps[number],
            eta_seconds=self._pace.seconds_left(number),
            preview=previewer(self._photo, self._turned, picture, base, self._recipe),
        )

    def _save(self, state: DreamState) -> None:
        if self._store:
            self._store.save(state)
            self._saved = time.perf_counter()


def _check(photo: np.ndarray, recipe: DreamRecipe, guide: Features | None) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise BadInput("a photo is uint8 [height, width, 3]", "bad_photo")
    if not recipe.flat and photo.shape[1] != 2 * photo.shape[0]:
        raise BadInput(
            f"a 360 photo is twice as wide as high, but this one is {photo.shape[1]} x {photo.shape[0]} "
            "(use flat for a plain picture)",
            "not_equirectangular",
        )
    if not recipe.flat and (recipe.width % 64 or recipe.width < 256):
        raise BadInput(f"the width must be a multiple of 64 and at least 256, not {recipe.width}", "bad_width")
    if recipe.flat and recipe.keep_nadir:
        raise BadInput("a plain picture has no nadir to keep; use a mask", "no_nadir")
    check_numbers(recipe)
    if recipe.strongest or recipe.equalized:
        raise BadInput("the photo's channels are measured before it is dreamed", "not_measured")
    if (guide is None) != (recipe.guide is None):
        raise BadInput("a recipe with a guide needs the guide's features", "no_guide")


def _judge(runner: TileRunner, before: np.ndarray | Turned, after: np.ndarray) -> tuple[float, float]:
    """The objective of both pictures at full size, averaged over up to four tiles along the horizon."""
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
    """The recipe as plain data, plus facts of the run: precision, provider and ONNX Runtime version."""
    return {
        **json.loads(result.recipe.to_json()),
        "precision": result.precision,
        "provider": result.provider,
        "onnxruntime": ort.__version__,
    }


__all__ = ["BrokenGradient", "Cancelled", "DreamProgress", "DreamResult", "dream", "recipe_of"]
