"""Where the pixels of an equirectangular picture lie on the sphere.

Row 0 touches the zenith, column 0 begins at longitude -pi; a pixel lies at its center. Rows and columns are numbers or
arrays, whole or not; arrays of float32 give float32, everything else float64.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Position = TypeVar("Position", float, np.ndarray)


def longitude(column: Position, width: int) -> Position:
    """Radians in (-pi, pi), to the right, of `column` in a picture `width` pixels wide."""
    return ((column + 0.5) / width * 2 - 1) * np.pi


def latitude(row: Position, height: int) -> Position:
    """Radians in (-pi / 2, pi / 2), upwards, of `row` in a picture `height` pixels high."""
    return (0.5 - (row + 0.5) / height) * np.pi


def colatitude(row: Position, height: int, nadir: float = np.pi) -> Position:
    """The angle from the zenith of `row`, in the unit in which the nadir is at `nadir`: radians; degrees with 180."""
    return (row + 0.5) / height * nadir
