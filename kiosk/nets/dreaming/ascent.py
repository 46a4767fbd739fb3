"""The gradient ascent steps of one octave."""

from __future__ import annotations

import math
from functools import partial

import cv2
import ml_dtypes
import numpy as np

from kiosk.nets.dreaming.gradient import BrokenGradient, TileRunner
from kiosk.nets.dreaming.normalize import apply_step, step_scale
from kiosk.nets.dreaming.schedule import HALO
from kiosk.nets.dreaming.smooth import shape_gradient
from kiosk.nets.dreaming.sphere_charts import PHASE, FlatChart, RunTile, Shift, SphereCharts
from kiosk.nets.engine.memory import LARGE
from kiosk.recipes.recipe import DreamRecipe
from kiosk.sphere.compact import FixedPoint


class Ascent:
    """Gradient ascent on `picture` in place, for one octave."""

    def __init__(
        self, picture: FixedPoint, recipe: DreamRecipe, octave: int, runner: TileRunner, tile: tuple[int, int]
    ) -> None:
        self._picture, self._recipe, self._octave, self._runner = picture, recipe, octave, runner
        height, width = picture.shape[:2]
        self._charts = (
            FlatChart(width, height, tile, HALO)
            if recipe.flat
            else SphereCharts(width, tile, HALO, one_by_one=width > LARGE)
        )
        # bfloat16: 8 bits of precision suffice for the direction of a step, and it has the range of float32.
        self._gradient = np.empty(picture.shape, ml_dtypes.bfloat16)

    @property
    def tiles(self) -> int:
        return self._charts.tiles

    def step(self, iteration: int) -> None:
        """Move the picture up the gradient, by about `recipe.step` 8-bit levels per pixel on average."""
        recipe, width = self._recipe, self._picture.shape[1]
        random = np.random.default_rng([recipe.seed, self._octave, iteration])
        down, right = (int(n) for n in random.integers(-PHASE, PHASE, 2))
        turn, roll = int(random.integers(width)), int(random.integers(-recipe.jitter, recipe.jitter + 1))
        shift = Shift((down, right), turn, roll)
        run: RunTile = self._shaped
        if recipe.wobble:
            run = partial(posed, run, *random.uniform(-recipe.wobble, recipe.wobble, 2).tolist())
        self._charts.gradient(self._picture, self._gradient, run, shift, self._runner.each)
        scale = step_scale(self._gradient, self._charts.solid_angle, recipe.local, self._runner.each)
        if scale is None and self._runner.precision != "fp32":
            raise BrokenGradient(self._runner.precision)
        if scale is not None:
            shrink = 1 + recipe.decay * (1 - 2 * iteration / max(1, recipe.iterations - 1))
            step, sphere = recipe.step * shrink, not recipe.flat
            apply_step(self._picture, self._gradient, scale, step, sphere, self._runner.each, recipe.saturation)

    def _shaped(self, tile: np.ndarray) -> np.ndarray:
        recipe = self._recipe
        return shape_gradient(self._runner(tile), recipe.smooth, recipe.chroma, recipe.magenta)


def posed(run: RunTile, turn: float, growth: float, tile: np.ndarray) -> np.ndarray:
    """The answer of `run` at `tile` [h, w, 3] turned by `turn` radians and enlarged by the factor 1 + `growth`, turned
    back."""
    height, width = tile.shape[:2]
    pose = cv2.getRotationMatrix2D((width / 2, height / 2), math.degrees(turn), 1 + growth)
    seen = cv2.warpAffine(tile, pose, (width, height), borderMode=cv2.BORDER_REFLECT)
    # What the turned tile does not cover gets no gradient; tiles move, so it is another place in each step.
    return cv2.warpAffine(run(seen), pose, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
