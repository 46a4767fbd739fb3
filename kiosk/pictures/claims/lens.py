"""What EXIF says about the lens: its focal length and whether it is a fisheye. Tags: CIPA DC-008 (Exif 2.32), 4.6.5."""

from __future__ import annotations

import math
import re

from kiosk.pictures.claims import names
from kiosk.pictures.containers.exif import Directory

_FOCAL, _WIDTH, _HEIGHT = 0x920A, 0xA002, 0xA003
_ACROSS, _DOWN, _UNIT, _FOCAL_35, _LENS = 0xA20E, 0xA20F, 0xA210, 0xA405, 0xA434
_UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""Millimeters of a FocalPlaneResolutionUnit."""
_LONG_SIDE_MM = 36.0
_SHORTEST_MM, _LONGEST_MM = 3.0, 3000.0
"""Focal lengths beyond these, 35 mm equivalent, are damage."""
_SENSORS_MM = (3.0, 70.0)
"""Long side of the smallest sensor of phones and of the largest digital backs."""
_FISHEYE = re.compile(r"fish-?\s?eye", re.IGNORECASE)


def focal_length(exif: Directory) -> tuple[float, str] | None:
    """(focal length, 35 mm equivalent, in mm; name of the tag), from the Exif directory; None if it does not say."""
    given = exif.number(_FOCAL_35)
    if given and _SHORTEST_MM <= given <= _LONGEST_MM:
        return float(given), names.FOCAL_35
    focal, sensor = exif.number(_FOCAL), _sensor_mm(exif)
    if focal and sensor and _SHORTEST_MM <= (equivalent := focal * _LONG_SIDE_MM / sensor) <= _LONGEST_MM:
        return round(equivalent, 2), names.FOCAL_PLANE
    return None


def _sensor_mm(exif: Directory) -> float | None:
    """The long side of the sensor: pixels by pixels per unit. None if it is unknown or no sensor has that size."""
    unit = _UNITS_MM.get(int(exif.number(_UNIT) or 2))
    sides = []
    for pixels, resolution in ((_WIDTH, _ACROSS), (_HEIGHT, _DOWN)):
        count, density = exif.number(pixels), exif.number(resolution)
        if unit and count and density and density > 0:
            sides.append(count / density * unit)
    longest = max(sides, default=math.nan)
    return longest if _SENSORS_MM[0] <= longest <= _SENSORS_MM[1] else None


def is_fisheye(exif: Directory) -> bool:
    """Whether the name of the lens says that it is a fisheye."""
    return bool(_FISHEYE.search(exif.text(_LENS)))
