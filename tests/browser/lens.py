"""What one sees through the lenses of a headset, as its maker published them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CSS_PIXELS_PER_METER = 155 / 0.0254


@dataclass(frozen=True)
class Lens:
    """A viewer's constants as Google published them: polynomial, meters between the lenses and from the screen."""

    name: str
    k1: float
    k2: float
    gap: float
    far: float
    widest: float

    def rays(self, width: int, height: int, ratio: int, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Directions [height, width / 2, 3] that the device pixels of one half see, and which of them are dark."""
        meter = CSS_PIXELS_PER_METER * ratio
        gap = min(self.gap * meter, width * 0.62)
        half = width // 2
        x = np.arange(half) + 0.5 + (half if side else 0) - (width / 2 + (gap if side else -gap) / 2)
        y = height / 2 - (np.arange(height) + 0.5)
        sx, sy = np.meshgrid(x / meter / self.far, y / meter / self.far)
        r2 = sx**2 + sy**2
        bend = 1 + self.k1 * r2 + self.k2 * r2**2
        ray = np.stack([sx * bend, sy * bend, -np.ones_like(sx)], axis=-1)
        dark = np.hypot(ray[..., 0], ray[..., 1]) > np.tan(np.deg2rad(self.widest)) * 0.93
        return ray / np.linalg.norm(ray, axis=-1, keepdims=True), dark


V2 = Lens("Cardboard V2", 0.34, 0.55, 0.064, 0.039, 60)
V1 = Lens("Cardboard V1", 0.441, 0.156, 0.06, 0.042, 45)
