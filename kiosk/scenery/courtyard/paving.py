"""The floor of the plaza: a marble compass rose in the middle, rings of flagstones, grass beyond."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.noise import CLOUD, DRIFT, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.shaping import inside, line, mix, smooth, to_cell_edge, vector

DAIS = 2.5  # radius of the island in the pool
POOL = 5.5  # outer radius of the pool
TERRACE = 12.4  # where the stone ends
_IVORY = vector(0.70, 0.62, 0.48)
_ROSE = 0.8 * DAIS  # radius of the mosaic
_LAPIS = vector(0.040, 0.075, 0.135)
_OCHRE = vector(0.50, 0.335, 0.14)
_TERRACOTTA = vector(0.33, 0.135, 0.085)
_SEA = vector(0.17, 0.25, 0.22)
_STONE = vector(0.56, 0.475, 0.365)


def floor(x: np.ndarray, z: np.ndarray, footprint: np.ndarray, noise: Noise) -> np.ndarray:
    """Albedo (linear RGB, float32 [N, 3]) of the ground at `x`, `z` (meters) for pixels `footprint` meters wide."""
    r, angle = np.hypot(x, z), np.arctan2(x, z)
    grain = noise.sample(x * 0.31, z * 0.31, footprint * 0.31)
    result = np.empty((len(x), 3), np.float32)
    parts = (
        (r < _ROSE, _rose),
        ((r >= _ROSE) & (r < TERRACE), _flags),
        (r >= TERRACE, _grass),
    )
    for chosen, paint in parts:
        at = np.flatnonzero(chosen)
        if len(at):
            result[at] = paint(r[at], angle[at], x[at], z[at], footprint[at], grain[at], noise)
    return result


def _rose(r, angle, x, z, footprint, grain, noise) -> np.ndarray:
    """A compass rose of two eight-pointed stars, each ray half light and half dark, in rings of mosaic."""
    r, footprint = r * np.float32(3.1 / DAIS), footprint * np.float32(3.1 / DAIS)
    color = np.broadcast_to(_IVORY, (len(r), 3)).copy()
    turn = angle / np.float32(2 * np.pi)
    arc = np.maximum(footprint, 1e-4)
    color = mix(color, _LAPIS, inside(1.78 - r, arc))
    for shift, reach, light, dark in ((0.5, 1.36, _SEA, _SEA * 0.45), (0.0, 1.72, _OCHRE, _TERRACOTTA)):
        ray = turn * 8 + shift
        off = ray - np.rint(ray)
        edge = 0.42 + (reach - 0.42) * np.clip(1 - 2 * np.abs(off), 0, 1) ** 1.25
        half = inside(off * r * (2 * np.pi / 8), arc)
        color = mix(color, mix(light, dark, half), inside(edge - r, arc * 1.5))
    color = mix(color, _IVORY, inside(0.40 - r, arc))
    petals = 0.30 * np.abs(np.cos(angle * 6)) ** 0.6 + 0.05
    color = mix(color, _TERRACOTTA, inside(petals - r, arc))
    color = mix(color, _OCHRE, inside(0.09 - r, arc))
    # A wave border between two dark lines.
    wave = 1.98 + 0.085 * np.sin(angle * 32)
    color = mix(color, _TERRACOTTA, inside(0.055 - np.abs(r - wave), arc))
    dots = np.hypot((turn * 32 - 0.25 - np.rint(turn * 32 - 0.25)) * (2 * np.pi * 2.08 / 32), r - 2.09)
    color = mix(color, _LAPIS, inside(0.04 - dots, arc))
    for ring in (1.80, 2.20, 2.44):
        color = mix(color, _LAPIS * 0.5, line(np.abs(r - ring), 0.022, footprint))
    diamonds = np.abs(to_cell_edge(turn * 40)) * 2 * (2 * np.pi * 2.32 / 40) / 2 + np.abs(r - 2.32)
    color = mix(color, _OCHRE, inside(0.10 - diamonds, arc))
    # Tesserae: rings of small stones in varying shades, with grout between.
    row = np.floor(r / 0.034)
    count = np.maximum(np.rint(2 * np.pi * (row + 0.5)), 6)
    column = np.floor(turn * count)
    fade = np.clip(0.034 / footprint * 1.2 - 0.5, 0, 1)
    tone = 1 + (scatter(row, column) - 0.5) * 0.46 * fade
    grout = np.maximum(
        line(to_cell_edge(r / 0.034) * 0.034, 0.0025, footprint),
        line(to_cell_edge(turn * count) * (2 * np.pi / count) * r, 0.0025, footprint),
    )
    worn = 1 + 0.16 * grain[:, CLOUD] + 0.10 * grain[:, DRIFT] + 0.06 * grain[:, GRAIN]
    color = color * (tone * np.clip(worn, 0.5, 1.4))[:, None]
    dust = np.clip(0.16 + 0.12 * grain[:, DRIFT], 0, 0.5)
    color = mix(color, _STONE * 0.8, dust)
    return mix(color, vector(0.20, 0.17, 0.14), np.clip(grout * 0.7, 0, 1))


def _flags(r, angle, x, z, footprint, grain, noise) -> np.ndarray:
    """Rings of flagstones with staggered joints, cracks, stains, and moss in damp places."""
    deep = 0.50
    row = np.floor((r - (_ROSE)) / deep)
    middle = _ROSE + (row + 0.5) * deep
    count = np.rint(2 * np.pi * middle / 0.86)
    turn = angle / np.float32(2 * np.pi) * count + row * 0.5
    column = np.floor(turn) % count
    to_ring = np.abs(to_cell_edge((r - (_ROSE)) / deep)) * deep
    to_side = to_cell_edge(turn) * (2 * np.pi / count) * r
    wobble = 0.006 * grain[:, GRAIN]
    tone = scatter(row, column)
    tint = scatter(row + 91, column)
    color = _STONE * (0.74 + 0.46 * tone)[:, None]
    color = mix(color, vector(0.52, 0.33, 0.22), 0.5 * (tint > 0.80))
    color = mix(color, vector(0.33, 0.34, 0.34), 0.45 * (tint < 0.13))
    dark_ring = (row == 8) | (row == 13) | (row == 18)
    color = mix(color, vector(0.25, 0.20, 0.17) * (0.8 + 0.5 * tone)[:, None], 0.8 * dark_ring)
    veins = noise.sample(x * 0.11 + tone * 7, z * 0.11 + tint * 7, footprint * 0.11)
    mottled = 1 + 0.11 * veins[:, CLOUD] + 0.09 * grain[:, GRAIN] + 0.09 * grain[:, CLOUD]
    color = color * np.clip(mottled, 0.45, 1.5)[:, None]
    cracks = smooth(0.045, 0.0, np.abs(veins[:, DRIFT])) * (tint > 0.55) * np.clip(0.02 / footprint, 0, 1)
    joint = np.maximum(line(to_ring + wobble, 0.012, footprint), line(to_side + wobble, 0.012, footprint))
    near = np.exp(-np.minimum(to_ring, to_side) / 0.05)
    damp = smooth(0.35, 1.5, veins[:, CLOUD] + 0.5 * grain[:, RIDGE] + 0.8 * smooth(1.2, 0.0, np.abs(r - POOL)) * 0.9)
    moss = np.clip(damp * (0.25 + 0.9 * near) + 0.5 * joint * smooth(-0.6, 0.9, veins[:, CLOUD]), 0, 1)
    color = color * (1 - 0.75 * np.maximum(joint, 0.7 * cracks))[:, None]
    green = vector(0.105, 0.145, 0.035) * (1 + 0.4 * grain[:, GRAIN])[:, None]
    return mix(color, np.clip(green, 0, 1), moss * 0.8)


def _grass(r, angle, x, z, footprint, grain, noise) -> np.ndarray:
    """Dry summer grass with flowers, and a curb at the edge of the terrace."""
    wide = noise.sample(x * 0.03, z * 0.03, footprint * 0.03)
    fine = noise.sample(x * 0.9, z * 0.9, footprint * 0.9)
    green = mix(vector(0.115, 0.150, 0.038), vector(0.33, 0.25, 0.095), smooth(-0.9, 1.4, wide[:, CLOUD]))
    blades = 1 + 0.34 * fine[:, GRAIN] + 0.22 * grain[:, RIDGE] + 0.18 * fine[:, CLOUD]
    color = green * np.clip(blades, 0.2, 2.2)[:, None]
    cell_x, cell_z = np.floor(x / 0.22), np.floor(z / 0.22)
    luck = scatter(cell_x, cell_z)
    spot = np.hypot(x / 0.22 - cell_x - 0.5, z / 0.22 - cell_z - 0.5) * 0.22
    flower = inside(0.05 - spot, footprint) * (luck < 0.10 * smooth(-0.3, 1.0, wide[:, DRIFT]))
    petal = np.where((luck < 0.03)[:, None], vector(0.75, 0.10, 0.06), vector(0.85, 0.72, 0.55))
    color = mix(color, petal, flower * np.clip(0.12 / footprint, 0, 1))
    return mix(color, _STONE * 0.85, inside(TERRACE + 0.35 - r, footprint))
