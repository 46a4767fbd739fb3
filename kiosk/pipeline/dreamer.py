"""Dreaming by a recipe with everything at hand that it names: the graph in its precision, and a guide's features."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.dreaming.dream import BrokenGradient, DreamProgress, DreamResult
from kiosk.nets.dreaming.guide import Features, read_features
from kiosk.pipeline.faces import dream_beside_faces
from kiosk.planning.graphs import dream_graph
from kiosk.recipes.from_wishes import with_options
from kiosk.recipes.recipe import DreamRecipe

log = logging.getLogger(__name__)


class Dreamer:
    """Dreams with the network, layers and guide of `recipe`; its graphs are built in the folder `graphs`.

    `guide`, uint8 [h, w, 3], is the picture that the recipe names. `memory_mb` bounds the memory of the process.
    Raises BadInput and Unavailable as `dream_graph` and `read_features` do.
    """

    def __init__(
        self, graphs: Path, recipe: DreamRecipe, guide: np.ndarray | None = None, memory_mb: float | None = None
    ) -> None:
        spec, self._graph = dream_graph(graphs, recipe)
        self.recipe = with_options(recipe, precision=spec.precision)
        """the recipe, its precision decided."""
        self._judge = ensure_graph(graphs, GraphSpec(recipe.network, "fp32", recipe.layers, spec.purpose))
        self._folder, self._memory_mb = graphs, memory_mb
        self._features: Features | None = None
        if guide is not None:
            reader = GraphSpec(recipe.network, "fp32", recipe.layers, "features")
            self._features = read_features(guide, ensure_graph(graphs, reader))

    def __call__(
        self,
        photo: np.ndarray,
        recipe: DreamRecipe | None = None,
        progress: Callable[[DreamProgress], None] | None = None,
        ready_by: float | None = None,
    ) -> DreamResult:
        """The dream of `photo` by `recipe`, which may differ from the dreamer's in numbers; `ready_by` as
        for `dream`. In float32 where the
        network gives no gradient in the recipe's precision; that is logged, and stays so for what follows."""
        recipe = with_options(recipe or self.recipe, precision=self.recipe.precision)
        try:
            return dream_beside_faces(
                self._folder,
                photo,
                recipe,
                self._graph,
                judge=self._judge,
                guide=self._features,
                progress=progress,
                memory_mb=self._memory_mb,
                ready_by=ready_by,
            )
        except BrokenGradient as error:
            if recipe.precision == "fp32":
                raise
            log.warning("%s; dreaming again in fp32", error)
            self._graph, self.recipe = self._judge, with_options(self.recipe, precision="fp32")
            return self(photo, recipe, progress, ready_by)
