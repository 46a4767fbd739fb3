"""Materials of the salon's furnishings.

Each function takes points `p` [N, 3] on the `things`, the index of each point's thing (`solid`), and the width of a
pixel there in meters (`footprint`). It returns albedo, openness, and emitted light.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kiosk.scenery.salon import furniture, joinery
from kiosk.scenery.shared.foliage import leaves
from kiosk.scenery.shared.noise import CLOUD, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.revolution import Revolution
from kiosk.scenery.shared.shaping import inside, line, mix, smooth, to_cell_edge, vector

Painted = tuple[np.ndarray, Any, Any]

_SILKS = np.array([(0.30, 0.05, 0.05), (0.05, 0.16, 0.17), (0.42, 0.24, 0.06), (0.10, 0.06, 0.20)], np.float32)


def wood(things: Revolution, noise: Noise, p, solid, footprint) -> Painted:
    angle, r, y = things.local(p, solid)
    top = y > 0.72
    fiber = joinery.grain(np.where(top, p[:, 0], angle * 0.1), np.where(top, p[:, 2], y), footprint, noise)
    inlay = line(np.abs(r - 0.44), 0.006, footprint) + line(np.abs(r - 0.47), 0.003, footprint)
    star = inside(0.19 + 0.10 * np.cos(8 * angle) - r, footprint)
    wood = joinery.WALNUT * (2.1 * fiber)[:, None]
    wood = mix(wood, joinery.OAK, top * np.clip(inlay + 0.8 * star, 0, 1))
    return wood, 0.5 + 0.5 * smooth(0, 0.5, y) * np.where(top, 1, 0.7), 0


def porcelain(things: Revolution, p, solid, footprint) -> Painted:
    angle, _, y = things.local(p, solid)
    f = footprint / things.scale[solid]
    white, blue = vector(0.74, 0.76, 0.75), vector(0.035, 0.085, 0.36)
    color = np.broadcast_to(white, (len(y), 3))
    for low, high in ((0.0, 0.02), (0.055, 0.07), (0.455, 0.47), (0.56, 0.575), (0.69, 0.72)):
        color = mix(color, blue, inside(np.minimum(y - low, high - y), f))
    turn = angle * (6 / np.pi)
    a, b = (turn - np.rint(turn)) * 0.13, y - 0.30
    r, way = np.hypot(a, b), np.arctan2(a, b)
    bloom = 0.075 * (0.55 + 0.45 * np.abs(np.cos(2.5 * way)))
    color = mix(color, blue, inside(bloom - r, f) * (0.45 + 0.55 * smooth(0.0, 0.05, r)))
    color = mix(color, blue, 0.85 * line(np.abs(y - 0.30 - 0.085 * np.sin(turn * np.pi)), 0.006, f) * (r > 0.07))
    color = mix(color, blue, 0.9 * line(np.abs(to_cell_edge(angle * 12 / np.pi)) * 0.06, 0.005, f) * (y > 0.58))
    return color, 0.62 + 0.38 * smooth(0, 0.3, y), 0


def flowers(things: Revolution, noise: Noise, p, solid, footprint) -> Painted:
    angle, _, y = things.local(p, solid)
    cell, row = np.floor(angle * 4.2), np.floor(y / 0.085)
    luck = scatter(cell + 40, row + 9 * solid)
    u, v = (angle * 4.2 - cell - 0.5) * 0.08, (y / 0.085 - row - 0.5) * 0.085
    away, turn = np.hypot(u, v), np.arctan2(u, v)
    petal = inside(0.041 * (0.72 + 0.28 * np.abs(np.cos(2.5 * turn + luck * 6))) - away, footprint)
    hues = np.array([(0.72, 0.10, 0.12), (0.80, 0.52, 0.08), (0.76, 0.68, 0.60), (0.55, 0.14, 0.42)], np.float32)
    leaf, open_ = leaves(angle, y, solid, 0.5, (0.045, 0.10, 0.03), footprint, noise)
    color = mix(leaf, hues[(luck * 4).astype(np.int32) % 4] * (0.7 + 0.5 * away / 0.04)[:, None], petal * (luck > 0.18))
    color = mix(color, vector(0.45, 0.28, 0.03), inside(0.009 - away, footprint) * (luck > 0.18))
    return color, np.clip(open_, 0.35, 1), 0


def globe(things: Revolution, noise: Noise, p, solid, footprint) -> Painted:
    angle, _, y = things.local(p, solid)
    ball = (y > 0.60) & (y < 1.215)
    land = noise.sample(angle / (2 * np.pi) + 0.21, (y - 0.6) * 0.55, footprint * 0.4)
    shore = land[:, CLOUD] + 0.2 * land[:, RIDGE]
    sea = vector(0.06, 0.20, 0.26) * np.clip(1 + 0.1 * land[:, GRAIN], 0.6, 1.4)[:, None]
    color = mix(sea, vector(0.50, 0.36, 0.15), smooth(0.10, 0.16, shore))
    color = mix(color, vector(0.22, 0.14, 0.06), line(np.abs(shore - 0.13), 0.03, footprint * 3))
    grid = np.minimum(to_cell_edge(angle * 6 / np.pi) * 0.15, to_cell_edge((y - 0.90) / 0.105) * 0.105)
    color = mix(color, vector(0.30, 0.20, 0.10), 0.6 * line(grid, 0.003, footprint))
    brass = joinery.GILT * (0.6 + 0.3 * np.sin(y * 40))[:, None]
    return np.where(ball[:, None], color, brass), 0.6 + 0.4 * smooth(0, 0.4, y), 0


def lamp(things: Revolution, lamp_light: np.float32, p, solid, footprint) -> Painted:
    angle, _, y = things.local(p, solid)
    shade = y > furniture.SHADE
    pleat = 0.85 + 0.15 * np.sin(angle * 48)
    glow = np.exp(-(((y - 1.55) / 0.17) ** 2)) * pleat * (1 - 0.6 * line(np.abs(y - 1.43), 0.012, footprint))
    lamp = (np.where(shade, glow, 0) * lamp_light * 1.5)[:, None] * vector(1.0, 0.66, 0.34)
    return np.where(shade[:, None], vector(0.55, 0.40, 0.22), joinery.GILT * 0.7), 0.8 + 0 * y, lamp


def silk(things: Revolution, p, solid, footprint) -> Painted:
    angle, r, y = things.local(p, solid)
    on_top = y > 0.40
    stripe = np.floor(angle * 8 / np.pi) % 2
    color = mix(_SILKS[solid], vector(0.60, 0.48, 0.28), 0.75 * stripe * ~on_top)
    rays = line(to_cell_edge(angle * 8 / np.pi) * r * 0.39, 0.004, footprint) * on_top
    color = mix(color, joinery.GILT, np.clip(rays + line(np.abs(y - 0.385), 0.012, footprint), 0, 1))
    color = np.where((y < 0.085)[:, None], joinery.WALNUT * 1.6, color)
    color = mix(color, joinery.GILT, inside(0.035 - r, footprint) * on_top)
    return color, (0.45 + 0.55 * smooth(0, 0.3, y)) * (1 - 0.4 * on_top * np.exp(-r / 0.06)), 0


def clay(things: Revolution, p, solid, footprint) -> Painted:
    angle, _, y = things.local(p, solid)
    zig = 0.24 + 0.06 * (np.abs(to_cell_edge(angle * 7 / np.pi)) * 4 - 1)
    color = mix(vector(0.10, 0.24, 0.26), vector(0.62, 0.52, 0.34), line(np.abs(y - zig), 0.018, footprint))
    color = mix(color, vector(0.62, 0.52, 0.34), line(np.abs(y - 0.09), 0.012, footprint))
    soil = y > 0.468
    return np.where(soil[:, None], vector(0.05, 0.03, 0.02), color), 0.55 + 0.45 * smooth(0, 0.4, y), 0


def palm(things: Revolution, noise: Noise, p, solid, footprint) -> Painted:
    angle, _, y = things.local(p, solid)
    color, open_ = leaves(angle, y, solid, 0.9, (0.050, 0.115, 0.030), footprint, noise)
    blade = np.abs(np.sin(angle * 9 + 5 * y + 3 * np.sin(3 * y)))
    return color * (0.55 + 0.7 * blade)[:, None], np.clip(open_, 0.2, 1), 0


def brass(things: Revolution, p, solid, footprint) -> Painted:
    _, _, y = things.local(p, solid)
    return joinery.GILT * (0.75 + 0.35 * np.sin(y * 60))[:, None], 0.9 + 0 * y, 0


def candle(things: Revolution, lamp_light: np.float32, p, solid, footprint) -> Painted:
    _, _, y = things.local(p, solid)
    flame = y > 0.132
    lamp = (np.where(flame, 3.2, 0.25 * smooth(0.02, 0.13, y)) * lamp_light)[:, None] * vector(1.0, 0.66, 0.30)
    return np.broadcast_to(vector(0.70, 0.62, 0.48), p.shape), 0.9 + 0 * y, lamp
