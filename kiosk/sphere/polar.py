"""Project a polar cap of an equirectangular picture to an azimuthal equidistant chart, and back.

An equirectangular picture is stretched by 1 / cos(latitude) near the poles. In an azimuthal equidistant chart (Snyder,
"Map Projections: A Working Manual", USGS 1987, p. 191) distances from the pole are true, and the stretch along the
parallels is c / sin(c) at colatitude c: 1 at the pole, 1.14 at 50 degrees. With as many pixels per radian as the
equator, the chart shows texture at the same scale as the equatorial band.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.sphere.compact import FixedPoint
from kiosk.sphere.grid import colatitude, longitude
from kiosk.sphere.padding import sphere_window

BESIDE = 4
"""Largest ratio of picture pixels read to chart pixels drawn. A part that exceeds it, as near a pole, is drawn in four
quarters."""
SMALLEST = 64
"""Smallest side of a part that is split further, pixels."""
CONTEXT = 2
"""Pixels beyond a sample that cubic interpolation reads."""
BOX_DEVIATION = 1 / math.sqrt(12)
"""Standard deviation of a box one pixel wide, pixels."""
_SHARPER = np.array([-1, 14, -1], np.float32) / 12
"""A sharpening kernel with variance -1/6."""


def sharpen(chart: np.ndarray) -> np.ndarray:
    """Sharpen a chart, float32 [h, w, 3], for `PolarCap.deposit`, to compensate for its linear interpolation.

    Linear interpolation at fraction t between two pixels is a blur of variance t (1 - t), 1/6 pixel^2 on average. Cubic
    interpolation would need no sharpening but takes twice as long.
    """
    return cv2.sepFilter2D(chart, -1, _SHARPER, _SHARPER, borderType=cv2.BORDER_REPLICATE)


def cap_size(width: int, reach: float) -> int:
    """The side in pixels of the chart of a cap with colatitude up to `reach` (radians), for a picture `width` pixels
    wide."""
    return 2 * math.ceil(reach * width / (2 * math.pi))


def _reach(positions: np.ndarray) -> tuple[int, int]:
    """The range [first, last) of pixels that cubic interpolation reads for samples at these positions."""
    return math.floor(positions.min()) - CONTEXT, math.ceil(positions.max()) + CONTEXT + 1


class PolarCap:
    """The chart of the cap within `reach` (colatitude, radians) of a pole, for a picture `width` pixels wide.

    `size` is the chart's side in pixels, with the pole at its center. `side` includes `margin` pixels of context around
    it. The chart is seen from inside the sphere, with longitude 0 at its lower (north) or upper (south) edge.
    """

    def __init__(self, width: int, reach: float, margin: int) -> None:
        self.width, self.margin = width, margin
        self._per_radian = width / (2 * math.pi)
        self.size = cap_size(width, reach)
        self.side = self.size + 2 * margin
        self.rows = min(width // 4, math.ceil(reach / math.pi * (width // 2)))
        """Picture rows, counted from the pole, that `deposit` can cover."""
        self._columns, self._rows = self._maps()

    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Picture columns and rows, float32 pixels, of each pixel of the north chart with its margins."""
        axis = (np.arange(self.side) - (self.side - 1) / 2).astype(np.float32) / self._per_radian
        right, down = np.meshgrid(axis, axis)
        height = self.width // 2
        columns = (np.arctan2(right, down) / (2 * np.pi) + 0.5) * self.width - 0.5
        rows = np.minimum(np.hypot(right, down) / np.pi, 1) * height - 0.5
        return columns.astype(np.float32), rows.astype(np.float32)

    def extract(
        self, picture: np.ndarray | FixedPoint, south: bool, roll: int, y: int, x: int, height: int, width: int
    ) -> np.ndarray:
        """Draw a part of the chart, float32 [height, width, 3], from a picture [width / 2, width, 3] rolled by `roll`
        columns. The part starts at (y, x), relative to the corner of the chart without margins."""
        part = np.empty((height, width, 3), np.float32)
        self._draw(picture, south, roll, y + self.margin, x + self.margin, part)
        return part

    def _draw(self, picture: np.ndarray | FixedPoint, south: bool, roll: int, y: int, x: int, part: np.ndarray) -> None:
        """Draw into `part` [height, width, 3] what starts at (y, x), relative to the corner with margins."""
        height, width = part.shape[:2]
        down = slice(self.side - y - height, self.side - y) if south else slice(y, y + height)
        columns, rows = (table[down, x : x + width] for table in (self._columns, self._rows))
        if south:  # the south maps are the north maps flipped vertically
            columns, rows = columns[::-1], self.width // 2 - 1 - rows[::-1]
        top, bottom = _reach(rows)
        left, right = _reach(columns)
        if right - left > self.width // 2:  # the part contains the +-180 degree meridian or the pole
            columns = np.where(columns < self.width // 2, columns + self.width, columns)
            left, right = _reach(columns)
        if (bottom - top) * (right - left) > BESIDE * height * width and min(height, width) >= 2 * SMALLEST:
            across, along = height // 2, width // 2
            for above in (slice(0, across), slice(across, height)):
                for beside in (slice(0, along), slice(along, width)):
                    self._draw(picture, south, roll, y + above.start, x + beside.start, part[above, beside])
            return
        source = sphere_window(picture, top, left - roll, bottom - top, right - left)
        cv2.remap(
            source.astype(np.float32, copy=False),
            columns - left,
            rows - top,
            cv2.INTER_CUBIC,
            dst=part,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def deposit(self, chart: np.ndarray, south: bool, roll: int, rows: slice) -> np.ndarray:
        """Read `rows` of the picture, float32 [n, width, 3], from a chart [size, size, 3], rolled back by `roll`.

        Near a pole, columns are denser than rows. A viewer's interpolation then blurs along the meridians only, which
        shows as spokes. So each pixel is the mean of two samples side by side on the parallel, spaced to make both
        directions equally soft.
        """
        height = self.width // 2
        from_pole = colatitude(np.arange(rows.start, rows.stop), height)[:, None]
        if south:
            from_pole = math.pi - from_pole
        distance, apart = from_pole * self._per_radian, BOX_DEVIATION * np.cos(from_pole)
        turn = longitude(np.arange(self.width) + roll, self.width)
        # float32 is exact to 0.001 pixel and takes half the memory.
        distance, apart = distance.astype(np.float32), apart.astype(np.float32)
        east, north = np.sin(turn).astype(np.float32), np.cos(turn).astype(np.float32)
        center = np.float32((self.size - 1) / 2)
        samples = []
        for side in (apart, -apart):
            right = distance * east + side * north + center
            down = (distance * north - side * east) * np.float32(-1 if south else 1) + center
            samples.append(cv2.remap(chart, right, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        return cv2.addWeighted(samples[0], 0.5, samples[1], 0.5, 0.0)
