"""The salon: a room with three tall windows, a wall of books, pictures, a carpet and a candle-lit chandelier."""

from __future__ import annotations

import numpy as np

from kiosk.capture.virtual import canvases, joinery, salon_furniture, textiles
from kiosk.capture.virtual.canvases import Canvas
from kiosk.capture.virtual.daylight import daylight
from kiosk.capture.virtual.fan import Fan
from kiosk.capture.virtual.foliage import leaves
from kiosk.capture.virtual.horizon import far_country, horizon_haze
from kiosk.capture.virtual.noise import CLOUD, GRAIN, RIDGE, Noise, scatter
from kiosk.capture.virtual.revolution import Revolution
from kiosk.capture.virtual.shaping import dot, inside, line, mix, smooth, to_cell_edge, unit, vector
from kiosk.capture.virtual.sky import clear_sky, clouds, stars, sun_disc

_HALF_X, _HALF_Z, _HEIGHT = np.float32(3.6), np.float32(4.6), np.float32(3.75)
_SILL, _LINTEL, _HALF_WINDOW = 0.55, 3.05, 0.62
_WINDOWS = (-2.9, 0.0, 2.9)
"""metres along z: the middles of the windows in the western wall."""
_PANE = (0.31, 0.50)
_DEEP = 0.24
"""metres: how thick the wall is at the windows."""
_FLOOR, _CEILING, _WEST, _EAST, _SOUTH, _NORTH, _OUTSIDE, _FIRST_SOLID = range(8)
_NORMALS = np.array([(0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1)], np.float32)
_PICTURES = {
    _SOUTH: (Canvas(-1.15, 2.02, (0.86, 0.58), 0), Canvas(1.35, 2.02, (0.55, 0.66), 2)),
    _NORTH: (Canvas(0.0, 2.05, (1.05, 0.68), 1),),
}
_SUNS, _WARM = np.float32(0.9), vector(1.0, 0.52, 0.20)
_SILKS = np.array([(0.30, 0.05, 0.05), (0.05, 0.16, 0.17), (0.42, 0.24, 0.06), (0.10, 0.06, 0.20)], np.float32)


class Salon:
    """The scene at one `time` (hours); `seed` chooses clouds and plants. Answers rays with linear RGB radiance."""

    eye = vector(0.25, 1.60, 0.45)
    heading = -2.55  # the table before the pictures; the photo's edges meet on books and wallpaper

    def __init__(self, seed: int, time: float) -> None:
        self.noise = Noise(seed)
        self.light = daylight(time)
        lamps = salon_furniture.lamps()
        self._lamps, self._candles = lamps, salon_furniture.candles()
        self._chandelier = salon_furniture.chandelier()
        self._globe, self._stools = salon_furniture.globe(), salon_furniture.stools()
        self._vases, self._bouquets, self._palms = (
            salon_furniture.vases(),
            salon_furniture.bouquets(self.noise),
            salon_furniture.palms(self.noise),
        )
        self._tables, self._pots = salon_furniture.tables(), salon_furniture.pots()
        self._solids = (
            (self._tables, self._wood),
            (self._vases, self._porcelain),
            (self._bouquets, self._flowers),
            (self._globe, self._map),
            (self._lamps, self._lamp),
            (self._stools, self._silk),
            (self._pots, self._clay),
            (self._palms, self._leaves),
            (self._chandelier, self._brass),
            (self._candles, self._candle),
        )
        self._casters: tuple[Revolution, ...] = (
            self._tables, self._vases, self._bouquets, self._globe, self._lamps, self._stools, self._pots, self._palms,
        )  # fmt: skip
        # What the windows let in, with the exposure a camera would choose for it; the lamps are always on.
        sky = (self.light.zenith + 2 * self.light.horizon + self.light.glow) / 4
        self._through = sky
        day = float((sky + 0.12 * self.light.beam * max(0.0, -float(self.light.sun[0]))).mean())
        self._lamp_light = np.float32(0.25 + 0.55 * day)
        self.exposure = 2.0 / (day + 0.9 * float(self._lamp_light) + 0.02)
        self._points = [
            *((np.array(foot, np.float32) + vector(0, 1.58, 0), 1.0) for foot in salon_furniture.LAMPS),
            (np.array(salon_furniture.CHANDELIER, np.float32) + vector(0, 0.52, 0), 1.9),
        ]

    def radiance(self, o: np.ndarray, d: np.ndarray, pixel: float, mirrored: bool = False):
        """Light arriving at `o` from unit directions `d` (float32 [N, 3]; pixels `pixel` radians wide).

        Unless `mirrored`, all rays start at one point.

        Returns linear RGB, float32 [N, 3], and a number per ray [N] that differs where another thing is seen.
        """
        t, kind = _meet_walls(o, d)
        what = np.zeros(len(d), np.int16)
        fan = None if mirrored else Fan(o[0], d)
        for number, (solid, _) in enumerate(self._solids):
            hit = solid.meet(o, d, t, fan)
            t[hit.ray], kind[hit.ray], what[hit.ray] = hit.t, _FIRST_SOLID + number, hit.solid
        p = o + d * t[:, None]
        outside = np.flatnonzero(kind == _WEST)
        if len(outside):
            kind[outside[_glazed(p[outside], 0.0)]] = _OUTSIDE
        colour = np.zeros((len(d), 3), np.float32)
        at = np.flatnonzero(kind == _OUTSIDE)
        if len(at):
            colour[at], what[at] = self._window(p[at], d[at], pixel)
        at = np.flatnonzero(kind != _OUTSIDE)
        if len(at):
            colour[at] = self._matter(p[at], d[at], t[at], kind[at], what[at], pixel)
        if not mirrored:
            at = np.flatnonzero(kind == _FLOOR)
            if len(at):
                self._polish(at, p, d, pixel, colour)
            for place, power in self._points:
                colour += self._glow(o, d, t, place, power)
        return colour, kind.astype(np.int32) * 64 + what

    def _polish(self, at, p, d, pixel: float, colour) -> None:
        """What the waxed parquet mirrors; the carpet mirrors nothing."""
        bare = at[~_on_carpet(p[at])]
        if not len(bare):
            return
        bounced = d[bare] * vector(1, -1, 1)
        wave = self.noise.sample(p[bare, 0] * 1.4, p[bare, 2] * 1.4, pixel * 2)
        bounced[:, 0] += 0.012 * wave[:, CLOUD]
        bounced[:, 2] += 0.012 * wave[:, RIDGE]
        seen, _ = self.radiance(p[bare] + vector(0, 1e-3, 0), unit(bounced), pixel * 2, mirrored=True)
        share = 0.05 + 0.55 * (1 - np.clip(-d[bare, 1], 0, 1)) ** 3.5
        colour[bare] = mix(colour[bare], seen, share)

    def _glow(self, o, d, t, place, power) -> np.ndarray:
        """The halo of a lamp in the lens, where nothing stands before it."""
        to = place - o
        away = np.sqrt(dot(to, to))
        mu = dot(d, to / away[:, None])
        halo = (0.05 * np.maximum(mu, 0) ** 60 + 0.10 * np.maximum(mu, 0) ** 900) * (t > away - 0.5)
        return (halo * np.float32(power) * self._lamp_light)[:, None] * _WARM

    def _window(self, p, d, pixel: float) -> tuple[np.ndarray, np.ndarray]:
        """Through a window: its reveal, its bars, and the country outside."""
        which = np.argmin(np.abs(p[:, 2:3] - np.array(_WINDOWS, np.float32)), axis=1)
        # On through the thickness of the wall, to the plane of the glass.
        q = p + d * (_DEEP / np.maximum(-d[:, 0], 1e-3))[:, None]
        u, y = q[:, 2] - np.array(_WINDOWS, np.float32)[which], q[:, 1]
        footprint = pixel * np.sqrt(dot(q - self.eye, q - self.eye))
        glass = (np.abs(u) < _HALF_WINDOW) & (y > _SILL) & (y < _arch(u))
        bars = _bars(u, y, footprint)
        colour = np.zeros_like(p)
        seen = np.flatnonzero(glass & (bars < 0.999))
        if len(seen):
            colour[seen] = self._country(d[seen], pixel)
        paint = vector(0.62, 0.58, 0.50)
        up = 0.55 + 0.45 * (y < _SILL)
        reveal = paint * (0.55 * up)[:, None] * self._through + paint * 0.16 * self._lamp_light * _WARM
        colour = mix(np.where(glass[:, None], colour, reveal), paint * 0.22 * (self._through + 0.4), bars * glass)
        return colour, (which + 8 * ~glass).astype(np.int16)

    def _country(self, d, pixel: float) -> np.ndarray:
        light = self.light
        haze = horizon_haze(d, light)
        colour = clear_sky(d, light)
        up = np.flatnonzero(d[:, 1] > 0)
        if len(up):
            above = colour[up] + sun_disc(d[up], light)
            if light.night > 0:
                above += (stars(d[up], pixel) * light.night * 1.6)[:, None] * vector(0.85, 0.92, 1.0)
            colour[up] = clouds(d[up], light, self.noise, pixel, above)
        low = np.flatnonzero(d[:, 1] < 0.34)
        if len(low):
            colour[low] = far_country(d[low], light, self.noise, pixel, colour[low], haze[low])
        return colour

    def _matter(self, p, d, t, kind, what, pixel: float) -> np.ndarray:
        n = np.zeros_like(p)
        albedo, lamp = np.zeros_like(p), np.zeros_like(p)
        open_ = np.ones(len(t), np.float32)
        footprint = pixel * t
        for wall in range(_OUTSIDE):
            at = np.flatnonzero(kind == wall)
            if len(at):
                n[at] = _NORMALS[wall]
                slant = np.maximum(np.abs(dot(d[at], _NORMALS[wall])), 0.03) ** -0.6
                albedo[at], open_[at] = self._surface(wall, p[at], footprint[at] * slant)
        for number, (solid, paint) in enumerate(self._solids):
            at = np.flatnonzero(kind == _FIRST_SOLID + number)
            if len(at):
                n[at] = solid.normal(p[at], what[at])
                albedo[at], open_[at], lamp[at] = paint(p[at], what[at], footprint[at])
        colour = self._lit(p, n, albedo, open_) + lamp
        return colour

    def _surface(self, wall: int, p, footprint) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = p[:, 0], p[:, 1], p[:, 2]
        if wall == _FLOOR:
            wood = joinery.parquet(x, z, footprint, self.noise)
            on = _on_carpet(p)
            wood[on] = textiles.carpet(x[on] - _CARPET_X, z[on] - _CARPET_Z, footprint[on], self.noise)
            contact = np.ones(len(x), np.float32)
            for solid in self._casters:
                if solid not in (self._vases, self._bouquets, self._palms):
                    contact = contact * solid.contact(p, 0.16)
            return wood, contact
        if wall == _CEILING:
            return joinery.coffers(x + 0.45, z + 0.05, footprint)
        if wall == _EAST:
            return joinery.bookcase(z, y, footprint, self.noise)
        u = z if wall == _WEST else x
        colour = textiles.wallpaper(u, y, footprint, self.noise)
        open_ = np.ones(len(u), np.float32)
        for canvas in _PICTURES.get(wall, ()):
            colour, open_ = canvases.hang(canvas, colour, open_, u, y, footprint, self.noise)
        low = np.flatnonzero(y < 0.96)
        if len(low):
            colour[low], open_[low] = joinery.panels(u[low], y[low], footprint[low], self.noise)
        if wall == _WEST:
            self._frame(p, footprint, colour)
            self._curtains(p, footprint, colour, open_)
        cornice = inside(y - (_HEIGHT - 0.26), footprint)
        step = (
            0.7 + 0.3 * np.sin((y - _HEIGHT) * 48) + 0.2 * (np.abs(to_cell_edge(u / 0.11)) > 0.25) * (y > _HEIGHT - 0.2)
        )
        return mix(colour, joinery.GILT * step[:, None], cornice * 0.85), open_

    def _frame(self, p, footprint, colour) -> None:
        for middle in _WINDOWS:
            u = p[:, 2] - np.float32(middle)
            edge = np.maximum(np.abs(u) - _HALF_WINDOW, np.maximum(_SILL - p[:, 1], p[:, 1] - _arch(u)))
            at = np.flatnonzero(edge < 0.14)
            tone = 0.75 + 0.35 * np.cos(edge[at] * 90)
            colour[at] = mix(
                colour[at], vector(0.60, 0.54, 0.44) * tone[:, None], inside(0.13 - edge[at], footprint[at])
            )

    def _curtains(self, p, footprint, colour, open_) -> None:
        """Silk beside each window, gathered a third up."""
        for middle in _WINDOWS:
            u, y = np.abs(p[:, 2] - np.float32(middle)), p[:, 1]
            tied = np.exp(-(((y - 1.15) / 0.40) ** 2))
            begin = _HALF_WINDOW - 0.05 + 0.10 * tied + 0.10 * smooth(1.15, 3.2, y) * -1
            end = _HALF_WINDOW + 0.40 - 0.14 * tied
            at = np.flatnonzero((u > begin) & (u < end) & (y < 3.36) & (y > 0.04))
            if not len(at):
                continue
            part = (u[at] - begin[at]) / (end[at] - begin[at])
            fold = np.sin(part * 26 + 2.0 * np.sin(y[at] * 1.7 + middle))
            tone = 0.55 + 0.45 * fold
            sheen = self.noise.sample(u[at] * 0.9, y[at] * 0.2 + middle, footprint[at])
            silk = vector(0.34, 0.055, 0.045) * (tone + 0.12 * sheen[:, GRAIN] + 0.12)[:, None]
            colour[at] = mix(silk, joinery.GILT, line(np.abs(y[at] - 1.15), 0.035, footprint[at]))
            open_[at] = 0.55 + 0.45 * tone

    def _lit(self, p, n, albedo, open_) -> np.ndarray:
        light = self.light
        beam = np.clip(dot(n, light.sun), 0, 1) * self._sun_through(p)
        lit = np.flatnonzero(beam > 0.003)
        sun = beam.copy()
        for solid in self._casters:
            if len(lit):
                sun[lit] *= solid.shade(p[lit] + n[lit] * 0.03, light.sun)
        total = sun[:, None] * light.beam * _SUNS
        for middle in _WINDOWS:
            # The window as a small area light: its sky, by the cosines at both ends.
            to = vector(-_HALF_X, 1.85, middle) - p
            away2 = dot(to, to) + 0.5
            facing = np.clip(dot(n, to) / np.sqrt(away2) + 0.12, 0, 1) * np.clip(-to[:, 0] / np.sqrt(away2), 0, 1)
            total += (facing * np.float32(2.7) / (away2 * np.float32(np.pi) * 0.55))[:, None] * self._through
        for place, power in self._points:
            to = place - p
            away2 = dot(to, to) + 0.06
            facing = np.clip(dot(n, to) / np.sqrt(away2) * 0.85 + 0.15, 0, 1)
            total += (facing / away2 * np.float32(power) * self._lamp_light * 0.75)[:, None] * _WARM
        warm = self._through * 0.10 + _WARM * self._lamp_light * 0.14 + light.beam * 0.010
        near = np.minimum(
            np.minimum(_HALF_X - np.abs(p[:, 0]), _HALF_Z - np.abs(p[:, 2])) + 1e3 * (np.abs(n[:, 1]) < 0.9),
            np.minimum(p[:, 1], _HEIGHT - p[:, 1]) + 1e3 * (np.abs(n[:, 1]) > 0.9),
        )
        corner = 1 - 0.45 * np.exp(-np.maximum(near, 0) / 0.30)
        return (
            albedo
            * (total * (0.35 + 0.65 * open_)[:, None] + warm * (open_ * corner)[:, None])
            * corner[:, None] ** 0.5
        )

    def _sun_through(self, p) -> np.ndarray:
        """Share of the sun that comes through a window to `p`, float32 [N]; softer further in."""
        sun = self.light.sun
        if sun[0] > -0.02:
            return np.zeros(len(p), np.float32)
        glass = np.float32(-_HALF_X - _DEEP)
        t = (glass - p[:, 0]) / sun[0]
        q = p + sun * t[:, None]
        soft = 0.008 + 0.010 * t
        total = np.zeros(len(p), np.float32)
        for middle in _WINDOWS:
            u, y = q[:, 2] - np.float32(middle), q[:, 1]
            through = inside(np.minimum(_HALF_WINDOW - np.abs(u), np.minimum(y - _SILL, _arch(u) - y)), soft)
            inner = p + sun * ((-_HALF_X - p[:, 0]) / sun[0])[:, None]
            v, h = inner[:, 2] - np.float32(middle), inner[:, 1]
            through *= inside(np.minimum(_HALF_WINDOW - np.abs(v), np.minimum(h - _SILL, _arch(v) - h)), soft)
            total += through * (1 - _bars(u, y, soft))
        return np.clip(total, 0, 1)

    def _wood(self, p, solid, footprint):
        angle, r, y = self._tables.local(p, solid)
        top = y > 0.72
        fibre = joinery.grain(np.where(top, p[:, 0], angle * 0.1), np.where(top, p[:, 2], y), footprint, self.noise)
        inlay = line(np.abs(r - 0.44), 0.006, footprint) + line(np.abs(r - 0.47), 0.003, footprint)
        star = inside(0.19 + 0.10 * np.cos(8 * angle) - r, footprint)
        wood = joinery.WALNUT * (2.1 * fibre)[:, None]
        wood = mix(wood, joinery.OAK, top * np.clip(inlay + 0.8 * star, 0, 1))
        return wood, 0.5 + 0.5 * smooth(0, 0.5, y) * np.where(top, 1, 0.7), 0

    def _porcelain(self, p, solid, footprint):
        angle, _, y = self._vases.local(p, solid)
        f = footprint / self._vases.scale[solid]
        white, blue = vector(0.74, 0.76, 0.75), vector(0.035, 0.085, 0.36)
        colour = np.broadcast_to(white, (len(y), 3))
        for low, high in ((0.0, 0.02), (0.055, 0.07), (0.455, 0.47), (0.56, 0.575), (0.69, 0.72)):
            colour = mix(colour, blue, inside(np.minimum(y - low, high - y), f))
        turn = angle * (6 / np.pi)
        a, b = (turn - np.rint(turn)) * 0.13, y - 0.30
        r, way = np.hypot(a, b), np.arctan2(a, b)
        bloom = 0.075 * (0.55 + 0.45 * np.abs(np.cos(2.5 * way)))
        colour = mix(colour, blue, inside(bloom - r, f) * (0.45 + 0.55 * smooth(0.0, 0.05, r)))
        colour = mix(colour, blue, 0.85 * line(np.abs(y - 0.30 - 0.085 * np.sin(turn * np.pi)), 0.006, f) * (r > 0.07))
        colour = mix(colour, blue, 0.9 * line(np.abs(to_cell_edge(angle * 12 / np.pi)) * 0.06, 0.005, f) * (y > 0.58))
        return colour, 0.62 + 0.38 * smooth(0, 0.3, y), 0

    def _flowers(self, p, solid, footprint):
        angle, _, y = self._bouquets.local(p, solid)
        cell, row = np.floor(angle * 4.2), np.floor(y / 0.085)
        luck = scatter(cell + 40, row + 9 * solid)
        u, v = (angle * 4.2 - cell - 0.5) * 0.08, (y / 0.085 - row - 0.5) * 0.085
        away, turn = np.hypot(u, v), np.arctan2(u, v)
        petal = inside(0.041 * (0.72 + 0.28 * np.abs(np.cos(2.5 * turn + luck * 6))) - away, footprint)
        hues = np.array([(0.72, 0.10, 0.12), (0.80, 0.52, 0.08), (0.76, 0.68, 0.60), (0.55, 0.14, 0.42)], np.float32)
        leaf, open_ = leaves(angle, y, solid, 0.5, (0.045, 0.10, 0.03), footprint, self.noise)
        colour = mix(
            leaf, hues[(luck * 4).astype(np.int32) % 4] * (0.7 + 0.5 * away / 0.04)[:, None], petal * (luck > 0.18)
        )
        colour = mix(colour, vector(0.45, 0.28, 0.03), inside(0.009 - away, footprint) * (luck > 0.18))
        return colour, np.clip(open_, 0.35, 1), 0

    def _map(self, p, solid, footprint):
        angle, _, y = self._globe.local(p, solid)
        ball = (y > 0.60) & (y < 1.215)
        land = self.noise.sample(angle / (2 * np.pi) + 0.21, (y - 0.6) * 0.55, footprint * 0.4)
        shore = land[:, CLOUD] + 0.2 * land[:, RIDGE]
        sea = vector(0.06, 0.20, 0.26) * np.clip(1 + 0.1 * land[:, GRAIN], 0.6, 1.4)[:, None]
        colour = mix(sea, vector(0.50, 0.36, 0.15), smooth(0.10, 0.16, shore))
        colour = mix(colour, vector(0.22, 0.14, 0.06), line(np.abs(shore - 0.13), 0.03, footprint * 3))
        grid = np.minimum(to_cell_edge(angle * 6 / np.pi) * 0.15, to_cell_edge((y - 0.90) / 0.105) * 0.105)
        colour = mix(colour, vector(0.30, 0.20, 0.10), 0.6 * line(grid, 0.003, footprint))
        brass = joinery.GILT * (0.6 + 0.3 * np.sin(y * 40))[:, None]
        return np.where(ball[:, None], colour, brass), 0.6 + 0.4 * smooth(0, 0.4, y), 0

    def _lamp(self, p, solid, footprint):
        angle, _, y = self._lamps.local(p, solid)
        shade = y > salon_furniture.SHADE
        pleat = 0.85 + 0.15 * np.sin(angle * 48)
        glow = np.exp(-(((y - 1.55) / 0.17) ** 2)) * pleat * (1 - 0.6 * line(np.abs(y - 1.43), 0.012, footprint))
        lamp = (np.where(shade, glow, 0) * self._lamp_light * 1.5)[:, None] * vector(1.0, 0.66, 0.34)
        return np.where(shade[:, None], vector(0.55, 0.40, 0.22), joinery.GILT * 0.7), 0.8 + 0 * y, lamp

    def _silk(self, p, solid, footprint):
        angle, r, y = self._stools.local(p, solid)
        on_top = y > 0.40
        stripe = np.floor(angle * 8 / np.pi) % 2
        colour = mix(_SILKS[solid], vector(0.60, 0.48, 0.28), 0.75 * stripe * ~on_top)
        rays = line(to_cell_edge(angle * 8 / np.pi) * r * 0.39, 0.004, footprint) * on_top
        colour = mix(colour, joinery.GILT, np.clip(rays + line(np.abs(y - 0.385), 0.012, footprint), 0, 1))
        colour = np.where((y < 0.085)[:, None], joinery.WALNUT * 1.6, colour)
        colour = mix(colour, joinery.GILT, inside(0.035 - r, footprint) * on_top)
        return colour, (0.45 + 0.55 * smooth(0, 0.3, y)) * (1 - 0.4 * on_top * np.exp(-r / 0.06)), 0

    def _clay(self, p, solid, footprint):
        angle, _, y = self._pots.local(p, solid)
        zig = 0.24 + 0.06 * (np.abs(to_cell_edge(angle * 7 / np.pi)) * 4 - 1)
        colour = mix(vector(0.10, 0.24, 0.26), vector(0.62, 0.52, 0.34), line(np.abs(y - zig), 0.018, footprint))
        colour = mix(colour, vector(0.62, 0.52, 0.34), line(np.abs(y - 0.09), 0.012, footprint))
        soil = y > 0.468
        return np.where(soil[:, None], vector(0.05, 0.03, 0.02), colour), 0.55 + 0.45 * smooth(0, 0.4, y), 0

    def _leaves(self, p, solid, footprint):
        angle, _, y = self._palms.local(p, solid)
        colour, open_ = leaves(angle, y, solid, 0.9, (0.050, 0.115, 0.030), footprint, self.noise)
        blade = np.abs(np.sin(angle * 9 + 5 * y + 3 * np.sin(3 * y)))
        return colour * (0.55 + 0.7 * blade)[:, None], np.clip(open_, 0.2, 1), 0

    def _brass(self, p, solid, footprint):
        _, _, y = self._chandelier.local(p, solid)
        return joinery.GILT * (0.75 + 0.35 * np.sin(y * 60))[:, None], 0.9 + 0 * y, 0

    def _candle(self, p, solid, footprint):
        _, _, y = self._candles.local(p, solid)
        flame = y > 0.132
        lamp = (np.where(flame, 3.2, 0.25 * smooth(0.02, 0.13, y)) * self._lamp_light)[:, None] * vector(
            1.0, 0.66, 0.30
        )
        return np.broadcast_to(vector(0.70, 0.62, 0.48), p.shape), 0.9 + 0 * y, lamp


_CARPET_X, _CARPET_Z = np.float32(0.25), np.float32(0.30)


def _on_carpet(p) -> np.ndarray:
    return (np.abs(p[:, 0] - _CARPET_X) < textiles.CARPET[1]) & (np.abs(p[:, 2] - _CARPET_Z) < textiles.CARPET[0])


def _meet_walls(o, d) -> tuple[np.ndarray, np.ndarray]:
    """Distance to, and number of, the wall that each ray from inside the room meets."""
    far = np.float32(1e9)
    distance, kind = np.full(len(d), far), np.zeros(len(d), np.int16)
    for axis, low, high, names in (
        (1, np.float32(0), _HEIGHT, (_FLOOR, _CEILING)),
        (0, -_HALF_X, _HALF_X, (_WEST, _EAST)),
        (2, -_HALF_Z, _HALF_Z, (_SOUTH, _NORTH)),
    ):
        way = d[:, axis]
        limit = np.where(way < 0, low, high)
        t = np.where(np.abs(way) > 1e-7, (limit - o[:, axis]) / np.where(np.abs(way) > 1e-7, way, 1), far)
        nearer = t < distance
        distance[nearer] = t[nearer]
        kind[nearer] = np.where(way[nearer] < 0, *names)
    return np.maximum(distance, 1e-4).astype(np.float32), kind


def _arch(u: np.ndarray) -> np.ndarray:
    """Height of a window's upper edge, metres, `u` from its middle: a flat arch."""
    return _LINTEL - 0.35 * (u / _HALF_WINDOW) ** 2


def _glazed(p, margin: float) -> np.ndarray:
    """True where points of the western wall lie in the opening of a window."""
    open_ = np.zeros(len(p), bool)
    for middle in _WINDOWS:
        u = p[:, 2] - np.float32(middle)
        open_ |= (np.abs(u) < _HALF_WINDOW - margin) & (p[:, 1] > _SILL + margin) & (p[:, 1] < _arch(u) - margin)
    return open_


def _bars(u, y, footprint) -> np.ndarray:
    """Share of a pixel that is glazing bar, `u` from the window's middle."""
    upright = line(to_cell_edge(u / _PANE[0]) * _PANE[0], 0.017, footprint)
    level = line(to_cell_edge((y - _SILL) / _PANE[1]) * _PANE[1], 0.014, footprint)
    rim = inside(0.045 - np.minimum(_HALF_WINDOW - np.abs(u), _arch(u) - y), footprint)
    return np.clip(np.maximum(np.maximum(upright, level), rim), 0, 1)
