"""Daylight: the position of the sun and the colors of sun and sky by time of day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LATITUDE, _DECLINATION = np.radians(40.0), np.radians(15.0)  # a late-summer day in the Mediterranean
_WEST = np.radians(-38.0)  # direction of the sun at 18 h, from the scene's +z

# Sun's elevation in degrees -> colors of the zenith, the horizon away from the sun, the horizon at the sun, and the
# direct sunlight. Linear RGB; a white card in the noon sun is about 8.
_PALETTE = {
    -18: ((0.006, 0.010, 0.026), (0.016, 0.022, 0.045), (0.018, 0.024, 0.048), (0.020, 0.028, 0.050)),
    -7: ((0.022, 0.045, 0.130), (0.090, 0.100, 0.200), (0.420, 0.180, 0.150), (0.030, 0.040, 0.070)),
    -1: ((0.075, 0.150, 0.360), (0.300, 0.270, 0.370), (1.500, 0.560, 0.230), (0.500, 0.180, 0.080)),
    4: ((0.095, 0.190, 0.440), (0.520, 0.430, 0.440), (1.750, 0.900, 0.400), (4.700, 2.050, 0.680)),
    10: ((0.105, 0.235, 0.560), (0.590, 0.560, 0.580), (1.550, 1.050, 0.620), (6.300, 3.800, 1.850)),
    25: ((0.120, 0.310, 0.780), (0.640, 0.750, 0.880), (1.200, 1.100, 0.950), (7.000, 5.600, 4.100)),
    65: ((0.090, 0.270, 0.780), (0.560, 0.740, 0.960), (0.900, 0.960, 1.000), (8.000, 7.300, 6.300)),
}


@dataclass(frozen=True)
class Daylight:
    """Sun and sky at one time. Vectors are x right, y up, z forward; colors are linear RGB."""

    sun: np.ndarray  # direction of the light that casts shadows: the sun, or at night the moon
    afterglow: np.ndarray  # direction of the sun, even below the horizon
    zenith: np.ndarray
    horizon: np.ndarray
    glow: np.ndarray
    beam: np.ndarray
    night: float  # 0 by day, 1 when the stars are out
    exposure: float


def daylight(time: float) -> Daylight:
    """The light at `time`, hours of the day. Any real number; wraps at 24.

    The sun's path: sin(elevation) = sin(lat) sin(dec) + cos(lat) cos(dec) cos(hour angle). At night the moon, opposite
    the sun, casts the shadows.
    """
    hour = np.radians((time - 12.0) * 15.0)
    up = np.sin(_LATITUDE) * np.sin(_DECLINATION) + np.cos(_LATITUDE) * np.cos(_DECLINATION) * np.cos(hour)
    azimuth = _WEST + hour - np.radians(90.0)
    elevation = float(np.degrees(np.arcsin(up)))
    keys = np.array(list(_PALETTE), np.float64)
    colors = np.array(list(_PALETTE.values()), np.float64)
    zenith, horizon, glow, beam = (
        np.array([np.interp(elevation, keys, colors[:, part, c]) for c in range(3)], np.float32) for part in range(4)
    )
    night = float(np.clip((-6.0 - elevation) / 7.0, 0, 1))
    afterglow = _towards(azimuth, up)
    # Switch between sun and moon when neither casts a shadow.
    beam = beam * np.float32(np.clip(abs(elevation + 2) / 2, 0, 1))
    sun = _towards(azimuth, max(up, 0.02)) if elevation > -2 else _towards(azimuth + np.pi, 0.55)
    exposure = float(np.interp(elevation, [-18, -7, -1, 4, 10, 25, 65], [4.6, 1.8, 1.1, 0.80, 0.66, 0.48, 0.34]))
    return Daylight(sun, afterglow, zenith, horizon, glow, beam, night, exposure)


def _towards(azimuth: float, up: float) -> np.ndarray:
    flat = np.sqrt(1 - up * up)
    return np.array([flat * np.sin(azimuth), up, flat * np.cos(azimuth)], np.float32)
