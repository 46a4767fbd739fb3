"""The arcade's inner face: relief and color of ashlar, archivolts, rosettes, medallions, cornice and weathering."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.courtyard import arcade
from kiosk.scenery.shared.noise import CLOUD, DRIFT, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.shaping import line, mix, smooth, to_cell_edge, vector

LIMESTONE = vector(0.60, 0.49, 0.36)
_HALF_BAY = np.pi / arcade.BAYS * arcade.MIDDLE


def relief(angle: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Relief in meters above the wall's plane at `angle` (radians) and height `y` (meters)."""
    a = arcade.bay(angle)
    d = arcade.arch_distance(a, y)
    height = np.zeros_like(y)
    for edge, step in ((0.46, 0.035), (0.33, 0.03), (0.16, -0.035)):
        height += step * smooth(edge + 0.012, edge - 0.012, d)
    along = angle * np.float32(arcade.MIDDLE)
    # Rosettes in a sunken frieze, seven per bay.
    pitch = 2 * _HALF_BAY / 7
    u, v = (along / pitch - np.floor(along / pitch) - 0.5) * pitch, y - 6.80
    r, turn = np.hypot(u, v), np.arctan2(u, v)
    petals = 0.045 * smooth(0.235, 0.19, r) * (0.45 + 0.55 * np.abs(np.cos(3 * turn))) + 0.03 * smooth(0.07, 0.045, r)
    frieze = smooth(6.51, 6.54, y) * smooth(7.09, 7.06, y)
    height += frieze * (petals - 0.045)
    # Medallions in the spandrels, over the columns.
    m = np.hypot(_HALF_BAY - np.abs(a), y - 5.72)
    height += 0.05 * smooth(0.40, 0.37, m) - 0.06 * smooth(0.31, 0.28, m)
    boss = np.arctan2(_HALF_BAY - np.abs(a), y - 5.72)
    height += 0.06 * smooth(0.25, 0.05, m) * (0.6 + 0.4 * np.cos(8 * boss))
    # Cornice: fillets, dentils and a crown, each projecting farther.
    dentil = np.abs(to_cell_edge(along / 0.22)) > 0.22
    height += 0.03 * smooth(7.10, 7.13, y) + 0.07 * dentil * smooth(7.17, 7.19, y) * smooth(7.36, 7.34, y)
    height += 0.10 * smooth(7.36, 7.39, y) + 0.08 * smooth(7.42, 7.60, y)
    return height.astype(np.float32)


def joints(angle: np.ndarray, y: np.ndarray, footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(fraction of the pixel covered by a joint, random tone 0..1 of its stone)."""
    a = arcade.bay(angle)
    d = arcade.arch_distance(a, y)
    fan = np.arctan2(a, y - arcade.SPRING) * (21 / np.pi) + 0.5
    in_arch = d < 0.46
    row = np.floor(y / arcade.COURSE)
    across = angle * np.float32(96 / (2 * np.pi)) + 0.5 * (row % 2)
    flat_joint = np.maximum(
        line(to_cell_edge(y / arcade.COURSE) * arcade.COURSE, 0.009, footprint),
        line(to_cell_edge(across) * (2 * np.pi * arcade.INNER / 96), 0.009, footprint),
    )
    arch_joint = line(to_cell_edge(fan) * (np.pi / 21) * (d + arcade.ARCH), 0.009, footprint)
    plain = (y > 6.5) & (y < 7.8)
    joint = np.where(in_arch, arch_joint, np.where(plain, 0, flat_joint))
    tone = np.where(
        in_arch,
        scatter(np.floor(fan), np.floor(angle / np.float32(2 * np.pi / arcade.BAYS)) + 50),
        scatter(np.floor(across), row),
    )
    return joint, tone


def weathered(albedo: np.ndarray, u: np.ndarray, y: np.ndarray, footprint: np.ndarray, noise: Noise) -> np.ndarray:
    """Weather stone of `albedo` [N, 3] with grain, dark streaks and lichen. `u`: meters across, periodic around the
    solid."""
    grain = noise.sample(u * 0.37, y * 0.37, footprint * 0.37)
    runs = noise.sample(u * 0.21, y * 0.025 + 0.3, footprint * 0.21)
    color = (
        albedo
        * np.clip(1 + 0.10 * grain[:, GRAIN] + 0.12 * grain[:, CLOUD] + 0.05 * grain[:, RIDGE], 0.4, 1.6)[:, None]
    )
    streak = smooth(0.4, 1.9, runs[:, DRIFT] + 0.3 * grain[:, CLOUD])
    color = color * (1 - 0.42 * streak)[:, None]
    lichen = smooth(1.1, 1.9, grain[:, DRIFT] + 0.25 * grain[:, GRAIN])
    color = mix(color, vector(0.42, 0.36, 0.12), 0.45 * lichen)
    return color


def face(angle: np.ndarray, y: np.ndarray, footprint: np.ndarray, noise: Noise):
    """Albedo [N, 3], inward normal [N, 3] and cavity shading [N] of the arcade's inner face."""
    step = np.maximum(footprint, 0.012)
    here = relief(angle, y)
    side = relief(angle + step / arcade.INNER, y)
    over = relief(angle, y + step)
    fade = np.clip(0.10 / footprint, 0, 1)
    du, dv = (side - here) / step * fade, (over - here) / step * fade
    du, dv = np.clip(du, -1.6, 1.6), np.clip(dv, -1.6, 1.6)
    sin, cos = np.sin(angle), np.cos(angle)
    n = np.stack([-sin - du * cos, -dv, -cos + du * sin], -1)
    n /= np.sqrt((n**2).sum(1))[:, None]
    joint, tone = joints(angle, y, footprint)
    albedo = LIMESTONE * (0.80 + 0.34 * tone)[:, None]
    albedo = weathered(albedo, angle * np.float32(60 / (2 * np.pi)), y, footprint, noise)
    d = arcade.arch_distance(arcade.bay(angle), y)
    painted = smooth(6.50, 6.53, y) * smooth(7.10, 7.07, y) * smooth(0.004, -0.02, here)
    albedo = mix(albedo, vector(0.20, 0.10, 0.075), 0.55 * painted)
    albedo = mix(albedo, LIMESTONE * 1.12, 0.35 * ((d < 0.46) & (d > 0.16)))
    cavity = 1 - 0.7 * joint - 0.30 * np.clip(-here / 0.05, 0, 1)
    cavity *= 1 - 0.35 * smooth(0.25, 0.0, 7.10 - y) * (y < 7.10)
    return albedo, n.astype(np.float32), cavity
