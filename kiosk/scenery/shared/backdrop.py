"""The background of a scene: sky and distant landscape."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.daylight import Daylight
from kiosk.scenery.shared.horizon import far_country
from kiosk.scenery.shared.noise import Noise
from kiosk.scenery.shared.shaping import vector
from kiosk.scenery.shared.sky import clear_sky, clouds, stars, sun_disc


def backdrop(d: np.ndarray, light: Daylight, noise: Noise, pixel: float, haze: np.ndarray) -> np.ndarray:
    """Linear RGB radiance, float32 [N, 3], from unit directions `d`. `haze`: color of the distant air there
    (`horizon_haze`). `pixel`: a pixel's width in radians."""
    color = clear_sky(d, light)
    up = np.flatnonzero(d[:, 1] > 0)
    if len(up):
        above = color[up] + sun_disc(d[up], light)
        if light.night > 0:
            above += (stars(d[up], pixel) * light.night * 1.6)[:, None] * vector(0.85, 0.92, 1.0)
        color[up] = clouds(d[up], light, noise, pixel, above)
    low = np.flatnonzero(d[:, 1] < 0.34)
    if len(low):
        color[low] = far_country(d[low], light, noise, pixel, color[low], haze[low])
    return color
