"""The room's carpet and wallpaper."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.noise import CLOUD, GRAIN, Noise, scatter
from kiosk.scenery.shared.shaping import inside, line, mix, to_cell_edge, vector

_RED, _NAVY, _CREAM = vector(0.30, 0.035, 0.030), vector(0.030, 0.050, 0.13), vector(0.62, 0.50, 0.33)
_TEAL, _OCHRE = vector(0.05, 0.20, 0.20), vector(0.52, 0.28, 0.07)
CARPET = (2.15, 1.55)
"""Half its length (z) and half its width (x), meters."""


def carpet(x: np.ndarray, z: np.ndarray, footprint: np.ndarray, noise: Noise) -> np.ndarray:
    """Albedo [N, 3] of the carpet: a medallion on red, four corners, three borders. `x`, `z`: meters from its
    center."""
    edge = np.minimum(CARPET[0] - np.abs(z), CARPET[1] - np.abs(x))
    r = np.hypot(x / 0.9, z / 1.25)
    turn = np.arctan2(x / 0.9, z / 1.25)
    color = np.broadcast_to(_RED, (len(x), 3))
    # Small flowers all over the field.
    u, v = x / 0.17, z / 0.17 + 0.5 * (np.floor(x / 0.17) % 2)
    fx, fz = (u - np.floor(u) - 0.5) * 0.17, (v - np.floor(v) - 0.5) * 0.17
    f, turned = np.hypot(fx, fz), np.arctan2(fx, fz)
    tone = scatter(np.floor(u), np.floor(v))
    flower = inside(0.055 * (0.6 + 0.4 * np.abs(np.cos(2.5 * turned))) - f, footprint)
    hue = np.where((tone < 0.4)[:, None], _CREAM, np.where((tone < 0.7)[:, None], _TEAL, _OCHRE))
    color = mix(color, hue, flower * 0.9)
    color = mix(color, _NAVY, inside(0.014 - f, footprint))
    # The medallion: sixteen lobes, rings and a star.
    lobes = 0.80 + 0.055 * np.abs(np.sin(8 * turn))
    for size, paint in ((1.0, _CREAM), (0.96, _NAVY), (0.74, _OCHRE), (0.70, _TEAL), (0.44, _CREAM), (0.40, _RED)):
        color = mix(color, paint, inside((lobes * size - r) * 0.9, footprint))
    spokes = inside(0.024 - np.abs(np.sin(8 * turn)) * r * 0.13, footprint) * (r < 0.76 * lobes) * (r > 0.46 * lobes)
    color = mix(color, _CREAM, spokes * 0.9)
    star = inside((0.20 + 0.10 * np.cos(8 * turn) - r) * 0.9, footprint)
    color = mix(color, _CREAM, star)
    color = mix(color, _NAVY, inside(0.07 - r, footprint))
    # Quarter medallions in the corners.
    cx, cz = CARPET[1] - 0.36 - np.abs(x), CARPET[0] - 0.36 - np.abs(z)
    q = np.hypot(cx, cz)
    fan = np.arctan2(cx, cz)
    for size, paint in ((0.55, _CREAM), (0.52, _NAVY), (0.36, _OCHRE), (0.33, _TEAL)):
        color = mix(color, paint, inside(size + 0.02 * np.sin(16 * fan) - q, footprint) * (edge > 0.36))
    # Borders.
    along = np.where(CARPET[0] - np.abs(z) < CARPET[1] - np.abs(x), x, z)
    wave = 0.215 + 0.05 * np.sin(along * (2 * np.pi / 0.30))
    border = mix(_NAVY, _CREAM, line(np.abs(edge - wave), 0.012, footprint))
    dots = np.hypot(to_cell_edge(along / 0.15) * 0.15, edge - 0.215)
    border = mix(border, _OCHRE, inside(0.026 - dots, footprint))
    color = mix(color, border, inside(0.34 - edge, footprint))
    for at, half, paint in ((0.35, 0.018, _CREAM), (0.10, 0.020, _OCHRE), (0.05, 0.030, _RED)):
        color = mix(color, paint, line(np.abs(edge - at), half, footprint))
    color = mix(color, _CREAM * (0.7 + 0.3 * np.sign(np.sin(x * 320)))[:, None], inside(0.03 - edge, footprint) * 0.8)
    pile = noise.sample(x * 0.9, z * 0.9, footprint * 0.9)
    knots = noise.sample(x * 5, z * 5, footprint * 5)
    return color * np.clip(1 + 0.10 * pile[:, CLOUD] + 0.16 * knots[:, GRAIN], 0.5, 1.5)[:, None]


def wallpaper(u: np.ndarray, y: np.ndarray, footprint: np.ndarray, noise: Noise) -> np.ndarray:
    """Albedo [N, 3] of green damask wallpaper: pointed ovals with palmettes. `u`, `y` in meters."""
    wide, high = 0.46, 0.72
    column = np.floor(u / wide + 0.5)
    h = y / high + 0.5 * (column % 2)
    row = np.rint(h)
    a, b = (u / wide - column) * wide, (h - row) * high
    ground, figure = vector(0.055, 0.135, 0.115), vector(0.32, 0.30, 0.17)
    ogee = np.abs(a) - 0.5 * wide * (0.5 + 0.5 * np.cos(2 * np.pi * b / high))
    color = mix(ground, figure, 0.8 * line(np.abs(ogee), 0.011, footprint))
    color = mix(color, figure, 0.45 * line(np.abs(ogee + 0.035), 0.005, footprint))
    r, turn = np.hypot(a, b + 0.06), np.arctan2(a, b + 0.06)
    leaf = 0.17 * (0.45 + 0.55 * np.abs(np.cos(3.5 * turn))) * (0.62 + 0.38 * np.cos(turn))
    palm = inside(leaf - r, footprint) * (1 - 0.6 * line(np.abs(leaf * 0.62 - r), 0.006, footprint))
    color = mix(color, figure, 0.85 * palm)
    color = mix(color, vector(0.42, 0.10, 0.06), inside(0.022 - np.hypot(a, b + 0.075), footprint))
    worn = noise.sample(u * 0.35, y * 0.35, footprint * 0.35)
    return color * np.clip(1 + 0.07 * worn[:, CLOUD] + 0.05 * worn[:, GRAIN], 0.6, 1.4)[:, None]
