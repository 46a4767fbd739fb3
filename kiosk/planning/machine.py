"""This machine: the graphs that it runs, how fast it is, and what that makes of a wish."""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path

import numpy as np

from kiosk.errors import KioskError
from kiosk.nets.dreaming.dream import DreamResult, dream
from kiosk.nets.dreaming.schedule import schedule, steps_of
from kiosk.nets.enlarging.upscale import upscale
from kiosk.planning import graphs
from kiosk.planning.plan import Plan, Speeds, dream_work, make_plan, plan_dream, predict, within_memory
from kiosk.planning.speed import SpeedBook
from kiosk.planning.timing import timed_picture
from kiosk.planning.upscale_precision import decided
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe

log = logging.getLogger(__name__)

DREAM_WIDTH, ITERATIONS = 768, 4
"""Of the dream that a speed is first known from. A small picture pays more for starting up than a large one, so that
plans made from it are on the safe side."""
UPSCALE_WIDTH = 256


class Machine:
    """What this machine makes of a wish. `graphs`: the folder where graphs are built; `speeds`: the file of what was
    measured."""

    def __init__(self, graphs: Path, speeds: Path) -> None:
        self.graphs = graphs
        self._book = SpeedBook(speeds)

    def settle(self, wish: PhotoRecipe, seconds: float, eyes: int = 1, memory_mb: float | None = None) -> Plan:
        """The best-looking recipe like `wish` that is expected to be ready within `seconds`, every "auto" decided and
        its graphs built; the smallest where none is. `memory_mb`: what a dream may take.

        Raises BadInput and Unavailable where what it asks for is not to be had.
        """
        settled = graphs.frozen(self.graphs, wish)
        if memory_mb is not None:
            settled = within_memory(settled, memory_mb)
        return make_plan(settled, self.speeds(settled), seconds, memory_mb, eyes)

    def expect(self, settled: PhotoRecipe, eyes: int = 1) -> Plan:
        """How long a recipe takes that was settled before."""
        return predict(settled, self.speeds(settled), eyes)

    def measure_dream(self, wish: DreamRecipe) -> None:
        """Measure how fast `wish` is dreamed here, unless that is known."""
        if self._measure_dream(_unguided(wish)):
            self._book.save()

    def settle_dream(self, wish: DreamRecipe, deadline: float, kept_back: float = 0.0) -> DreamRecipe:
        """The first dream like `wish` that is expected to be ready within `deadline` seconds, of which `kept_back` are
        for everything else. Raises BadInput, with the least that would do."""
        label = graphs.dream_graph(self.graphs, _unguided(wish))[0].label
        return plan_dream(wish, self._book.speeds(label, "").dream, deadline, kept_back)

    def note_dream(self, result: DreamResult) -> None:
        """Learn from a dream that was made by itself, and keep that."""
        recipe, octaves = result.recipe, schedule(result.recipe, len(result.picture))
        work = sum(octave.work * n for octave, n in zip(octaves, steps_of(recipe, octaves), strict=True))
        label = graphs.dream_label(dataclasses.replace(recipe, precision=result.precision))  # type: ignore[arg-type]
        self.note("dream", label, work / recipe.iterations, result.seconds)
        self._book.save()

    def speeds(self, settled: PhotoRecipe) -> Speeds:
        """How fast the graphs of a settled recipe are here, as far as is known."""
        return self._book.speeds(graphs.dream_label(settled.dream), graphs.upscale_label(settled.upscale))

    def note(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        """Learn from a run: `kind` is dream, upscale or publish."""
        self._book.note(kind, label, megapixels, seconds)

    def save(self) -> None:
        """Keep what was learned."""
        self._book.save()

    def measure(self, wish: PhotoRecipe) -> None:
        """Measure what is not known yet about the graphs of `wish`, which takes a second or two. Where a graph cannot
        be built, that is logged, and a guess serves."""
        try:
            settled = graphs.frozen(self.graphs, wish)
            if any((self._measure_dream(settled.dream), self._measure_upscale(settled))):
                self._book.save()
                log.info("measured this machine's speed")
        except KioskError as error:
            log.error("this machine's speed cannot be measured: %s", error)

    def _measure_dream(self, recipe: DreamRecipe) -> bool:
        """Measure how fast `recipe` dreams unless that is known; whether it had to be."""
        spec, graph = graphs.dream_graph(self.graphs, recipe)
        if self._book.knows("dream", spec.label):
            return False
        small = dataclasses.replace(recipe, width=DREAM_WIDTH, octaves=1, iterations=ITERATIONS, flat=False)
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
    # A guide's search costs a few per cent, which the plan's margin covers.
    return dataclasses.replace(recipe, guide=None, precision="fp32") if recipe.guide else recipe
