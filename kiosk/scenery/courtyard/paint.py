"""Materials of the plaza's solids.

Each function returns a `Paint`, which shades points of one family of solids. Its arguments are the points p and normals
n (float32 [N, 3]), the index of each point's solid, the width of a pixel there in meters, and the indices `at` of the
points in the array of all normals, which it may perturb. It returns albedo [N, 3], openness to the sky (0..1), and
translucency (0..1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiosk.scenery.courtyard import stonework
from kiosk.scenery.shared.foliage import leaves
from kiosk.scenery.shared.noise import Noise, scatter
from kiosk.scenery.shared.revolution import Revolution
from kiosk.scenery.shared.shaping import inside, line, mix, smooth, to_cell_edge, unit, vector

# Two silks for each balloon.
_BALLOON_SILKS = (
    ((0.70, 0.10, 0.05), (0.86, 0.72, 0.45)),
    ((0.06, 0.18, 0.42), (0.88, 0.55, 0.12)),
    ((0.10, 0.34, 0.26), (0.85, 0.80, 0.66)),
)
Paint = Callable[..., tuple]


def stone_column(columns: Revolution, noise: Noise) -> Paint:
    """Limestone: a fluted shaft of drums, an ivory leaf capital, damp at the foot."""

    def paint(p, n, solid, footprint, at, normals):
        angle, r, y = columns.local(p, solid)
        shaft = smooth(0.66, 0.72, y) * smooth(3.30, 3.24, y) * ~columns.cut_surface(y, solid)
        flute = angle * (20 / (2 * np.pi))
        across = (flute - np.floor(flute) - 0.5) * 2
        seen = shaft * np.clip(0.12 / np.maximum(footprint, 1e-5) - 0.4, 0, 1)
        tilt = across * 0.95 * seen
        tangent = np.stack([np.cos(angle), np.zeros_like(angle), -np.sin(angle)], -1)
        normals[at] = unit(n - tangent * tilt[:, None])
        hollow = 1 - 0.42 * seen * (1 - across**2) ** 1.5
        drum = line(to_cell_edge(y / 0.86 + 0.2) * 0.86, 0.006, footprint) * shaft
        stone = stonework.LIMESTONE * (0.92 + 0.16 * scatter(np.floor(y / 0.86 + 0.2), solid))[:, None]
        stone = stonework.weathered(stone, angle * np.float32(3 / (2 * np.pi)) / 0.37 + solid, y, footprint, noise)
        ivory = smooth(3.44, 3.5, y)
        stone = mix(stone, stone * vector(1.08, 1.05, 1.0), ivory)
        leafy = smooth(3.46, 3.5, y) * smooth(4.05, 4.0, y)
        deep = np.clip(1 - (r - columns.radius(y)) / 0.07, 0, 1)
        cavity = (
            hollow
            * (1 - 0.6 * drum)
            * (1 - 0.55 * leafy * deep)
            * (1 - 0.3 * smooth(3.55, 3.35, y) * smooth(3.1, 3.3, y))
        )
        damp = smooth(1.1, 0.0, y + 0.35 * np.sin(angle * 3 + solid)) * 0.5
        stone = mix(stone, vector(0.16, 0.17, 0.07), damp * 0.7)
        return stone, cavity * (0.62 + 0.38 * smooth(0, 0.9, y)), 0

    return paint


def painted_urn(urns: Revolution, noise: Noise) -> Paint:
    """Red clay with black bands, a meander and waves, on a pedestal of limestone."""

    def paint(p, n, solid, footprint, at, normals):
        angle, _, y = urns.local(p, solid)
        turn = angle / np.float32(2 * np.pi)
        clay, black = vector(0.50, 0.19, 0.085), vector(0.045, 0.035, 0.032)
        color = np.broadcast_to(clay, (len(y), 3))
        for low, high in ((1.04, 1.10), (1.20, 1.23), (1.47, 1.50), (1.60, 1.64), (1.86, 1.96)):
            color = mix(color, black, inside(np.minimum(y - low, high - y), footprint))
        key = turn * 18
        step = key - np.floor(key)
        meander = np.abs(y - 1.55 - 0.025 * np.where(step < 0.5, 1, -1)) * 1.0
        color = mix(color, black, line(meander, 0.011, footprint))
        # A wave frieze on the belly.
        wave = 1.335 + 0.07 * np.sin(2 * np.pi * turn * 9 + 2.2 * np.sin(2 * np.pi * turn * 9))
        color = mix(color, black, inside(wave - y, footprint) * inside(y - 1.23, footprint))
        spots = np.hypot((turn * 9 - np.floor(turn * 9) - 0.30) * 0.26, y - 1.425)
        color = mix(color, vector(0.72, 0.60, 0.40), inside(0.026 - spots, footprint))
        stone = stonework.weathered(
            np.broadcast_to(stonework.LIMESTONE, color.shape), turn * 3 / 0.37, y, footprint, noise
        )
        color = mix(stone, color, (y > 0.765).astype(np.float32))
        return color, 0.65 + 0.35 * smooth(0, 0.5, y), 0

    return paint


def leafy(family: Revolution, noise: Noise, size: float, tint: tuple[float, float, float], bark: float = -1) -> Paint:
    """Leaves of color `tint`, `size` per meter. Below height `bark`, meters, a bare trunk."""

    def paint(p, n, solid, footprint, at, normals):
        angle, _, y = family.local(p, solid)
        albedo, open_ = leaves(angle, y, solid, size, tint, footprint / family.scale[solid], noise)
        trunk = y < bark
        albedo = np.where(trunk[:, None], vector(0.13, 0.095, 0.065), albedo)
        albedo = albedo * (0.85 + 0.3 * scatter(solid, solid * 0 + 3))[:, None]
        return albedo, open_, np.where(trunk, 0, 0.55) * open_

    return paint


def striped_balloon(balloons: Revolution) -> Paint:
    """Gores of two silks with a zigzag band, over a wicker basket."""

    def paint(p, n, solid, footprint, at, normals):
        angle, _, y = balloons.local(p, solid)
        gore = angle * (24 / (2 * np.pi))
        which = np.floor(gore)
        palette = np.array(_BALLOON_SILKS, np.float32)
        first, second = palette[solid, 0], palette[solid, 1]
        zig = y + 0.9 * (1 - 2 * np.abs(to_cell_edge(gore)) * 2)
        color = np.where((which % 2 == 0)[:, None], first, second)
        band = inside(np.minimum(zig - 13.5, 16.2 - zig), footprint)
        color = mix(color, np.where((which % 2 == 0)[:, None], second, first), band)
        color = np.where((y < 4.55)[:, None], vector(0.20, 0.11, 0.05), color)
        seam = line(to_cell_edge(gore) * 2, 0.05, footprint)
        return color * (1 - 0.25 * seam)[:, None], 0.9 + 0 * y, np.where(y > 4.55, 0.5, 0)

    return paint
