"""The salon: a room with three tall windows, a wall of books, pictures, a carpet and a candle-lit chandelier."""

from __future__ import annotations

from functools import partial

import numpy as np

from kiosk.scenery.salon import canvases, finishes, furniture, joinery, textiles
from kiosk.scenery.salon import room as room
from kiosk.scenery.shared.backdrop import backdrop
from kiosk.scenery.shared.daylight import daylight
from kiosk.scenery.shared.fan import Fan
from kiosk.scenery.shared.horizon import horizon_haze
from kiosk.scenery.shared.noise import CLOUD, GRAIN, RIDGE, Noise
from kiosk.scenery.shared.revolution import Revolution
from kiosk.scenery.shared.shaping import dot, inside, line, mix, smooth, to_cell_edge, unit, vector

_SUNS, _WARM = np.float32(0.9), vector(1.0, 0.52, 0.20)


class Salon:
    """The salon at `time` (hours of the day). `seed` varies clouds and plants."""

    eye = vector(0.25, 1.60, 0.45)
    heading = -2.55  # the table before the pictures; the photo's edges meet on books and wallpaper

    def __init__(self, seed: int, time: float) -> None:
        self.noise = Noise(seed)
        self.light = daylight(time)
        lamps = furniture.lamps()
        self._lamps, self._candles = lamps, furniture.candles()
        self._chandelier = furniture.chandelier()
        self._globe, self._stools = furniture.globe(), furniture.stools()
        self._vases, self._bouquets, self._palms = (
            furniture.vases(),
            furniture.bouquets(self.noise),
            furniture.palms(self.noise),
        )
        self._tables, self._pots = furniture.tables(), furniture.pots()
        self._casters: tuple[Revolution, ...] = (
            self._tables, self._vases, self._bouquets, self._globe, self._lamps, self._stools, self._pots, self._palms,
        )  # fmt: skip
        # Daylight through the windows, with a camera's automatic exposure. The lamps are always on.
        sky = (self.light.zenith + 2 * self.light.horizon + self.light.glow) / 4
        self._through = sky
        day = float((sky + 0.12 * self.light.beam * max(0.0, -float(self.light.sun[0]))).mean())
        self._lamp_light = np.float32(0.25 + 0.55 * day)
        self.exposure = 2.0 / (day + 0.9 * float(self._lamp_light) + 0.02)
        self._solids = (
            (self._tables, partial(finishes.wood, self._tables, self.noise)),
            (self._vases, partial(finishes.porcelain, self._vases)),
            (self._bouquets, partial(finishes.flowers, self._bouquets, self.noise)),
            (self._globe, partial(finishes.globe, self._globe, self.noise)),
            (self._lamps, partial(finishes.lamp, self._lamps, self._lamp_light)),
            (self._stools, partial(finishes.silk, self._stools)),
            (self._pots, partial(finishes.clay, self._pots)),
            (self._palms, partial(finishes.palm, self._palms, self.noise)),
            (self._chandelier, partial(finishes.brass, self._chandelier)),
            (self._candles, partial(finishes.candle, self._candles, self._lamp_light)),
        )
        self._points = [
            *((np.array(foot, np.float32) + vector(0, 1.58, 0), 1.0) for foot in furniture.LAMPS),
            (np.array(furniture.CHANDELIER, np.float32) + vector(0, 0.52, 0), 1.9),
        ]

    def radiance(self, o: np.ndarray, d: np.ndarray, pixel: float, mirrored: bool = False):
        """Radiance arriving at `o` from unit directions `d` (float32 [N, 3]) for pixels `pixel` radians wide.

        Unless `mirrored`, all rays must start at one point. Returns linear RGB, float32 [N, 3], and an object id per
        ray [N].
        """
        t, kind = room.meet_walls(o, d)
        what = np.zeros(len(d), np.int16)
        fan = None if mirrored else Fan(o[0], d)
        for number, (solid, _) in enumerate(self._solids):
            hit = solid.meet(o, d, t, fan)
            t[hit.ray], kind[hit.ray], what[hit.ray] = hit.t, room.FIRST_SOLID + number, hit.solid
        p = o + d * t[:, None]
        outside = np.flatnonzero(kind == room.WEST)
        if len(outside):
            kind[outside[room.glazed(p[outside])]] = room.OUTSIDE
        color = np.zeros((len(d), 3), np.float32)
        at = np.flatnonzero(kind == room.OUTSIDE)
        if len(at):
            color[at], what[at] = self._window(p[at], d[at], pixel)
        at = np.flatnonzero(kind != room.OUTSIDE)
        if len(at):
            color[at] = self._matter(p[at], d[at], t[at], kind[at], what[at], pixel)
        if not mirrored:
            at = np.flatnonzero(kind == room.FLOOR)
            if len(at):
                self._polish(at, p, d, pixel, color)
            for place, power in self._points:
                color += self._glow(o, d, t, place, power)
        return color, kind.astype(np.int32) * 64 + what

    def _polish(self, at, p, d, pixel: float, color) -> None:
        """Add reflections on the waxed parquet, except on the carpet."""
        bare = at[~room.on_carpet(p[at])]
        if not len(bare):
            return
        bounced = d[bare] * vector(1, -1, 1)
        wave = self.noise.sample(p[bare, 0] * 1.4, p[bare, 2] * 1.4, pixel * 2)
        bounced[:, 0] += 0.012 * wave[:, CLOUD]
        bounced[:, 2] += 0.012 * wave[:, RIDGE]
        seen, _ = self.radiance(p[bare] + vector(0, 1e-3, 0), unit(bounced), pixel * 2, mirrored=True)
        share = 0.05 + 0.55 * (1 - np.clip(-d[bare, 1], 0, 1)) ** 3.5
        color[bare] = mix(color[bare], seen, share)

    def _glow(self, o, d, t, place, power) -> np.ndarray:
        """Lens glare of a lamp, unless it is hidden."""
        to = place - o
        away = np.sqrt(dot(to, to))
        mu = dot(d, to / away[:, None])
        halo = (0.05 * np.maximum(mu, 0) ** 60 + 0.10 * np.maximum(mu, 0) ** 900) * (t > away - 0.5)
        return (halo * np.float32(power) * self._lamp_light)[:, None] * _WARM

    def _window(self, p, d, pixel: float) -> tuple[np.ndarray, np.ndarray]:
        """The view through a window: the reveal, the bars, and the landscape outside."""
        which = np.argmin(np.abs(p[:, 2:3] - np.array(room.WINDOWS, np.float32)), axis=1)
        # Continue through the wall's thickness to the plane of the glass.
        q = p + d * (room.DEEP / np.maximum(-d[:, 0], 1e-3))[:, None]
        u, y = q[:, 2] - np.array(room.WINDOWS, np.float32)[which], q[:, 1]
        footprint = pixel * np.sqrt(dot(q - self.eye, q - self.eye))
        glass = (np.abs(u) < room.HALF_WINDOW) & (y > room.SILL) & (y < room.arch(u))
        bars = room.bars(u, y, footprint)
        color = np.zeros_like(p)
        seen = np.flatnonzero(glass & (bars < 0.999))
        if len(seen):
            color[seen] = backdrop(d[seen], self.light, self.noise, pixel, horizon_haze(d[seen], self.light))
        paint = vector(0.62, 0.58, 0.50)
        up = 0.55 + 0.45 * (y < room.SILL)
        reveal = paint * (0.55 * up)[:, None] * self._through + paint * 0.16 * self._lamp_light * _WARM
        color = mix(np.where(glass[:, None], color, reveal), paint * 0.22 * (self._through + 0.4), bars * glass)
        return color, (which + 8 * ~glass).astype(np.int16)

    def _matter(self, p, d, t, kind, what, pixel: float) -> np.ndarray:
        n = np.zeros_like(p)
        albedo, lamp = np.zeros_like(p), np.zeros_like(p)
        open_ = np.ones(len(t), np.float32)
        footprint = pixel * t
        for wall in range(room.OUTSIDE):
            at = np.flatnonzero(kind == wall)
            if len(at):
                n[at] = room.NORMALS[wall]
                slant = np.maximum(np.abs(dot(d[at], room.NORMALS[wall])), 0.03) ** -0.6
                albedo[at], open_[at] = self._surface(wall, p[at], footprint[at] * slant)
        for number, (solid, paint) in enumerate(self._solids):
            at = np.flatnonzero(kind == room.FIRST_SOLID + number)
            if len(at):
                n[at] = solid.normal(p[at], what[at])
                albedo[at], open_[at], lamp[at] = paint(p[at], what[at], footprint[at])
        color = self._lit(p, n, albedo, open_) + lamp
        return color

    def _surface(self, wall: int, p, footprint) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = p[:, 0], p[:, 1], p[:, 2]
        if wall == room.FLOOR:
            wood = joinery.parquet(x, z, footprint, self.noise)
            on = room.on_carpet(p)
            wood[on] = textiles.carpet(x[on] - room.CARPET_X, z[on] - room.CARPET_Z, footprint[on], self.noise)
            contact = np.ones(len(x), np.float32)
            for solid in self._casters:
                if solid not in (self._vases, self._bouquets, self._palms):
                    contact = contact * solid.contact(p, 0.16)
            return wood, contact
        if wall == room.CEILING:
            return joinery.coffers(x + 0.45, z + 0.05, footprint)
        if wall == room.EAST:
            return joinery.bookcase(z, y, footprint, self.noise)
        u = z if wall == room.WEST else x
        color = textiles.wallpaper(u, y, footprint, self.noise)
        open_ = np.ones(len(u), np.float32)
        for canvas in room.PICTURES.get(wall, ()):
            color, open_ = canvases.hang(canvas, color, open_, u, y, footprint, self.noise)
        low = np.flatnonzero(y < 0.96)
        if len(low):
            color[low], open_[low] = joinery.panels(u[low], y[low], footprint[low], self.noise)
        if wall == room.WEST:
            self._frame(p, footprint, color)
            self._curtains(p, footprint, color, open_)
        cornice = inside(y - (room.HEIGHT - 0.26), footprint)
        dentils = (np.abs(to_cell_edge(u / 0.11)) > 0.25) * (y > room.HEIGHT - 0.2)
        step = 0.7 + 0.3 * np.sin((y - room.HEIGHT) * 48) + 0.2 * dentils
        return mix(color, joinery.GILT * step[:, None], cornice * 0.85), open_

    def _frame(self, p, footprint, color) -> None:
        for middle in room.WINDOWS:
            u = p[:, 2] - np.float32(middle)
            edge = np.maximum(np.abs(u) - room.HALF_WINDOW, np.maximum(room.SILL - p[:, 1], p[:, 1] - room.arch(u)))
            at = np.flatnonzero(edge < 0.14)
            tone = 0.75 + 0.35 * np.cos(edge[at] * 90)
            color[at] = mix(color[at], vector(0.60, 0.54, 0.44) * tone[:, None], inside(0.13 - edge[at], footprint[at]))

    def _curtains(self, p, footprint, color, open_) -> None:
        """Silk beside each window, gathered a third up."""
        for middle in room.WINDOWS:
            u, y = np.abs(p[:, 2] - np.float32(middle)), p[:, 1]
            tied = np.exp(-(((y - 1.15) / 0.40) ** 2))
            begin = room.HALF_WINDOW - 0.05 + 0.10 * tied + 0.10 * smooth(1.15, 3.2, y) * -1
            end = room.HALF_WINDOW + 0.40 - 0.14 * tied
            at = np.flatnonzero((u > begin) & (u < end) & (y < 3.36) & (y > 0.04))
            if not len(at):
                continue
            part = (u[at] - begin[at]) / (end[at] - begin[at])
            fold = np.sin(part * 26 + 2.0 * np.sin(y[at] * 1.7 + middle))
            tone = 0.55 + 0.45 * fold
            sheen = self.noise.sample(u[at] * 0.9, y[at] * 0.2 + middle, footprint[at])
            silk = vector(0.34, 0.055, 0.045) * (tone + 0.12 * sheen[:, GRAIN] + 0.12)[:, None]
            color[at] = mix(silk, joinery.GILT, line(np.abs(y[at] - 1.15), 0.035, footprint[at]))
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
        for middle in room.WINDOWS:
            # The window as a small area light: sky radiance times the cosines at both ends.
            to = vector(-room.HALF_X, 1.85, middle) - p
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
            np.minimum(room.HALF_X - np.abs(p[:, 0]), room.HALF_Z - np.abs(p[:, 2])) + 1e3 * (np.abs(n[:, 1]) < 0.9),
            np.minimum(p[:, 1], room.HEIGHT - p[:, 1]) + 1e3 * (np.abs(n[:, 1]) > 0.9),
        )
        corner = 1 - 0.45 * np.exp(-np.maximum(near, 0) / 0.30)
        return (
            albedo
            * (total * (0.35 + 0.65 * open_)[:, None] + warm * (open_ * corner)[:, None])
            * corner[:, None] ** 0.5
        )

    def _sun_through(self, p) -> np.ndarray:
        """Fraction of sunlight that reaches `p` through a window, float32 [N]. Edges are softer farther inside."""
        sun = self.light.sun
        if sun[0] > -0.02:
            return np.zeros(len(p), np.float32)
        glass = np.float32(-room.HALF_X - room.DEEP)
        t = (glass - p[:, 0]) / sun[0]
        q = p + sun * t[:, None]
        soft = 0.008 + 0.010 * t
        total = np.zeros(len(p), np.float32)
        for middle in room.WINDOWS:
            u, y = q[:, 2] - np.float32(middle), q[:, 1]
            through = inside(room.within_window(u, y), soft)
            inner = p + sun * ((-room.HALF_X - p[:, 0]) / sun[0])[:, None]
            v, h = inner[:, 2] - np.float32(middle), inner[:, 1]
            through *= inside(room.within_window(v, h), soft)
            total += through * (1 - room.bars(u, y, soft))
        return np.clip(total, 0, 1)
