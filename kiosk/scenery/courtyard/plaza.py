"""The plaza: a ruined ring of arches on a hill by the sea, around a pool with an island for the camera."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.courtyard import arcade, paint, paving, stonework
from kiosk.scenery.courtyard.furniture import balloons, columns, cypresses, pines, shrubs, urn_plants, urns
from kiosk.scenery.shared.backdrop import backdrop
from kiosk.scenery.shared.daylight import daylight
from kiosk.scenery.shared.fan import Fan
from kiosk.scenery.shared.horizon import horizon_haze
from kiosk.scenery.shared.noise import CLOUD, DRIFT, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.revolution import Revolution
from kiosk.scenery.shared.shaping import dot, line, mix, smooth, to_cell_edge, unit, vector

_HILLTOP = 27.5  # radius in meters where the land falls away
_WATER = -0.13
_SKY, _GROUND, _RIM, _POOL, _WALL, _FIRST_SOLID = range(6)


class Plaza:
    """The plaza at `time` (hours of the day). `seed` varies clouds, ruins and trees."""

    eye = vector(0.95, 1.68, 0.35)
    heading = -0.44  # sunset through the gap in the ring; the photo's edges meet in the other gap, not on a column

    def __init__(self, seed: int, time: float) -> None:
        rng = np.random.default_rng(seed + 1)
        self.noise = Noise(seed)
        self.light = daylight(time)
        self.exposure = self.light.exposure
        self._columns = columns(rng)
        self._urns = urns()
        self._plants = urn_plants(self.noise)
        self._cypresses = cypresses(rng, self.noise)
        self._pines = pines(rng, self.noise)
        self._shrubs = shrubs(rng, self.noise)
        self._balloons = balloons()
        self._solids = (
            (self._columns, paint.stone_column(self._columns, self.noise)),
            (self._urns, paint.painted_urn(self._urns, self.noise)),
            (self._plants, paint.leafy(self._plants, self.noise, 1.6, (0.055, 0.10, 0.022))),
            (self._cypresses, paint.leafy(self._cypresses, self.noise, 4.0, (0.034, 0.060, 0.022), bark=0.5)),
            (self._pines, paint.leafy(self._pines, self.noise, 3.2, (0.060, 0.095, 0.028), bark=3.0)),
            (self._shrubs, paint.leafy(self._shrubs, self.noise, 1.9, (0.085, 0.100, 0.034))),
            (self._balloons, paint.striped_balloon(self._balloons)),
        )
        self._casters: tuple[Revolution, ...] = (self._columns, self._urns, self._plants, self._cypresses, self._pines)
        flat = self.light.afterglow * vector(1, 0, 1)
        self._sun_flat = flat / np.linalg.norm(flat)

    def radiance(self, o: np.ndarray, d: np.ndarray, pixel: float, mirrored: bool = False):
        """Radiance arriving at `o` from unit directions `d` (float32 [N, 3]) for pixels `pixel` radians wide.

        Unless `mirrored`, all rays must start at one point. Returns linear RGB, float32 [N, 3], and an object id per
        ray [N].
        """
        t = np.full(len(d), np.inf, np.float32)
        kind = np.full(len(d), _SKY, np.int16)
        what = np.zeros(len(d), np.int16)
        self._meet_ground(o, d, t, kind, mirrored)
        ray, distance, on_face = arcade.meet(o, d, t)
        t[ray], kind[ray], what[ray] = distance, _WALL, on_face
        fan = None if mirrored else Fan(o[0], d)
        for number, (solid, _) in enumerate(self._solids):
            if mirrored and solid is self._shrubs:
                continue  # hidden behind the pool's rim
            hit = solid.meet(o, d, t, fan)
            t[hit.ray], kind[hit.ray], what[hit.ray] = hit.t, _FIRST_SOLID + number, hit.solid
        color = np.zeros((len(d), 3), np.float32)
        haze = horizon_haze(d, self.light)
        at = np.flatnonzero(kind == _SKY)
        if len(at):
            color[at] = backdrop(d[at], self.light, self.noise, pixel, haze[at])
        at = np.flatnonzero(kind == _POOL)
        if len(at):
            color[at] = self._water(o[at], d[at], t[at], pixel)
        at = np.flatnonzero((kind != _SKY) & (kind != _POOL))
        if len(at):
            color[at] = self._matter(o[at], d[at], t[at], kind[at], what[at], pixel)
            air = 1 - np.exp(-((t[at] / 420.0) ** 0.9))
            color[at] = mix(color[at], haze[at], air)
        if not mirrored:
            # Lens glare of the low sun.
            near = np.maximum(dot(d, self.light.afterglow), 0)
            veil = (0.05 * near**8 + 0.10 * near**90) * (1 - self.light.night)
            color += veil[:, None] * self.light.glow
        return color, kind.astype(np.int32) * 64 + what

    def _meet_ground(self, o, d, t, kind, mirrored: bool) -> None:
        if mirrored:
            return
        down = np.flatnonzero(d[:, 1] < -1e-4)
        reach = -o[down, 1] / d[down, 1]
        r = np.hypot(o[down, 0] + reach * d[down, 0], o[down, 2] + reach * d[down, 2])
        pool = (r > paving.DAIS) & (r < paving.POOL)
        deep = (_WATER - o[down, 1]) / d[down, 1]
        r_deep = np.hypot(o[down, 0] + deep * d[down, 0], o[down, 2] + deep * d[down, 2])
        wet = pool & (r_deep > paving.DAIS) & (r_deep < paving.POOL)
        rim = pool & ~wet
        edge = _HILLTOP + 0.8 * np.sin(5 * np.arctan2(d[down, 0], d[down, 2]))
        dry = ~pool & (r < edge)
        for chosen, name, distance in ((dry, _GROUND, reach), (rim, _RIM, reach), (wet, _POOL, deep)):
            t[down[chosen]], kind[down[chosen]] = distance[chosen], name

    def _matter(self, o, d, t, kind, what, pixel: float) -> np.ndarray:
        p = o + d * t[:, None]
        n = np.zeros_like(p)
        n[:, 1] = 1
        albedo = np.zeros_like(p)
        open_ = np.ones(len(t), np.float32)
        through = np.zeros(len(t), np.float32)
        footprint = pixel * t
        at = np.flatnonzero(kind == _GROUND)
        if len(at):
            wide = footprint[at] * np.maximum(-d[at, 1], 0.02) ** -0.6
            albedo[at] = paving.floor(p[at, 0], p[at, 2], wide, self.noise)
            open_[at] = self._ground_openness(p[at])
        at = np.flatnonzero(kind == _RIM)
        if len(at):
            angle = np.arctan2(p[at, 0], p[at, 2])
            albedo[at] = vector(0.16, 0.14, 0.10) * (0.8 + 0.4 * scatter(np.floor(angle * 22), angle * 0))[:, None]
            n[at] = -unit(p[at] * vector(1, 0, 1))
        at = np.flatnonzero(kind == _WALL)
        if len(at):
            self._wall(at, p, n, albedo, open_, what, footprint)
        for number, (solid, color) in enumerate(self._solids):
            at = np.flatnonzero(kind == _FIRST_SOLID + number)
            if len(at):
                n[at] = solid.normal(p[at], what[at])
                albedo[at], open_[at], through[at] = color(p[at], n[at], what[at], footprint[at], at, n)
        return self._lit(p, n, albedo, open_, through, d)

    def _lit(self, p, n, albedo, open_, through, d) -> np.ndarray:
        light = self.light
        facing = dot(n, light.sun)
        beam = np.clip(facing, 0, 1) + through * np.clip(0.35 - 0.65 * facing, 0, 1)
        lit = np.flatnonzero((beam > 0.003) & (p[:, 1] < 15))
        sun = np.ones(len(p), np.float32)
        start = p[lit] + n[lit] * 0.02
        sun[lit] = arcade.shade(start, light.sun)
        for solid in self._casters:
            bright = lit[sun[lit] > 0.01]
            if len(bright):
                sun[bright] *= solid.shade(p[bright] + n[bright] * 0.03, light.sun)
        up = 0.5 + 0.5 * n[:, 1]
        west = (0.5 + 0.5 * dot(n, self._sun_flat)) ** 2
        sky = light.zenith * 0.95 + light.horizon * 0.12
        ambient = up[:, None] * sky + (0.42 * (1 - 0.5 * np.abs(n[:, 1])))[:, None] * (
            mix(light.horizon, light.glow, west) * 0.75
        )
        bounce = (1 - up)[:, None] * (light.beam * 0.075 * max(0.25, float(light.sun[1]) * 3) + light.horizon * 0.10)
        return albedo * ((beam * sun)[:, None] * light.beam * 0.92 + (ambient + bounce) * open_[:, None])

    def _ground_openness(self, p: np.ndarray) -> np.ndarray:
        open_ = self._columns.contact(p, 0.45) * self._urns.contact(p, 0.25)
        outside = np.flatnonzero(np.hypot(p[:, 0], p[:, 2]) > paving.TERRACE)
        if len(outside):
            q = p[outside]
            open_[outside] *= (
                self._cypresses.contact(q, 0.9) * self._shrubs.contact(q, 0.5) * self._pines.contact(q, 0.7)
            )
        r = np.hypot(p[:, 0], p[:, 2])
        return open_ * (1 - 0.3 * np.exp(-(((r - arcade.MIDDLE) / 0.9) ** 2)))

    def _wall(self, at, p, n, albedo, open_, what, footprint) -> None:
        q = p[at]
        angle, y = np.arctan2(q[:, 0], q[:, 2]), q[:, 1]
        on_face = what[at] == 1
        n[at] = arcade.normal(q, on_face)
        face = at[on_face]
        if len(face):
            albedo[face], n[face], open_[face] = stonework.face(angle[on_face], y[on_face], footprint[face], self.noise)
        other = at[~on_face]
        if len(other):
            a, h, r = angle[~on_face], y[~on_face], np.hypot(q[~on_face, 0], q[~on_face, 2])
            fan = np.arctan2(arcade.bay(a), h - arcade.SPRING) * (21 / np.pi) + 0.5
            tone = scatter(np.floor(fan), np.floor(a / np.float32(2 * np.pi / arcade.BAYS)) + 50)
            stone = stonework.LIMESTONE * (0.8 + 0.3 * tone)[:, None]
            stone = stonework.weathered(stone, a * np.float32(60 / (2 * np.pi)) + r, h, footprint[other], self.noise)
            joint = line(to_cell_edge(fan) * 0.25, 0.010, footprint[other])
            coffer = np.abs(to_cell_edge((r - arcade.INNER) / 0.425)) * 0.425
            joint = np.maximum(joint, line(coffer, 0.008, footprint[other]))
            albedo[other] = stone * (1 - 0.6 * joint)[:, None]
            open_[other] = 0.72

    def _water(self, o, d, t, pixel: float) -> np.ndarray:
        p = o + d * t[:, None]
        footprint = pixel * t * np.maximum(-d[:, 1], 0.05) ** -0.6
        ripple = self.noise.sample(p[:, 0] * 0.16, p[:, 2] * 0.16, footprint * 0.16 + 0.002)
        small = self.noise.sample(p[:, 0] * 0.7 + 0.3, p[:, 2] * 0.7, footprint * 0.7)
        slope_x = 0.011 * ripple[:, CLOUD] + 0.005 * small[:, CLOUD]
        slope_z = 0.011 * ripple[:, DRIFT] + 0.005 * small[:, DRIFT]
        n = unit(np.stack([slope_x, np.ones_like(slope_x), slope_z], -1))
        into = dot(d, n)
        mirror = d - 2 * into[:, None] * n
        mirror[:, 1] = np.maximum(mirror[:, 1], 0.01)
        reflected, _ = self.radiance(p, unit(mirror), pixel * 1.5, mirrored=True)
        share = 0.10 + 0.90 * (1 - np.clip(-into, 0, 1)) ** 3.2
        # The bottom, seen through 0.45 m of water with refraction (index 1.33).
        bent = d * np.float32(1 / 1.33)
        bent[:, 1] = -np.sqrt(np.maximum(1 - bent[:, 0] ** 2 - bent[:, 2] ** 2, 0.05))
        floor = p + bent * (0.45 / -bent[:, 1])[:, None]
        floor[:, 0] += slope_x * 3
        floor[:, 2] += slope_z * 3
        tile_x, tile_z = floor[:, 0] / 0.17, floor[:, 2] / 0.17
        tone = scatter(np.floor(tile_x), np.floor(tile_z))
        bottom = mix(vector(0.05, 0.21, 0.25), vector(0.11, 0.36, 0.34), tone)
        bottom = mix(bottom, vector(0.55, 0.45, 0.22), 0.8 * (tone > 0.955))
        gap = np.maximum(
            line(to_cell_edge(tile_x) * 0.17, 0.006, footprint), line(to_cell_edge(tile_z) * 0.17, 0.006, footprint)
        )
        bottom = bottom * (1 - 0.6 * gap)[:, None]
        nets = self.noise.sample(floor[:, 0] * 0.22 + 0.01 * small[:, GRAIN], floor[:, 2] * 0.22, footprint * 0.22)
        caustic = smooth(0.5, 1.7, nets[:, RIDGE])
        up = np.zeros_like(p)
        up[:, 1] = 1
        sunny = self._lit(floor, up, bottom, np.full(len(p), 0.8, np.float32), np.zeros(len(p), np.float32), d)
        r = np.hypot(floor[:, 0], floor[:, 2])
        side = smooth(0.0, 0.25, paving.POOL - r) * smooth(0.0, 0.25, r - paving.DAIS) * 0.6 + 0.4
        below = sunny * ((1 + 0.9 * caustic) * side)[:, None] * 0.85
        glint = np.maximum(dot(mirror, self.light.sun), 0) ** 1400 * (1 - self.light.night)
        return mix(below, reflected, share) + glint[:, None] * self.light.beam
