"""A partly ruined ring of arches: a thick round wall with openings, and its intersection with rays from inside.

In the wall's coordinates (bay position a along the ring, height y) the masonry is where three signed distances are
positive: to the arch, to the soffit on the capitals, and to the broken top.
"""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.noise import scatter
from kiosk.scenery.shared.shaping import smooth, vector

INNER, OUTER = 9.0, 9.85
MIDDLE = (INNER + OUTER) / 2
BAYS = 14
SPRING = 4.3  # height of the capitals' top, where the arches spring
ARCH = 1.64  # radius of an arch
TOP = 7.7
COURSE = 0.42  # height of a course of stones
_BAY = 2 * np.pi / BAYS
_WIDTH = _BAY * MIDDLE
_FALLEN = (-0.66, 2.62)  # longitudes of the gaps, radians
_SPREAD = (0.63, 0.19)


def bay(angle: np.ndarray) -> np.ndarray:
    """Distance in meters along the ring from the middle of the arch at `angle` (radians). Columns stand at +- half a
    bay."""
    turn = angle / np.float32(_BAY)
    return (turn - np.floor(turn) - 0.5) * np.float32(_WIDTH)


def top(angle: np.ndarray) -> np.ndarray:
    """Height of the wall's broken edge in meters, rounded to whole courses; TOP where the wall is intact."""
    ruin = np.zeros_like(angle)
    for middle, spread in zip(_FALLEN, _SPREAD, strict=True):
        away = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        ruin = np.maximum(ruin, smooth(1.35, 0.75, away / spread))
    stone = np.floor(angle * np.float32(96 / (2 * np.pi)))
    ragged = scatter(stone, stone * 0 + 5) - 0.5
    height = TOP - ruin * 4.2 + np.where(ruin > 0.02, ragged * 1.3, 0)
    height = np.where(ruin > 0.02, np.minimum(np.floor(height / COURSE) * COURSE + 0.14, TOP), TOP)
    return np.where(ruin > 0.93, 0.0, height).astype(np.float32)


def stands(angle: float) -> bool:
    """Whether the wall over the column at `angle` is intact."""
    return bool(top(vector(angle))[0] > SPRING + 0.5)


def arch_distance(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance in meters from the arch's edge, positive in the masonry. `a`: from bay(). `y`: height."""
    over = np.maximum(y - SPRING, 0)
    return np.hypot(a, over) - ARCH


def masonry(angle: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance in meters to the masonry's edge at `angle` and height `y`, positive inside."""
    return np.minimum(np.minimum(arch_distance(bay(angle), y), y - SPRING), top(angle) - y)


def meet(o: np.ndarray, d: np.ndarray, limit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intersect rays from inside the ring (`o`, `d` float32 [N, 3]). Returns (ray indices, distances, on_face).

    `on_face` is True on the wall's inner face and False inside its thickness (arch, soffit, broken edge), which is
    found by ray marching.
    """
    flat = d[:, 0] ** 2 + d[:, 2] ** 2 + 1e-9
    b = o[:, 0] * d[:, 0] + o[:, 2] * d[:, 2]
    c = o[:, 0] ** 2 + o[:, 2] ** 2
    enter = (-b + np.sqrt(np.maximum(b * b - flat * (c - INNER**2), 0))) / flat
    leave = (-b + np.sqrt(np.maximum(b * b - flat * (c - OUTER**2), 0))) / flat
    low = np.minimum(o[:, 1] + enter * d[:, 1], o[:, 1] + leave * d[:, 1])
    high = np.maximum(o[:, 1] + enter * d[:, 1], o[:, 1] + leave * d[:, 1])
    ray = np.flatnonzero((enter < limit) & (high > SPRING) & (low < TOP) & (c < INNER**2))
    t0, t1 = enter[ray], leave[ray]
    solid = _inside(o[ray], d[ray], t0)
    face = solid > 0
    through = np.flatnonzero(~face)
    r = ray[through]
    before = t0[through].copy()
    found = np.zeros(len(through), bool)
    after = before.copy()
    steps = 12
    for step in range(1, steps + 1):
        t = t0[through] + (t1[through] - t0[through]) * (step / steps)
        now = _inside(o[r], d[r], t) > 0
        fresh = now & ~found
        after[fresh] = t[fresh]
        found |= now
        before = np.where(found, before, t)
    through, r, before, after = through[found], r[found], before[found], after[found]
    for _ in range(6):
        middle = (before + after) / 2
        now = _inside(o[r], d[r], middle) > 0
        after = np.where(now, middle, after)
        before = np.where(now, before, middle)
    hit = np.concatenate([ray[face], r])
    t = np.concatenate([t0[face], after])
    on_face = np.concatenate([np.ones(int(face.sum()), bool), np.zeros(len(r), bool)])
    keep = t < limit[hit]
    return hit[keep], t[keep], on_face[keep]


def normal(p: np.ndarray, on_face: np.ndarray) -> np.ndarray:
    """Unit normals [N, 3] at points `p` of the wall."""
    angle = np.arctan2(p[:, 0], p[:, 2])
    out = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], -1)
    along = np.stack([np.cos(angle), np.zeros_like(angle), -np.sin(angle)], -1)
    a, y = bay(angle), p[:, 1]
    distances = np.stack([np.abs(arch_distance(a, y)), np.abs(y - SPRING), np.abs(top(angle) - y)], -1)
    nearest = distances.argmin(1)
    over = np.maximum(y - SPRING, 0)
    length = np.maximum(np.hypot(a, over), 1e-4)
    arch = -(along * (a / length)[:, None])
    arch[:, 1] -= over / length
    up = np.zeros_like(out)
    up[:, 1] = np.where(nearest == 1, -1, 1)
    inner = np.where((nearest == 0)[:, None], arch, up)
    return np.where(on_face[:, None], -out, inner).astype(np.float32)


def shade(p: np.ndarray, sun: np.ndarray) -> np.ndarray:
    """Fraction of sunlight that passes the arches to points `p` [N, 3]. Tests both faces of the wall."""
    light = np.ones(len(p), np.float32)
    flat2 = float(sun[0] ** 2 + sun[2] ** 2)
    b = p[:, 0] * sun[0] + p[:, 2] * sun[2]
    c = p[:, 0] ** 2 + p[:, 2] ** 2
    for radius in (INNER, MIDDLE, OUTER):
        inside = b * b - flat2 * (c - radius**2)
        root = np.sqrt(np.maximum(inside, 0))
        for sign in (-1, 1):
            t = (-b + sign * root) / flat2
            y = p[:, 1] + t * sun[1]
            near = np.flatnonzero((inside > 0) & (t > 0.03) & (y > SPRING - 0.4) & (y < TOP + 0.4))
            if not len(near):
                continue
            x, z = p[near, 0] + t[near] * sun[0], p[near, 2] + t[near] * sun[2]
            solid = masonry(np.arctan2(x, z), y[near])
            light[near] *= 1 - np.clip(solid / (0.03 + 0.016 * t[near]) + 0.5, 0, 1)
    return light


def _inside(o: np.ndarray, d: np.ndarray, t: np.ndarray) -> np.ndarray:
    x, z = o[:, 0] + t * d[:, 0], o[:, 2] + t * d[:, 2]
    return masonry(np.arctan2(x, z), o[:, 1] + t * d[:, 1])
