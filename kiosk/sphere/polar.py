"""The two polar caps of an equirectangular picture as azimuthal equidistant charts, and the way back.

An equirectangular picture stretches what is near a pole by 1 / cos(latitude). In an azimuthal equidistant chart
(Snyder, "Map Projections: A Working Manual", USGS 1987, p. 191) distance from the pole is true and the stretch along the
parallels is c / sin(c) at colatitude c: 1 at the pole, 1.14 at 50 degrees. With as many pixels per radian as the
equator, chart and equatorial band show texture at one scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class PolarCaps:
    """Resampling maps between an equirectangular picture (width `width`, height width / 2) and its two caps.

    A cap is a square of `size` pixels with its pole at the centre, seen from inside the sphere, facing longitude 0 at
    its lower (north) or upper (south) edge. The pictures handed to `extract` are padded by `border` pixels on all sides
    (wrapped, and over the poles).
    """

    width: int
    size: int
    border: int
    reach: float
    """colatitude, radians: `deposit` covers everything nearer to the pole."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_extract_maps", [self._chart_to_sphere(south) for south in (False, True)])
        object.__setattr__(self, "_deposit_maps", [self._sphere_to_chart(south) for south in (False, True)])

    @property
    def rows(self) -> int:
        """Rows of the equirectangular picture, counted from a pole, that `deposit` covers."""
        return min(self.width // 4, int(np.ceil(self.reach / np.pi * (self.width // 2))))

    def _chart_to_sphere(self, south: bool) -> tuple[np.ndarray, np.ndarray]:
        per_radian = self.width / (2 * np.pi)
        axis = (np.arange(self.size) - (self.size - 1) / 2) / per_radian
        right, down = np.meshgrid(axis, axis)
        colatitude = np.minimum(np.hypot(right, down), np.pi)
        longitude = np.arctan2(right, -down if south else down)
        if south:
            colatitude = np.pi - colatitude
        column = (longitude / (2 * np.pi) + 0.5) * self.width - 0.5 + self.border
        row = colatitude / np.pi * (self.width // 2) - 0.5 + self.border
        return cv2.convertMaps(column.astype(np.float32), row.astype(np.float32), cv2.CV_16SC2)

    def _sphere_to_chart(self, south: bool) -> tuple[np.ndarray, np.ndarray]:
        per_radian = self.width / (2 * np.pi)
        rows = np.arange(self.rows) if not south else np.arange(self.width // 2 - self.rows, self.width // 2)
        colatitude = ((rows + 0.5) / (self.width // 2) * np.pi)[:, None]
        distance = (np.pi - colatitude if south else colatitude) * per_radian
        longitude = (((np.arange(self.width) + 0.5) / self.width - 0.5) * 2 * np.pi)[None]
        right, down = distance * np.sin(longitude), distance * np.cos(longitude) * (-1 if south else 1)
        centre = (self.size - 1) / 2
        return cv2.convertMaps((right + centre).astype(np.float32), (down + centre).astype(np.float32), cv2.CV_16SC2)

    def extract(self, padded: np.ndarray, south: bool) -> np.ndarray:
        """The cap, float32 [size, size, C], of a padded picture [H + 2 border, W + 2 border, C]."""
        first, second = self._extract_maps[south]  # type: ignore[attr-defined]
        return cv2.remap(padded, first, second, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    def deposit(self, cap: np.ndarray, south: bool) -> np.ndarray:
        """The rows of the equirectangular picture nearest the pole, [rows, W, C], read from a cap [size, size, C]."""
        first, second = self._deposit_maps[south]  # type: ignore[attr-defined]
        return cv2.remap(cap, first, second, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
