"""Join what was laid side by side: gradients stay, jumps between neighboring pieces and at the photo's border vanish.

After Perez, Gangnet and Blake, "Poisson Image Editing", 2003. The equation is screened: colors may be pulled toward
their neighbors within REACH, but do not drift around the sphere.
"""

from __future__ import annotations

import numpy as np

from kiosk.sphere.grid import latitude
from kiosk.sphere.world.frames import directions
from kiosk.sphere.world.quilt import Quilted
from kiosk.sphere.world.sources import Small, listed, padded, sample

REACH = np.radians(20)
"""How far a jump is spread."""
WIDE = np.radians(90)
"""The same for cells, whose colors mean little."""
EDGE = 110.0
"""Size of a jump in RGB, in 8-bit levels, of which half is spread; of larger ones less."""
ROUNDS = 60
"""Steps of the conjugate gradient method."""


def join(photo: Small, quilted: Quilted) -> np.ndarray:
    """The colors of the whole small sphere, float32 [H, W, 3], 0..255."""
    height, width = quilted.label.shape
    toward = directions(width)
    around = padded(photo.colors)
    hole = quilted.label != 0
    source = np.einsum("hwk,hwkd->hwd", toward, quilted.turns[quilted.label])
    laid = np.where(hole[..., None], sample(around, source), photo.colors)
    across = _jumps(around, quilted, toward, laid, 1)
    down = _jumps(around, quilted, toward, laid, 0)
    lat = latitude(np.arange(height, dtype=np.float32), height)
    # Lengths of the edges between pixels over the distances of the pixels' middles, on the sphere.
    beside = (1 / np.maximum(np.cos(lat), 0.05))[:, None].repeat(width, 1)
    below = np.cos(latitude(np.arange(height, dtype=np.float32) + 0.5, height))[:, None].repeat(width, 1)
    below[-1] = 0
    reach = np.where(quilted.cell, WIDE, REACH) / (2 * np.pi) * width
    screen = np.cos(lat)[:, None] / reach.astype(np.float32) ** 2
    change = _solve(across * beside, down * below, beside, below, screen, hole)
    return np.clip(laid + change.transpose(1, 2, 0), 0, 255)


def _jumps(around: np.ndarray, quilted: Quilted, toward: np.ndarray, laid: np.ndarray, axis: int) -> np.ndarray:
    """What must be added to the next pixel's color along `axis`, so that both follow the gradient of their sources:
    float32 [3, H, W], 0 within a piece."""
    label = quilted.label
    next_label, next_laid = np.roll(label, -1, axis), np.roll(laid, -1, axis)
    rows, columns = np.nonzero(next_label != label)
    result = np.zeros((3, *label.shape), np.float32)
    if not len(rows):
        return result
    here, there = toward[rows, columns][None], np.roll(toward, -1, axis)[rows, columns][None]
    mine, other = label[rows, columns], next_label[rows, columns]
    step = next_laid[rows, columns] - laid[rows, columns]
    parts = np.zeros((len(rows), 3), np.float32)
    shares = np.zeros((len(rows), 1), np.float32)
    for chosen, is_next in ((mine, False), (other, True)):
        own = (chosen > 0)[:, None]
        turned = np.einsum("nk,nkd->nd", (here if is_next else there)[0], quilted.turns[chosen])
        seen = listed(around, turned)
        gradient = next_laid[rows, columns] - seen if is_next else seen - laid[rows, columns]
        parts += np.where(own, gradient, 0)
        shares += own
    jump = parts / np.maximum(shares, 1) - step
    # A large jump is an edge between things: spread, it would only tint them.
    things = ~(quilted.cell[rows, columns] | np.roll(quilted.cell, -1, axis)[rows, columns])[:, None]
    jump /= 1 + things * (np.linalg.norm(jump, axis=1, keepdims=True) / EDGE) ** 4
    result[:, rows, columns] = jump.T
    return result


def _solve(
    across: np.ndarray, down: np.ndarray, beside: np.ndarray, below: np.ndarray, screen: np.ndarray, hole: np.ndarray
) -> np.ndarray:
    """The change of the colors, float32 [3, H, W], 0 outside `hole`."""
    free = hole.astype(np.float32)
    scale = screen + beside + np.roll(beside, 1, 1) + below + np.roll(below, 1, 0)
    residual = free * (_inflow(across, 2) + _inflow(down, 1))
    # Minus the divergence of the wanted jumps.
    change = np.zeros_like(residual)
    ahead = residual / scale
    way = ahead.copy()
    power = (residual * ahead).sum((1, 2))
    for _ in range(ROUNDS):
        flow = screen * way
        flow += _inflow(beside * (np.roll(way, -1, 2) - way), 2)
        flow += _inflow(below * (np.roll(way, -1, 1) - way), 1)
        flow *= free
        length = power / np.maximum((way * flow).sum((1, 2)), 1e-9)
        change += length[:, None, None] * way
        residual -= length[:, None, None] * flow
        np.divide(residual, scale, out=ahead)
        before, power = power, (residual * ahead).sum((1, 2))
        way *= (power / np.maximum(before, 1e-9))[:, None, None]
        way += ahead
    return change


def _inflow(flow: np.ndarray, axis: int) -> np.ndarray:
    """What flows into each pixel, given what flows from it to the next one along `axis`, counted negative."""
    return np.roll(flow, 1, axis) - flow
