"""The distant landscape: mountain ranges in haze, and the sea where the sun sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiosk.scenery.shared.daylight import Daylight
from kiosk.scenery.shared.noise import CLOUD, DRIFT, GRAIN, RIDGE, Noise
from kiosk.scenery.shared.shaping import dot, inside, mix, smooth, vector

_BAY = -0.73  # longitude of the open sea, radians


@dataclass(frozen=True)
class _Range:
    """A mountain range as a skyline. Tangents of its elevation are `rise` +- `relief`; `haze` is 0..1."""

    rise: float
    relief: float
    turns: int
    row: float
    haze: float
    rock: tuple[float, float, float]
    bay: float  # how far the skyline drops at the bay
    snow: float


_FAR = (
    _Range(0.125, 0.060, 2, 0.11, 0.66, (0.30, 0.27, 0.30), 0.085, 0.13),
    _Range(0.066, 0.040, 3, 0.37, 0.48, (0.26, 0.24, 0.22), 0.085, 9),
)
_NEAR = (
    _Range(0.030, 0.022, 4, 0.63, 0.30, (0.16, 0.19, 0.11), 0.090, 9),
    _Range(-0.008, 0.014, 6, 0.89, 0.12, (0.10, 0.15, 0.05), 0.060, 9),
)


def far_country(d: np.ndarray, light: Daylight, noise: Noise, pixel: float, sky: np.ndarray, haze: np.ndarray):
    """Draw land and sea over `sky` [N, 3] for directions `d` [N, 3] near and below the horizon.

    `haze` [N, 3] is the color of the air at the horizon in these directions.
    """
    flat = np.sqrt(np.maximum(d[:, 0] ** 2 + d[:, 2] ** 2, 1e-9))
    rise = d[:, 1] / flat
    turn = np.arctan2(d[:, 0], d[:, 2]) / np.float32(2 * np.pi)
    to_bay = (turn - _BAY / (2 * np.pi) + 0.5) % 1 - 0.5
    bay = np.exp(-((to_bay * 2 * np.pi / 0.62) ** 4))
    for part in _FAR:
        sky = _range(part, sky, haze, rise, turn, bay, light, noise, pixel)
    sky = mix(sky, _sea(d, rise, light, noise, pixel, haze), inside(-rise, pixel))
    for part in _NEAR:
        sky = _range(part, sky, haze, rise, turn, bay, light, noise, pixel)
    return sky


def _range(part: _Range, sky, haze, rise, turn, bay, light: Daylight, noise: Noise, pixel: float) -> np.ndarray:
    u = turn * part.turns
    skyline = noise.sample(u, np.full_like(u, part.row), pixel * part.turns / 6)
    top = part.rise + part.relief * (0.55 * skyline[:, RIDGE] + 0.6 * skyline[:, CLOUD]) - part.bay * bay
    cover = inside(top - rise, pixel * 1.3)
    seen = np.flatnonzero(cover > 0)
    if not len(seen):
        return sky
    depth = np.maximum(top[seen] - rise[seen], 0)
    # Shade the relief by the difference of two samples, the second shifted toward the light along the horizon.
    across, down = u[seen] * 3, depth * 1.1 + part.row
    side = float(np.sign(np.sin(np.arctan2(light.sun[0], light.sun[2]) - _BAY - 0.7)) or 1.0)
    fine = pixel * part.turns / 2
    a = noise.sample(across, down, fine)
    b = noise.sample(across + 0.010 * side, down - 0.012, fine)
    slope = (a[:, RIDGE] - b[:, RIDGE]) * 0.9 + (a[:, CLOUD] - b[:, CLOUD]) * 0.6
    lit = np.clip(0.36 + 0.5 * slope, 0.02, 1.2)
    rock = vector(*part.rock) * (1 + 0.22 * a[:, GRAIN] + 0.15 * a[:, DRIFT])[:, None]
    snowed = smooth(part.snow, part.snow + 0.03, top[seen] - depth * 1.4 + 0.012 * a[:, RIDGE])
    rock = mix(rock, vector(0.85, 0.87, 0.92), snowed)
    ambient = light.zenith * 0.75 + light.horizon * 0.35
    color = rock * (light.beam * (lit * np.clip(light.sun[1] * 5 + 0.35, 0, 1) * 0.55)[:, None] + ambient)
    # Valley mist: haze increases with depth below the ridge.
    air = np.clip(part.haze + 0.9 * depth, 0, 0.93)
    color = mix(color, haze[seen] * 0.92, air)
    sky = sky.copy()
    sky[seen] = mix(sky[seen], color, cover[seen])
    return sky


def _sea(d, rise, light: Daylight, noise: Noise, pixel: float, haze) -> np.ndarray:
    distance = 0.05 / np.maximum(-rise, 0.0015)
    x, z = d[:, 0] * distance, d[:, 2] * distance
    waves = noise.sample(x * 0.9, z * 0.9, np.minimum(pixel * distance * distance * 20, 0.05))
    away = (d[:, 0] * light.sun[0] + d[:, 2] * light.sun[2]) / max(float(np.hypot(light.sun[0], light.sun[2])), 1e-3)
    path = np.exp(-((np.maximum(1 - away, 0) / 0.02) ** 0.7)) * (1 - light.night)
    water = mix(light.zenith * 0.35, haze * 0.75, np.exp(rise * 30))
    sparkle = np.clip(0.55 + 0.45 * waves[:, GRAIN] + 0.3 * waves[:, RIDGE], 0, 3) * path
    return water * (1 + 0.10 * waves[:, DRIFT])[:, None] + light.glow * (0.75 * sparkle)[:, None]


def horizon_haze(d: np.ndarray, light: Daylight) -> np.ndarray:
    """The color of distant air in directions `d` [N, 3]."""
    flat = np.stack([d[:, 0], np.full_like(d[:, 1], 0.0), d[:, 2]], -1)
    flat /= np.sqrt(np.maximum(dot(flat, flat), 1e-6))[:, None]
    towards = ((1 + dot(flat, light.afterglow)) * 0.5) ** 3
    return mix(light.horizon * 0.95, light.glow * 0.92, towards)
