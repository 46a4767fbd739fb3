"""The room's woodwork: parquet, wall panels, bookcases and the coffered ceiling."""

from __future__ import annotations

import numpy as np

from kiosk.scenery.shared.noise import CLOUD, GRAIN, RIDGE, Noise, scatter
from kiosk.scenery.shared.shaping import inside, line, mix, smooth, to_cell_edge, vector

OAK, WALNUT, GILT = vector(0.42, 0.24, 0.11), vector(0.13, 0.060, 0.028), vector(0.70, 0.46, 0.16)
_BLOCK, _PLANKS = 0.56, 5
_SHELF, _BAY = 0.37, 0.92
_COFFER = 0.9
_CLOTHS = np.array(
    [
        (0.33, 0.05, 0.04), (0.06, 0.12, 0.26), (0.07, 0.20, 0.12), (0.40, 0.26, 0.10), (0.16, 0.07, 0.05),
        (0.50, 0.42, 0.28), (0.22, 0.05, 0.16), (0.08, 0.22, 0.26), (0.55, 0.18, 0.05), (0.05, 0.05, 0.07),
    ],
    np.float32,
)  # fmt: skip


def grain(u: np.ndarray, v: np.ndarray, footprint: np.ndarray, noise: Noise) -> np.ndarray:
    """Brightness [N] of wood grain along `v`, around 1. `u`, `v` in meters."""
    fiber = noise.sample(u * 2.6, v * 0.16, footprint * 2.6)
    return np.clip(1 + 0.16 * fiber[:, GRAIN] + 0.14 * fiber[:, CLOUD] + 0.08 * fiber[:, RIDGE], 0.5, 1.5)


def parquet(x: np.ndarray, z: np.ndarray, footprint: np.ndarray, noise: Noise) -> np.ndarray:
    """Albedo [N, 3] of oak parquet in squares of five planks, each at a right angle to its neighbors; `x`, `z` in
    meters."""
    column, row = np.floor(x / _BLOCK), np.floor(z / _BLOCK)
    turned = (column + row) % 2 == 1
    across, along = np.where(turned, z, x), np.where(turned, x, z)
    plank = np.floor(across / _BLOCK * _PLANKS)
    tone = scatter(plank + 500 * turned, np.floor(along / _BLOCK))
    wood = grain(across + 0.37 * plank, along + tone, footprint, noise)
    joint = np.maximum(
        line(to_cell_edge(across / _BLOCK * _PLANKS) * _BLOCK / _PLANKS, 0.0012, footprint),
        line(to_cell_edge(along / _BLOCK) * _BLOCK, 0.0016, footprint),
    )
    return OAK * ((0.70 + 0.55 * tone) * wood * (1 - 0.7 * joint))[:, None]


def panels(u: np.ndarray, y: np.ndarray, footprint: np.ndarray, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Albedo [N, 3] and openness [N] of walnut panels up to 0.95 m, with a baseboard and a chair rail."""
    pitch = 0.78
    cell = np.floor(u / pitch)
    a = np.abs(u / pitch - cell - 0.5) * pitch
    edge = np.minimum(pitch / 2 - 0.09 - a, np.minimum(y - 0.24, 0.78 - y))
    groove = line(np.abs(edge), 0.010, footprint) + 0.7 * line(np.abs(edge - 0.045), 0.006, footprint)
    rail = np.maximum(line(np.abs(y - 0.93), 0.018, footprint), line(np.abs(y - 0.15), 0.012, footprint))
    raised = inside(edge - 0.045, footprint)
    fiber = np.where(edge > 0, grain(u + cell, y, footprint, noise), grain(y, u, footprint, noise))
    albedo = WALNUT * ((1.0 + 0.35 * raised + 0.9 * rail) * fiber)[:, None]
    return albedo, 1 - 0.55 * np.clip(groove, 0, 1)


def bookcase(u: np.ndarray, y: np.ndarray, footprint: np.ndarray, noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Albedo [N, 3] and openness [N] of full bookshelves, `u` meters along the wall."""
    shelf, bay = np.floor((y - 0.12) / _SHELF), np.floor(u / _BAY)
    h = (y - 0.12) - shelf * _SHELF
    b = np.abs(u / _BAY - bay - 0.5) * _BAY
    # Each slot of 9 cm holds two spines of different width.
    slot = np.floor(u / 0.09)
    share = 0.35 + 0.3 * scatter(slot, shelf)
    second = u / 0.09 - slot > share
    book = slot * 2 + second
    middle = np.where(second, (1 + share) / 2, share / 2)
    half = np.where(second, (1 - share) / 2, share / 2) * 0.09
    aside = (u / 0.09 - slot - middle) * 0.09
    luck = scatter(book, shelf + 31)
    tall = 0.20 + 0.115 * scatter(book, shelf + 77)
    cloth = _CLOTHS[(luck * len(_CLOTHS)).astype(np.int32) % len(_CLOTHS)]
    # Books of a series stand together.
    series = scatter(np.floor(book / 7), shelf + 5)
    cloth = np.where((series > 0.55)[:, None], _CLOTHS[(series * 97).astype(np.int32) % len(_CLOTHS)], cloth)
    tall = np.where(series > 0.55, 0.22 + 0.07 * series, tall)
    round_ = np.sqrt(np.clip(1 - (aside / half) ** 2, 0.05, 1))
    worn = noise.sample(u * 1.3, y * 1.3, footprint * 1.3)
    cloth = cloth * (np.clip(1 + 0.2 * worn[:, CLOUD] + 0.15 * worn[:, GRAIN], 0.5, 1.6))[:, None]
    band = np.minimum(np.abs(h - tall * 0.82), np.abs(h - tall * 0.18))
    label = inside(0.022 - np.abs(h - tall * 0.62), footprint) * (luck > 0.45)
    cloth = mix(cloth, GILT, 0.8 * line(band, 0.0035, footprint))
    cloth = mix(cloth, vector(0.05, 0.035, 0.03), 0.75 * label)
    cloth = mix(cloth, GILT, 0.7 * label * line(np.abs(np.abs(h - tall * 0.62) - 0.009), 0.003, footprint))
    is_book = (h < tall) & (luck > 0.04)
    back = WALNUT * 0.5
    albedo = np.where(is_book[:, None], cloth, back)
    open_ = np.where(is_book, 0.30 + 0.65 * round_, 0.22) * (1 - 0.45 * smooth(0.24, 0.36, h))
    board = np.maximum(inside(0.016 - np.minimum(h, _SHELF - h), footprint), inside(b - (_BAY / 2 - 0.028), footprint))
    frame = WALNUT * (1.6 * grain(y + u, u * 0.2 + y * 0.2, footprint, noise))[:, None]
    return mix(albedo, frame, board), open_ + (1 - open_) * board


def coffers(x: np.ndarray, z: np.ndarray, footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Albedo [N, 3] and openness [N] of a painted ceiling with square coffers and a gilded rose in each."""
    a, b = to_cell_edge(x / _COFFER + 0.5) * _COFFER, to_cell_edge(z / _COFFER + 0.5) * _COFFER
    u, v = (x / _COFFER - np.rint(x / _COFFER)) * _COFFER, (z / _COFFER - np.rint(z / _COFFER)) * _COFFER
    edge = np.minimum(a, b)
    beam = inside(0.075 - edge, footprint)
    r, turn = np.hypot(u, v), np.arctan2(u, v)
    petal = inside(0.20 * (0.62 + 0.38 * np.abs(np.cos(4 * turn))) - r, footprint)
    vein = line(to_cell_edge(turn * 4 / np.pi) * r, 0.006, footprint) * petal
    heart = inside(0.05 - r, footprint)
    ring = line(np.abs(r - 0.255), 0.012, footprint)
    field = mix(vector(0.045, 0.10, 0.19), vector(0.08, 0.17, 0.27), smooth(0.1, 0.4, edge))
    color = mix(field, GILT, np.maximum(ring, petal * (0.85 - 0.5 * vein)))
    color = mix(color, vector(0.55, 0.12, 0.06), heart)
    lip = line(np.abs(edge - 0.085), 0.010, footprint) + 0.8 * line(np.abs(edge - 0.125), 0.006, footprint)
    color = mix(mix(color, GILT, np.clip(lip, 0, 1) * 0.9), vector(0.58, 0.50, 0.38), beam)
    return color, np.where(edge < 0.075, 1.0, 0.60 + 0.4 * smooth(0.075, 0.22, edge))
