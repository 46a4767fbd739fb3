"""Families of solids of revolution, such as columns, urns, cypresses and balloons: one profile, many instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kiosk.scenery.shared.fan import Fan
from kiosk.scenery.shared.shaping import dot, vector

_SAMPLES = 512
_STEPS = 30


@dataclass(frozen=True)
class Hit:
    """Ray hits: ray indices, distances, and the index of the solid in its family."""

    ray: np.ndarray
    t: np.ndarray
    solid: np.ndarray


class Revolution:
    """A family of solids with one profile.

    `profile`: (height, radius) vertices in meters from bottom to top, joined by straight lines. `places` [K, 3]: the
    foot of each solid. `scale` [K]: its size. `cut` [K]: fraction of its height where it is cut off (1: whole).
    `bumps(angle, height, solid)` adds to the radius, at most `swell` meters at scale 1.
    """

    def __init__(
        self,
        profile: list[tuple[float, float]],
        places: np.ndarray,
        scale: np.ndarray | list[float] | float = 1.0,
        cut: np.ndarray | float = 1.0,
        bumps: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None,
        swell: float = 0.0,
    ) -> None:
        corners = np.array(profile, np.float64)
        self.places = np.asarray(places, np.float32).reshape(-1, 3)
        self.scale = np.broadcast_to(np.asarray(scale, np.float32), len(self.places))
        self.top = np.float32(corners[-1, 0]) * np.broadcast_to(np.asarray(cut, np.float32), len(self.places))
        self._height = float(corners[-1, 0])
        heights = np.linspace(0, self._height, _SAMPLES)
        self._radius = np.interp(heights, corners[:, 0], corners[:, 1]).astype(np.float32)
        self._slope = np.gradient(self._radius, heights).astype(np.float32)
        self._bumps = bumps
        self.reach = float(corners[:, 1].max()) + swell

    def radius(self, y: np.ndarray) -> np.ndarray:
        """Radius at height `y` (both at scale 1)."""
        at = np.clip(y * (_SAMPLES - 1) / self._height, 0, _SAMPLES - 1.001)
        low = at.astype(np.int32)
        part = at - low.astype(np.float32)
        return self._radius[low] * (1 - part) + self._radius[low + 1] * part

    def slope(self, y: np.ndarray) -> np.ndarray:
        """d radius / d height at height `y` (at scale 1)."""
        return self._slope[np.clip(y * (_SAMPLES - 1) / self._height, 0, _SAMPLES - 1).astype(np.int32)]

    def meet(self, o: np.ndarray, d: np.ndarray, limit: np.ndarray, fan: Fan | None = None) -> Hit:
        """First hits closer than `limit` [N] of rays from `o` along unit `d` (both float32 [N, 3]).

        Uses sphere tracing inside each solid's bounding cylinder. A `fan` of the same rays limits the search to rays
        toward each solid.
        """
        flat = d[:, 0] ** 2 + d[:, 2] ** 2 + 1e-9
        per_meter = 1 / np.sqrt(flat)
        rays, solids, entries, exits = [], [], [], []
        for number, (place, scale, top) in enumerate(zip(self.places, self.scale, self.top, strict=True)):
            reach = self.reach * scale
            if fan is None:
                x, z = place[0] - o[:, 0], place[2] - o[:, 2]
                aside = (x * d[:, 2] - z * d[:, 0]) * per_meter
                near = np.flatnonzero(np.abs(aside) < reach)
                x, z, aside = x[near], z[near], aside[near]
            else:
                near = fan.towards(place, reach, top * scale)
                if not len(near):
                    continue
                x, z = place[0] - o[near, 0], place[2] - o[near, 2]
                aside = (x * d[near, 2] - z * d[near, 0]) * per_meter[near]
                close = np.abs(aside) < reach
                near, x, z, aside = near[close], x[close], z[close], aside[close]
            if not len(near):
                continue
            along = (x * d[near, 0] + z * d[near, 2]) / flat[near]
            half = np.sqrt(reach**2 - aside**2) * per_meter[near]
            y = o[near, 1] + along * d[near, 1] - place[1]
            margin = half * np.abs(d[near, 1])
            keep = (along + half > 0) & (along - half < limit[near]) & (y + margin > 0) & (y - margin < top * scale)
            near, along, half = near[keep], along[keep], half[keep]
            rays.append(near)
            solids.append(np.full(len(near), number, np.int32))
            entries.append(np.maximum(along - half, 0))
            exits.append(along + half)
        if not rays or not sum(map(len, rays)):
            nothing = np.zeros(0, np.int32)
            return Hit(nothing, np.zeros(0, np.float32), nothing)
        ray, solid = np.concatenate(rays), np.concatenate(solids)
        t, end = np.concatenate(entries), np.concatenate(exits)
        met = self._march(o[ray], d[ray], t, end, solid, per_meter[ray])
        keep = met & (t < limit[ray])
        ray, t, solid = ray[keep], t[keep], solid[keep]
        order = np.lexsort((t, ray))
        ray, t, solid = ray[order], t[order], solid[order]
        first = np.append(True, ray[1:] != ray[:-1]) if len(ray) else np.zeros(0, bool)
        return Hit(ray[first], t[first], solid[first])

    def local(self, p: np.ndarray, solid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Angle around the axis (radians), distance from the axis and height above the foot (at scale 1) of points
        `p`."""
        q = (p - self.places[solid]) / self.scale[solid, None]
        return np.arctan2(q[:, 0], q[:, 2]), np.hypot(q[:, 0], q[:, 2]), q[:, 1]

    def normal(self, p: np.ndarray, solid: np.ndarray) -> np.ndarray:
        """Unit outward normals [N, 3] at surface points `p`; bumps are differentiated numerically."""
        angle, r, y = self.local(p, solid)
        slope = self.slope(y)
        turn = np.zeros_like(angle)
        if self._bumps is not None:
            da, dy = 0.02, 0.01 * self._height / 4
            here = self._bumps(angle, y, solid)
            turn = (self._bumps(angle + da, y, solid) - here) / (da * np.maximum(r, 0.05))
            slope = slope + (self._bumps(angle, y + dy, solid) - here) / dy
        sin, cos = np.sin(angle), np.cos(angle)
        n = np.stack([sin - turn * cos, -slope, cos + turn * sin], -1)
        n /= np.sqrt((n**2).sum(1))[:, None]
        n[self.cut_surface(y, solid)] = (0, 1, 0)
        return n.astype(np.float32)

    def cut_surface(self, y: np.ndarray, solid: np.ndarray) -> np.ndarray:
        """Whether a point at height `y` lies on the flat top of its solid."""
        return y > self.top[solid] - 0.006

    def shade(self, p: np.ndarray, sun: np.ndarray) -> np.ndarray:
        """Fraction of sunlight (unit direction `sun`) that reaches points `p` [N, 3] past these solids, float32 [N].

        Uses one closest approach per solid. The penumbra widens with the distance from the solid.
        """
        light = np.ones(len(p), np.float32)
        flat2 = float(sun[0] ** 2 + sun[2] ** 2)
        across = vector(sun[2], 0, -sun[0]) / np.float32(np.sqrt(flat2))
        offset = dot(p, across)
        order = np.argsort(offset)
        offset = offset[order]
        for place, scale, top in zip(self.places, self.scale, self.top, strict=True):
            middle, reach = float(place @ across), float(self.reach * scale * 1.15)
            low, high = np.searchsorted(offset, (middle - reach, middle + reach))
            if low == high:
                continue
            near, aside = order[low:high], np.abs(offset[low:high] - middle)
            x, z = place[0] - p[near, 0], place[2] - p[near, 2]
            along = (x * sun[0] + z * sun[2]) / flat2
            y = (p[near, 1] + along * sun[1] - place[1]) / scale
            beyond = np.maximum(np.maximum(y - top, -y), 0)
            edge = (self.radius(np.clip(y, 0, top)) - beyond * 1.5) * scale - aside
            penumbra = 0.03 + 0.016 * np.maximum(along, 0)
            light[near] *= 1 - np.clip(edge / penumbra + 0.5, 0, 1) * (along > 0.02)
        return light

    def contact(self, p: np.ndarray, width: float) -> np.ndarray:
        """Contact shadow on the ground at `p` [N, 3]: 1 far from the solids, toward 0 at their feet."""
        open_ = np.ones(len(p), np.float32)
        order = np.argsort(p[:, 0])
        x = p[order, 0]
        for place, scale in zip(self.places, self.scale, strict=True):
            foot = float(self._radius[8] * scale)
            reach = foot + width * 4
            low, high = np.searchsorted(x, (float(place[0]) - reach, float(place[0]) + reach))
            near = order[low:high]
            away = np.hypot(p[near, 0] - place[0], p[near, 2] - place[2]) - foot
            open_[near] *= 1 - 0.6 * np.exp(-np.maximum(away, 0) / width)
        return open_

    def _march(self, o, d, t, end, solid, per_meter) -> np.ndarray:
        """Advance each `t` in place to the surface of its solid. Returns True where it is reached before `end`."""
        scale = self.scale[solid]
        start = (o - self.places[solid]) / scale[:, None]
        x, y, z = (np.ascontiguousarray(start[:, axis]) for axis in range(3))
        dx, dy, dz = (np.ascontiguousarray(d[:, axis]) / scale for axis in range(3))
        top, which, place = self.top[solid], solid, np.arange(len(t))
        at, last = t.copy(), end
        # Convert horizontal distance to distance along the ray. The bound limits rounding errors on steep rays.
        stretch = scale * np.minimum(per_meter, 2.5) * np.float32(0.9)
        met = np.zeros(len(t), bool)
        for step in range(_STEPS):
            gap = self._gap(x + dx * at, y + dy * at, z + dz * at, top, which)
            found = gap < 0.002
            if found.any():
                met[place[found]] = True
            at += np.where(found, 0, np.clip(gap, 0.0015, 0.35 * self.reach) * stretch)
            if step % 3 == 2 or step == _STEPS - 1:
                t[place] = at
                going = np.flatnonzero(~met[place] & (at < last))
                if not len(going):
                    break
                x, y, z = x[going], y[going], z[going]
                dx, dy, dz = dx[going], dy[going], dz[going]
                top, which, place = top[going], which[going], place[going]
                at, last, stretch = at[going], last[going], stretch[going]
        return met

    def _gap(self, x, y, z, top, solid) -> np.ndarray:
        """An estimate of the distance to the solid, never much too long, at points in its own coordinates (scale 1)."""
        inside = np.clip(y, 0, top)
        radius = self.radius(inside)
        if self._bumps is not None:
            radius = radius + self._bumps(np.arctan2(x, z), inside, solid)
        beside = np.sqrt(x * x + z * z) - radius
        return np.maximum(beside * np.float32(0.85), np.maximum(y - top, -y))
