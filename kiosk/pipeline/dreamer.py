"""Dreaming by a recipe with everything at hand that it names: the graph in its precision, and a guide's features."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.dreaming.dream import BrokenGradient, DreamProgress, DreamResult
from kiosk.nets.dreaming.guide import Features, read_features
from kiosk.nets.engine import fallbacks
from kiosk.pipeline.faces import dream_beside_faces
from kiosk.pipeline.publish import is_blank
from kiosk.planning.graphs import dream_graph
from kiosk.recipes.from_wishes import with_options
from kiosk.recipes.recipe import DreamRecipe


class Dreamer:
    """Dreams with the network, layers and guide of `recipe`; its graphs are built in the folder `graphs`.

    `guide`, uint8 [h, w, 3], is the picture that the recipe names. `threads` (0: all cores) and `memory_mb` bound what
    a dream takes. With `judged` the objective is measured by the float32 graph, whatever dreams. Raises BadInput and
    Unavailable as `dream_graph` and `read_features` do.
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
        self.spec, self._graph = dream_graph(graphs, recipe)
        self.recipe = with_options(recipe, precision=self.spec.precision)
        """the recipe, its precision decided."""
        self.retried: str | None = None
        """the precision in which the last dream came out empty, where it was dreamed again in float32."""
        self._folder = graphs
        self._judge = self._float32() if judged else None
        self._threads, self._memory_mb = threads, memory_mb
        self._features: Features | None = None
        if guide is not None:
            reader = GraphSpec(recipe.network, "fp32", recipe.layers, "features")
            self._features = read_features(guide, ensure_graph(graphs, reader))

    def __call__(
        self,
        photo: np.ndarray,
        recipe: DreamRecipe | None = None,
        *,
        progress: Callable[[DreamProgress], None] | None = None,
        checkpoint: Path | None = None,
        cancelled: Callable[[], bool] | None = None,
        ready_by: float | None = None,
    ) -> DreamResult:
        """The dream of `photo` by `recipe`, which may differ from the dreamer's in numbers; the options are those of
        `dream`. In float32 where the network gives no gradient, or an empty picture, in the recipe's precision; that is
        noted, and stays so for what follows. Raises Unavailable where float32 gives none either."""
        recipe = with_options(recipe or self.recipe, precision=self.recipe.precision)
        self.retried = None
        while True:
            result = self._attempt(
                photo, recipe, progress=progress, checkpoint=checkpoint, cancelled=cancelled, ready_by=ready_by
            )
            if result is not None:
                return result
            if recipe.precision == "fp32":
                raise Unavailable("the network gave an empty picture", "empty_dream")
            fallbacks.note(
                "precision",
                f"A dream came out empty in {recipe.precision} and was dreamed again in fp32, slower. If it happens "
                'often, set dream.precision = "fp32".',
            )
            self.retried = recipe.precision
            self.spec, self._graph = dataclasses.replace(self.spec, precision="fp32"), self._float32()
            recipe = with_options(recipe, precision="fp32")
            self.recipe = with_options(self.recipe, precision="fp32")

    def _attempt(self, photo: np.ndarray, recipe: DreamRecipe, **options: object) -> DreamResult | None:
        """A dream; None where it came out empty."""
        try:
            result = dream_beside_faces(
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
        # A picture too small to be judged has no objective.
        finite = self._judge is not None or all(map(math.isfinite, result.objective))
        return result if finite and (not is_blank(result.picture) or is_blank(photo)) else None

    def _float32(self) -> Path:
        return ensure_graph(self._folder, dataclasses.replace(self.spec, precision="fp32"))
