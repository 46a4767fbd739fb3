"""The sky: a gradient that depends on the sun, two cloud layers on a curved shell, and stars."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.daylight import Daylight
from kiosk.scenery.shared.noise import CLOUD, DRIFT, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.shaping import dot, mix, smooth

_SHELL = 60.0  # radius of the cloud shell in units of its height; makes clouds reach the horizon at a finite distance


def clear_sky(d: np.ndarray, light: Daylight) -> np.ndarray:
    """Radiance of the cloudless sky in unit directions `d`, both float32 [N, 3]. Below the horizon it is haze."""
    up = np.maximum(d[:, 1], 0)
    mu = dot(d, light.afterglow)
    towards = ((1 + mu) * 0.5) ** 3
    low = (1 - up) ** 5
    low += 0.35 * np.exp(-up * 9) * (1 - low)
    base = mix(light.zenith, mix(light.horizon, light.glow, towards), np.clip(low, 0, 1))
    near = np.maximum(mu, 0)
    halo = 0.10 * near**6 + 0.30 * near**40 + 0.9 * near**300
    halo *= (1 - light.night) * np.clip(1 + 12 * light.afterglow[1], 0.2, 1)
    return base + halo[:, None] * light.glow


def sun_disc(d: np.ndarray, light: Daylight) -> np.ndarray:
    """Radiance of the sun (at night the moon), a disk about 1.3 degrees across with a soft edge."""
    mu = dot(d, light.sun)
    disc = smooth(float(np.cos(0.0145)), float(np.cos(0.0095)), mu) * np.float32(abs(light.night - 0.5) > 0.49)
    return disc[:, None] * (light.beam * (3.0 if light.night < 0.5 else 22.0))


def stars(d: np.ndarray, pixel: float) -> np.ndarray:
    """Brightness of the stars, float32 [N]. A star is never smaller than a pixel of `pixel` radians."""
    total = np.zeros(len(d), np.float32)
    for cells, chance in ((34.0, 0.045), (61.0, 0.07)):
        cell = np.floor(d * cells)
        key = cell[:, 0] * 4099 + cell[:, 1] * 131
        luck = scatter(key, cell[:, 2])
        center = np.stack([scatter(key + 17 * k, cell[:, 2] + k) for k in (1, 2, 3)], -1)
        position = cell + 0.3 + 0.4 * center
        length = np.sqrt(dot(position, position))
        # Only cells that intersect the unit sphere have a star on it.
        away = position / length[:, None] - d
        size = max(pixel * 0.8, 0.0016)
        spot = np.exp(-dot(away, away) / size**2) * (np.abs(length / cells - 1) < 0.35 / cells)
        total += np.where(luck < chance, spot * (0.10 + 0.90 * (luck / chance) ** 6), 0) * (0.0016 / size) ** 1.3
    return total


def clouds(d: np.ndarray, light: Daylight, noise: Noise, pixel: float, sky: np.ndarray) -> np.ndarray:
    """Draw clouds over `sky` [N, 3] for directions above the horizon (`d` [N, 3], d_y > 0).

    A cumulus layer of fractal density with sharp crests, lit by the amount of cloud toward the sun, and streaky cirrus
    above it.
    """
    e = d[:, 1]
    distance = np.sqrt((_SHELL * e) ** 2 + 2 * _SHELL + 1) - _SHELL * e
    x, z = d[:, 0] * distance, d[:, 2] * distance
    footprint = pixel * distance * np.sqrt(1 + (distance * (1 - e)) ** 2) * 0.7

    high = noise.sample(x * 0.035 + z * 0.022 + 0.3, z * 0.11 - x * 0.07 + 0.6, footprint * 0.11)
    wisps = smooth(0.1, 2.2, high[:, CLOUD] + 0.55 * high[:, RIDGE]) * 0.55
    mu = dot(d, light.afterglow)
    near = np.maximum(mu, 0)
    towards = ((1 + mu) * 0.5) ** 2
    fair = mix(light.horizon * 1.25, light.glow * 1.15, towards)
    sky = mix(sky, fair + light.beam * 0.055, wisps)

    scale = 0.115
    u, v = x * scale + 0.13, z * scale + 0.71
    warp = noise.sample(u * 2.0 + 0.4, v * 2.0 + 0.1, footprint * scale * 2)
    u, v = u + 0.010 * warp[:, DRIFT], v + 0.010 * warp[:, CLOUD]
    here = _density(noise, u, v, footprint * scale)
    cover = smooth(0.0, 0.75, here)
    thick = np.clip(here * 0.55, 0, 1.4)
    flat = light.sun[[0, 2]] / max(float(np.hypot(light.sun[0], light.sun[2])), 1e-3)
    shade = np.zeros_like(e)
    for step, weight in ((0.010, 0.55), (0.028, 0.6)):
        ahead = _density(noise, u + flat[0] * step, v + flat[1] * step, footprint * scale)
        shade += weight * np.clip(ahead - 0.05 - 0.45 * here, -0.4, 2)
    lit = np.exp(-np.maximum(shade + 0.55 * thick, 0) * 1.35)
    rim = near**10 * np.exp(-thick * 3.5)
    dark = mix(light.zenith, light.horizon, 0.55) * 0.55 + light.glow * (0.08 + 0.12 * towards)[:, None]
    bright = light.beam * 0.36 + light.glow * 0.25 + light.horizon * 0.25
    color = mix(dark, bright, lit) + light.beam * (0.45 * rim)[:, None]
    # Distant clouds fade into haze.
    haze = np.exp(-((distance / 7.5) ** 2))
    return mix(sky, color, cover * np.clip(haze * 1.1, 0, 1) * 0.96)


def _density(noise: Noise, u: np.ndarray, v: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    coarse = noise.sample(u, v, footprint)
    fine = noise.sample(u * 3.7 + 0.2, v * 3.7 + 0.8, footprint * 3.7)
    return coarse[:, CLOUD] - 0.20 * fine[:, RIDGE] + 0.16 * fine[:, CLOUD] + 0.04 * fine[:, GRAIN]
