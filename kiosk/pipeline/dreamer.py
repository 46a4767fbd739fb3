"""A Dreamer: a recipe together with its graph and guide features, ready to dream photos."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable
from kiosk.forge.build import dream_spec, ensure_graph
from kiosk.forge.readers.imported import known_network
from kiosk.nets.dreaming.dream import BrokenGradient, DreamProgress, DreamResult
from kiosk.nets.dreaming.guide import Features, read_features
from kiosk.nets.dreaming.strongest import measure, with_equalized, with_strongest
from kiosk.nets.engine import fallbacks
from kiosk.pipeline.keeping.beside import dream_beside_kept
from kiosk.pipeline.keeping.mattes import Watch
from kiosk.pipeline.keeping.people import check_matting
from kiosk.pipeline.publish import is_blank
from kiosk.planning.graphs import dream_graph
from kiosk.recipes.from_wishes import with_options
from kiosk.recipes.recipe import DreamRecipe, check_numbers


def measured(graphs: Path, photo: np.ndarray, recipe: DreamRecipe) -> tuple[DreamRecipe, DreamRecipe]:
    """`recipe` with its strongest channels on `photo`, uint8 [H, W, 3], as it is stored, and the one to dream with,
    which has a weight for every channel if it is equalized. Raises BadInput for a recipe out of range."""
    if not (recipe.strongest or recipe.equalized):
        return recipe, recipe
    check_numbers(recipe)
    graph = ensure_graph(graphs, dream_spec(recipe, purpose="features"))
    levels = measure(photo, graph, width=recipe.width, flat=recipe.flat)
    stored = with_strongest(recipe, levels)
    return stored, with_equalized(stored, levels)


class Dreamer:
    """Dreams with the network, layers and guide of `recipe`. Its graphs are built in the folder `graphs`.

    `guide`, uint8 [h, w, 3], is the picture that the recipe names. `threads` (0: all cores) and `memory_mb` limit a
    dream's resources. With `judged`, the fp32 graph measures the objective, whatever the dream's precision. Raises
    BadInput and Unavailable as `dream_graph` and `read_features` do, and BadInput if people are to be kept and the
    network for that was not built.
    """

    def __init__(
        self,
        graphs: Path,
        recipe: DreamRecipe,
        guide: np.ndarray | None = None,
        *,
        threads: int = 0,
        memory_mb: float | None = None,
        judged: bool = True,
    ) -> None:
        if recipe.keep_people:
            check_matting(graphs)
        self.spec, self._graph = dream_graph(graphs, recipe)
        self.recipe = with_options(recipe, precision=self.spec.precision)
        """The recipe with its precision resolved."""
        self.retried: str | None = None
        """The precision that failed, if the last dream had to fall back to fp32; otherwise None."""
        self._folder = graphs
        self._judge = self._float32() if judged else None
        self._threads, self._memory_mb = threads, memory_mb
        self._features: Features | None = None
        if guide is not None:
            reader = dream_spec(recipe, purpose="features")
            align = known_network(graphs, recipe.network).align
            self._features = read_features(guide, ensure_graph(graphs, reader), align)

    def __call__(
        self,
        photo: np.ndarray,
        recipe: DreamRecipe | None = None,
        *,
        progress: Callable[[DreamProgress], None] | None = None,
        checkpoint: Path | None = None,
        cancelled: Callable[[], bool] | None = None,
        ready_by: float | None = None,
        covered: np.ndarray | None = None,
        watch: Watch | None = None,
    ) -> DreamResult:
        """Dream `photo`. `recipe` may change the dreamer's numeric parameters; the options are those of `dream` and
        `dream_beside_kept`. The result's recipe has the strongest channels as ordinary ones.

        If the precision yields a broken gradient or a blank picture, falls back to fp32, notes the fallback, and keeps
        fp32 for later dreams. Raises Unavailable if fp32 fails too.
        """
        recipe = with_options(recipe or self.recipe, precision=self.recipe.precision)
        stored, recipe = measured(self._folder, photo, recipe)
        self.retried = None
        while True:
            result = self._attempt(
                photo,
                recipe,
                progress=progress,
                checkpoint=checkpoint,
                cancelled=cancelled,
                ready_by=ready_by,
                covered=covered,
                watch=watch,
            )
            if result is not None:
                kept = with_options(result.recipe, channels=stored.channels, equalized=stored.equalized)
                return dataclasses.replace(result, recipe=kept)
            if recipe.precision == "fp32":
                raise Unavailable("the network returned a blank picture", "empty_dream")
            fallbacks.note(
                "precision",
                f"A dream failed in {recipe.precision} and was repeated in fp32, which is slower. If this happens "
                'often, set dream.precision = "fp32".',
            )
            self.retried = recipe.precision
            self.spec, self._graph = dataclasses.replace(self.spec, precision="fp32"), self._float32()
            recipe = with_options(recipe, precision="fp32")
            self.recipe = with_options(self.recipe, precision="fp32")

    def _attempt(self, photo: np.ndarray, recipe: DreamRecipe, **options: object) -> DreamResult | None:
        """A dream, or None if its gradient is broken, its picture blank, or its objective not finite."""
        try:
            result = dream_beside_kept(
                self._folder,
                photo,
                recipe,
                self._graph,
                judge=self._judge,
                guide=self._features,
                threads=self._threads,
                memory_mb=self._memory_mb,
                **options,  # type: ignore[arg-type]
            )
        except BrokenGradient:
            return None
        # With a judge, a picture too small to measure has no objective.
        finite = self._judge is not None or all(map(math.isfinite, result.objective))
        return result if finite and (not is_blank(result.picture) or is_blank(photo)) else None

    def _float32(self) -> Path:
        return ensure_graph(self._folder, dataclasses.replace(self.spec, precision="fp32"))
