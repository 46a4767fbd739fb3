"""This machine: its graphs, its measured speeds, and the plans it makes from them."""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path

import numpy as np

from kiosk.errors import BadInput, KioskError
from kiosk.nets.dreaming.dream import DreamResult, dream
from kiosk.nets.dreaming.schedule import schedule, steps_of
from kiosk.nets.engine.memory import threads_within, weights_mb
from kiosk.nets.engine.session import default_threads
from kiosk.nets.enlarging.upscale import upscale
from kiosk.planning import graphs
from kiosk.planning.plan import Plan, Speeds, dream_work, make_plan, plan_dream, predict, within_memory
from kiosk.planning.speed import SpeedBook
from kiosk.planning.tile_shape import Say, fastest_tile, known_tile
from kiosk.planning.timing import timed_picture
from kiosk.planning.upscale_precision import decided
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe

log = logging.getLogger(__name__)

DREAM_WIDTH, ITERATIONS = 768, 4
"""Width in pixels and iterations of the dream that first measures the speed. Startup costs weigh more on a small
picture, so plans based on it err on the safe side."""
UPSCALE_WIDTH = 256


class Machine:
    """Turns requested recipes into plans for this machine.

    `graphs`: the folder that graphs are built in. `speeds`: the file of measured speeds.
    """

    def __init__(self, graphs: Path, speeds: Path) -> None:
        self.graphs = graphs
        self._book = SpeedBook(speeds)
        self._unmeasured: dict[str, DreamRecipe] = {}
        """By label, dreams that were planned without a measured tile."""

    def settle(self, wish: PhotoRecipe, seconds: float, eyes: int = 1, memory_mb: float | None = None) -> Plan:
        """Plan the best-looking recipe like `wish` that should finish within `seconds`, or the smallest one if none
        does. Every "auto" is resolved and the graphs are built. The tile is the fastest one if that is known: a
        guest does not wait for it to be measured (`measure_waiting`).

        `memory_mb`: memory limit of the dream. `eyes`: 2 for a stereo photo. Raises BadInput or Unavailable if `wish`
        cannot be met.
        """
        settled = graphs.frozen(self.graphs, wish)
        settled = PhotoRecipe(self.with_known_tile(settled.dream), settled.upscale)
        if memory_mb is not None:
            memory_mb -= graphs.dream_weights_mb(self.graphs, settled.dream)
            settled = within_memory(settled, memory_mb)
        return make_plan(settled, self.speeds(settled), seconds, memory_mb, eyes)

    def expect(self, settled: PhotoRecipe, eyes: int = 1) -> Plan:
        """Predict the time of a recipe that is already settled."""
        return predict(settled, self.speeds(settled), eyes)

    def with_known_tile(self, recipe: DreamRecipe) -> DreamRecipe:
        """`recipe` with this machine's fastest tile if that was measured. One with a tile of its own keeps it."""
        if recipe.tile is not None:
            return recipe
        spec, graph = graphs.dream_graph(self.graphs, _unguided(recipe))
        tile = known_tile(self.graphs, graph)
        if tile is None:
            self._unmeasured[spec.label] = recipe
        return dataclasses.replace(recipe, tile=tile)

    def with_fastest_tile(
        self, recipe: DreamRecipe, *, memory_mb: float | None = None, threads: int = 0, say: Say | None = None
    ) -> DreamRecipe:
        """`recipe` with this machine's fastest tile, which is measured if it is not known: that takes up to 3 s. One
        with a tile of its own keeps it. `memory_mb` and `threads` limit the measurement as they limit the dream."""
        if recipe.tile is not None:
            return recipe
        _, graph = graphs.dream_graph(self.graphs, _unguided(recipe))
        threads = threads or default_threads()
        try:
            threads = threads_within(memory_mb, recipe.width, recipe.width // 2, threads, weights_mb(graph))
        except BadInput:
            # The dream itself says how much memory it needs.
            return recipe
        return dataclasses.replace(recipe, tile=fastest_tile(self.graphs, graph, threads, say))

    def measure_waiting(self, memory_mb: float | None = None, threads: int = 0) -> None:
        """Measure the fastest tile of one dream that was planned without it. For idle times. Failures are logged."""
        if not self._unmeasured:
            return
        label, recipe = self._unmeasured.popitem()
        try:
            self.with_fastest_tile(recipe, memory_mb=memory_mb, threads=threads)
        except KioskError as error:
            log.error("the fastest tiles of %s cannot be measured: %s", label, error)

    def measure_dream(self, wish: DreamRecipe) -> None:
        """Measure this machine's speed on `wish`, unless it is already known."""
        if self._measure_dream(_unguided(wish)):
            self._book.save()

    def settle_dream(self, wish: DreamRecipe, deadline: float, kept_back: float = 0.0) -> DreamRecipe:
        """The first dream, from `wish` downward, that should finish within `deadline` seconds. `kept_back` of them are
        reserved for other work. Raises BadInput with the shortest possible deadline if none fits."""
        label = graphs.dream_graph(self.graphs, _unguided(wish))[0].label
        return plan_dream(wish, self._book.speeds(label, "").dream, deadline, kept_back)

    def note_dream(self, result: DreamResult) -> None:
        """Update the speed book from a dream run outside the photo pipeline, and save it."""
        recipe, octaves = result.recipe, schedule(result.recipe, len(result.picture))
        work = sum(octave.work * n for octave, n in zip(octaves, steps_of(recipe, octaves), strict=True))
        label = graphs.dream_label(dataclasses.replace(recipe, precision=result.precision))  # type: ignore[arg-type]
        self.note("dream", label, work / recipe.iterations, result.seconds)
        self._book.save()

    def speeds(self, settled: PhotoRecipe) -> Speeds:
        """The speeds of a settled recipe's graphs: measured where known, estimated otherwise."""
        return self._book.speeds(graphs.dream_label(settled.dream), graphs.upscale_label(settled.upscale))

    def note(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        """Update the speed book from a run. `kind` is "dream", "upscale" or "publish"."""
        self._book.note(kind, label, megapixels, seconds)

    def save(self) -> None:
        """Save the speed book."""
        self._book.save()

    def measure(self, wish: PhotoRecipe, memory_mb: float | None = None, threads: int = 0) -> None:
        """Measure the fastest tile and the unknown speeds of the graphs of `wish`, which takes a few seconds.
        `memory_mb` and `threads` limit the measurement. If a graph cannot be built, log it; plans then use an
        estimate."""
        try:
            settled = graphs.frozen(self.graphs, wish)
            dream = self.with_fastest_tile(settled.dream, memory_mb=memory_mb, threads=threads)
            if any((self._measure_dream(dream), self._measure_upscale(settled))):
                self._book.save()
                log.info("measured this machine's speed")
        except KioskError as error:
            log.error("this machine's speed cannot be measured: %s", error)

    def _measure_dream(self, recipe: DreamRecipe) -> bool:
        """Measure the dream speed of `recipe` unless it is known. Returns whether a measurement ran."""
        spec, graph = graphs.dream_graph(self.graphs, recipe)
        if self._book.knows("dream", spec.label):
            return False
        small = dataclasses.replace(
            recipe, width=DREAM_WIDTH, octaves=1, iterations=ITERATIONS, flat=False, strongest=0, equalized=False
        )
        self.note("dream", spec.label, dream_work(small), dream(timed_picture(DREAM_WIDTH), small, graph).seconds)
        return True

    def _measure_upscale(self, settled: PhotoRecipe) -> bool:
        label = graphs.upscale_label(settled.upscale)
        if settled.upscale.scale == 1 or self._book.knows("upscale", label):
            return False
        double = decided(self.graphs, dataclasses.replace(settled.upscale, scale=2))
        picture = np.ascontiguousarray(timed_picture(UPSCALE_WIDTH))
        started = time.monotonic()
        enlarged = upscale(picture, double, graphs.upscale_graphs(self.graphs)).picture
        self.note("upscale", label, enlarged.shape[0] * enlarged.shape[1] / 1e6, time.monotonic() - started)
        return True


def _unguided(recipe: DreamRecipe) -> DreamRecipe:
    # The guide's search costs a few percent, which the plan's margin covers.
    return dataclasses.replace(recipe, guide=None, precision="fp32") if recipe.guide else recipe
