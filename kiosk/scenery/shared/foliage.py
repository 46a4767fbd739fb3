"""Foliage: bumps for a solid of revolution, and the color of its leaves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiosk.scenery.shared.noise import CLOUD, GRAIN, RIDGE, Noise
from kiosk.scenery.shared.shaping import mix, vector

_AROUND = 2 * np.pi


def clumps(
    noise: Noise, depth: float, size: float, above: float = -1.0
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Bumps for `Revolution` of about +-`depth` meters, with a pattern that repeats every `size` meters of height.
    Below height `above`, the trunk is bare."""

    def bumps(angle: np.ndarray, y: np.ndarray, solid: np.ndarray) -> np.ndarray:
        leaf = noise.sample(angle / _AROUND + solid * 0.37, y / size + solid * 0.21, 0.004)
        swell = depth * np.clip(0.45 * leaf[:, CLOUD] + 0.42 * leaf[:, RIDGE] + 0.2 * leaf[:, GRAIN], -1, 1)
        return swell * np.clip((y - above) * 3, 0, 1)

    return bumps


def leaves(angle, y, solid, size: float, tint, footprint, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Albedo [N, 3] and openness [N] of foliage of color `tint`; openness is low between clumps."""
    scale = np.asarray(footprint) / size
    leaf = noise.sample(angle / _AROUND + solid * 0.37, y / size + solid * 0.21, np.maximum(scale, 0.004))
    fine = noise.sample(angle / _AROUND * 3, y / size * 3, scale * 3)
    depth = 0.45 * leaf[:, CLOUD] + 0.42 * leaf[:, RIDGE] + 0.2 * leaf[:, GRAIN]
    open_ = np.clip(0.62 + 0.42 * depth, 0.12, 1.1)
    bright = np.clip(1 + 0.35 * fine[:, GRAIN] + 0.25 * fine[:, RIDGE], 0.25, 2)
    warm = vector(*tint) * vector(1.55, 1.30, 0.9)
    albedo = mix(vector(*tint), warm, np.clip(0.5 + 0.5 * depth, 0, 1)) * bright[:, None]
    return albedo, open_
