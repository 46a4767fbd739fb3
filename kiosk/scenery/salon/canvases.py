"""Framed pictures on the walls, drawn from a few curves: a mountain lake, a ship at sea, a vase of flowers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kiosk.scenery.salon.joinery import GILT
from kiosk.scenery.shared.noise import CLOUD, DRIFT, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.shaping import inside, line, mix, smooth, vector

_FRAME = 0.11


@dataclass(frozen=True)
class Canvas:
    """A picture centered at `u` along its wall and height `y`. `half` is (width, height) / 2. All in meters."""

    u: float
    y: float
    half: tuple[float, float]
    subject: int


def hang(canvas: Canvas, wall: np.ndarray, open_: np.ndarray, u, y, footprint, noise: Noise):
    """Draw the framed picture over the albedo `wall` [N, 3] and openness `open_` [N] at `u`, `y` (meters)."""
    a, b = u - np.float32(canvas.u), y - np.float32(canvas.y)
    edge = np.minimum(canvas.half[0] - np.abs(a), canvas.half[1] - np.abs(b))
    near = np.flatnonzero(edge > -0.30)
    if not len(near):
        return wall, open_
    wall, open_ = wall.copy(), open_.copy()
    a, b, e, f = a[near], b[near], edge[near], footprint[near]
    painted = _SUBJECTS[canvas.subject](a / canvas.half[0], b / canvas.half[1], f / canvas.half[0], noise)
    across = np.clip(-e / _FRAME, 0, 1)
    turn = np.where(np.abs(np.abs(a) - canvas.half[0]) < np.abs(np.abs(b) - canvas.half[1]), b, a)
    carved = 0.75 + 0.3 * np.sin(across * 9.4) + 0.22 * np.cos(turn * 62) * smooth(0.2, 0.5, across) * (across < 0.8)
    frame = GILT * np.clip(carved, 0.25, 1.3)[:, None]
    whole = inside(e + _FRAME, f)
    wall[near] = mix(wall[near], mix(frame, painted, inside(e, f)), whole)
    shadow = 1 - 0.5 * np.exp(-np.maximum(-e - _FRAME, 0) / 0.05)
    open_[near] = open_[near] * shadow * (1 - whole) + (1 - 0.45 * line(np.abs(e), 0.008, f)) * whole
    return wall, open_


def _lake(a, b, f, noise: Noise) -> np.ndarray:
    """Mountains at dusk over a lake; `a`, `b` in [-1, 1]."""
    mirrored = np.where(b < -0.25, -0.5 - b, b)
    cloud = noise.sample(a * 0.16 + 0.3, mirrored * 0.4, f * 0.4)
    color = mix(vector(0.85, 0.42, 0.16), vector(0.12, 0.22, 0.42), smooth(-0.2, 0.9, mirrored))
    color = mix(color, vector(0.90, 0.60, 0.38), smooth(0.3, 1.6, cloud[:, CLOUD]) * 0.8)
    for k, (level, paint) in enumerate(
        ((0.30, (0.26, 0.26, 0.38)), (0.08, (0.12, 0.15, 0.22)), (-0.12, (0.035, 0.060, 0.055)))
    ):
        ridge = noise.sample(a * 0.11 + 0.21 * k, np.full_like(a, 0.13 + 0.31 * k), f * 0.11)
        top = level + 0.20 * ridge[:, RIDGE] * (1 - 0.2 * k) + 0.05 * ridge[:, GRAIN]
        snow = smooth(0.12, 0.3, mirrored - level) * (k == 0)
        stone = mix(np.broadcast_to(vector(*paint), color.shape), vector(0.75, 0.66, 0.66), snow * 0.8)
        color = mix(color, stone, inside(top - mirrored, f))
    ripple = noise.sample(a * 0.3, b * 2.2, f * 2.2)
    lake = color * vector(0.72, 0.78, 0.82) * np.clip(1 + 0.25 * ripple[:, GRAIN], 0.4, 1.6)[:, None]
    return mix(color, lake, inside(-0.25 - b, f))


def _ship(a, b, f, noise: Noise) -> np.ndarray:
    """A sailing ship in a heavy sea."""
    cloud = noise.sample(a * 0.2 + 0.6, b * 0.25, f * 0.25)
    color = mix(vector(0.62, 0.58, 0.42), vector(0.16, 0.22, 0.27), smooth(-0.5, 0.8, b + 0.25 * cloud[:, CLOUD]))
    sail = np.zeros_like(a)
    for mast, top, low, wide in ((-0.28, 0.62, -0.22, 0.20), (0.0, 0.78, -0.22, 0.25), (0.27, 0.58, -0.22, 0.18)):
        part = (b - low) / (top - low)
        yard = np.floor(np.clip(part, 0, 0.999) * 3)
        belly = wide * (1 - 0.24 * yard) * (0.85 + 0.15 * np.sin(np.pi * (part * 3 - yard)))
        cloth = inside(belly - np.abs(a - mast - 0.03 * np.sin(np.pi * (part * 3 - yard))), f)
        cloth = cloth * inside(np.minimum(part, 1 - part), f) * (1 - 0.8 * line(np.abs(part * 3 - yard), 0.03, f))
        sail = np.maximum(sail, cloth * (0.75 + 0.25 * (a - mast) / wide))
        color = mix(color, vector(0.10, 0.06, 0.03), line(np.abs(a - mast), 0.010, f) * (b > -0.3) * (b < top + 0.06))
    color = mix(color, vector(0.80, 0.70, 0.50), np.clip(sail, 0, 1))
    hull = inside(0.52 - 0.25 * (b + 0.42) ** 2 * 9 - np.abs(a), f) * inside(-0.24 + 0.16 * a * a - b, f)
    color = mix(color, vector(0.09, 0.045, 0.02), hull * inside(b + 0.55, f))
    color = mix(color, vector(0.55, 0.36, 0.10), line(np.abs(b + 0.31 - 0.16 * a * a), 0.012, f) * (np.abs(a) < 0.48))
    swell = noise.sample(a * 0.28 + 0.1, b * 0.5, f * 0.5)
    crest = -0.42 + 0.06 * np.sin(5 * a + 1) + 0.05 * swell[:, DRIFT]
    sea = mix(vector(0.025, 0.085, 0.095), vector(0.10, 0.24, 0.22), smooth(-1, -0.4, b + 0.2 * swell[:, RIDGE]))
    sea = mix(sea, vector(0.70, 0.74, 0.70), smooth(1.0, 1.9, swell[:, RIDGE] + 2 * smooth(0.08, 0.0, crest - b)))
    return mix(color, sea, inside(crest - b, f))


def _flowers(a, b, f, noise: Noise) -> np.ndarray:
    """A vase of flowers in front of a dark wall."""
    shade = noise.sample(a * 0.2, b * 0.2 + 0.4, f * 0.2)
    color = vector(0.045, 0.034, 0.028) * np.clip(1.4 + 0.4 * shade[:, CLOUD] - 0.5 * a, 0.4, 3)[:, None]
    color = mix(color, vector(0.20, 0.10, 0.045), inside(-0.72 - b, f))
    vase = 0.24 * np.sqrt(np.clip(1 - ((b + 0.50) / 0.30) ** 2, 0, 1)) + 0.05
    body = inside(vase - np.abs(a), f) * inside(np.minimum(b + 0.82, -0.22 - b), f)
    glaze = mix(vector(0.70, 0.72, 0.70), vector(0.05, 0.12, 0.42), smooth(0.2, 0.5, np.cos(a * 40) * np.cos(b * 30)))
    color = mix(color, glaze * np.clip(1.0 - 2.4 * np.abs(a + 0.08), 0.15, 1)[:, None], body)
    leaf = smooth(0.72, 0.5, np.hypot(a, (b - 0.22) * 1.05) - 0.12 * shade[:, RIDGE])
    color = mix(
        color, vector(0.035, 0.085, 0.030) * np.clip(1 + 0.6 * shade[:, GRAIN], 0.3, 2)[:, None], leaf * (b > -0.3)
    )
    hues = ((0.75, 0.20, 0.22), (0.80, 0.62, 0.50), (0.85, 0.55, 0.10), (0.45, 0.16, 0.42), (0.80, 0.76, 0.66))
    for k in range(15):
        number = np.array([k])
        angle, away = 2.39996 * k, 0.13 * np.sqrt(k)
        x, y = away * np.sin(angle), 0.24 + 0.92 * away * np.cos(angle)
        size = 0.115 + 0.075 * float(scatter(number, number * 0 + 9)[0])
        r, turn = np.hypot(a - x, b - y), np.arctan2(a - x, b - y)
        ring = np.floor(r / size * 3)
        edge = size * (0.84 + 0.16 * np.abs(np.cos((2.5 + 0.5 * (k % 3)) * turn + ring))) - r
        bloom = vector(*hues[k % 5]) * (0.62 + 0.5 * (r / size) - 0.3 * np.abs(np.sin(3 * turn + 1.3 * ring)))[:, None]
        bloom = bloom * np.clip(1.15 - 0.7 * (a - x) / size, 0.3, 1.5)[:, None]
        color = mix(color, mix(bloom, vector(0.50, 0.32, 0.05), inside(size * 0.2 - r, f)), inside(edge, f))
    return color


_SUBJECTS = (_lake, _ship, _flowers)
