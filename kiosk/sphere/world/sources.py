"""What a photo offers for the rest of its sphere: the parts of it that may be repeated."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.sphere.grid import latitude, longitude
from kiosk.sphere.world.frames import frames, pixels, window
from kiosk.sphere.world.singular import singular

SIDE = 24
"""Points across a window."""
COARSE = SIDE // 2
"""Points across a window that is compared."""
MOST = 500
"""Windows of a photo that are compared with a place, about."""
LEAST = 0.55
"""Share of a window's middle that a photo must fill."""
BLURS = (1, 4, 16, 64)
"""Reaches in pixels by which colors are continued beyond a photo."""
PANORAMA = 120
"""Degrees across beyond which a photo is a panorama."""
ASIDE, ABOVE = 0.22, 0.15
"""Shares of other photos to each side and above, where people rarely are."""

ENOUGH = 0.05
"""Share of what may be repeated that an object, or writing, must leave of it."""


@dataclass(frozen=True)
class Small:
    """A photo on a small sphere. colors: float32 [H, W, 3], 0..255, continued beyond the photo. covered: bool [H,
    W]. valid: bool [H, W], what may be repeated."""

    colors: np.ndarray
    covered: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Windows:
    """Windows of a photo. frames: float32 [N, 3, 3]. lon, lat: radians, and row, column: pixels of their middles, [N].
    colors: float32 [N, COARSE^2, 3], 0 where not filled. filled: float32 [N, COARSE^2], 0 or 1."""

    frames: np.ndarray
    lon: np.ndarray
    lat: np.ndarray
    row: np.ndarray
    column: np.ndarray
    colors: np.ndarray
    filled: np.ndarray


def small(placed: np.ndarray, covered: np.ndarray, avoid: np.ndarray | None, width: int) -> Small:
    """Reduce a photo on a sphere to `width`, with the arguments of `invent`."""
    size = (width, width // 2)
    share = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # Channels apart, and as bytes: a float copy of a large sphere takes hundreds of megabytes.
    seen = cv2.resize(np.where(covered[..., None], placed, 0).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    mostly = share > 0.5 if (share > 0.5).any() else share > 0
    colors = _continued(np.minimum(seen / np.maximum(share, 1e-3)[..., None], 255), mostly)
    if avoid is None:
        shunned = usual_people(mostly)
    else:
        shunned = cv2.resize(avoid.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.02
    # Two pixels from the border: the exact one lies between pixels, and pieces are continued as far.
    whole = eroded(eroded(mostly))
    valid = whole & ~shunned
    if mostly.any(0).sum() <= width * PANORAMA / 360:
        # In the middle, where nothing lies beyond the meridian.
        aside = width // 2 - (middle_column(mostly) or 0)
        once = singular(np.roll(colors, aside, 1), np.roll(mostly, aside, 1))
        valid = _without(np.roll(once, -aside, 1), valid)
    if not valid.any():
        # Pieces as small as a rim gives show colors only.
        valid = whole & ~eroded(eroded(whole)) if whole.any() else mostly
    return Small(colors, mostly, valid)


def _without(once: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """What is `valid` but shown only `once`, bool [H, W], if enough is left of it."""
    left = valid & ~once
    return left if left.sum() > ENOUGH * valid.sum() else valid


def _continued(colors: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """`colors` [H, W, 3], continued beyond what is covered, more and more blurred, float32."""
    share = covered.astype(np.float32)
    width = covered.shape[1]
    around = np.pad(np.dstack([colors * share[..., None], share]), ((0, 0), (width, width), (0, 0)), mode="wrap")
    result, missing = np.where(covered[..., None], colors, 127).astype(np.float32), ~covered
    for reach in BLURS:
        blurred = cv2.blur(cv2.blur(around, (2 * reach + 1, 2 * reach + 1)), (2 * reach + 1, 2 * reach + 1))
        blurred = blurred[:, width:-width]
        near = missing & (blurred[..., 3] > 1e-4)
        result[near] = blurred[near, :3] / blurred[near, 3:]
        missing &= ~near
    return result


def usual_people(covered: np.ndarray) -> np.ndarray:
    """Where people usually are in a photo that covers `covered`, bool [H, W]: in the middle, upright. Nowhere in a
    panorama, whose middle is no better place than others."""
    width, middle = covered.shape[1], middle_column(covered)
    columns, rows = np.flatnonzero(covered.any(0)), np.flatnonzero(covered.any(1))
    people = np.zeros(covered.shape, bool)
    if middle is not None and len(columns) <= width * PANORAMA / 360:
        half, above = round(len(columns) * (0.5 - ASIDE)), round(len(rows) * ABOVE)
        people[rows[0] + above : rows[-1] + 1, np.arange(middle - half, middle + half + 1) % width] = True
    return people


def middle_column(covered: np.ndarray) -> int | None:
    """The column that `covered`, bool [H, W], lies around, wherever it is turned to. None if it goes all around."""
    width = covered.shape[1]
    columns = np.flatnonzero(covered.any(0))
    if len(columns) == width:
        return None
    after = int(np.diff(np.append(columns, columns[0] + width)).argmax())
    first = int(columns[(after + 1) % len(columns)])
    return (first + (int(columns[after]) - first) % width // 2) % width


def eroded(mask: np.ndarray) -> np.ndarray:
    """`mask`, bool [H, W] on a sphere, without the pixels at its edge."""
    padded = np.pad(np.pad(mask, ((0, 0), (1, 1)), mode="wrap"), ((1, 1), (0, 0)), mode="edge")
    return cv2.erode(padded.astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0


def padded(picture: np.ndarray) -> np.ndarray:
    """`picture` [H, W, ...] with the columns that `sample` needs beyond the meridian."""
    return np.concatenate([picture[:, -2:], picture, picture[:, :2]], axis=1)


def sample(around: np.ndarray, toward: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    """The values of a `padded` picture in the directions `toward` [h, w, 3], each up to 32767."""
    column, row = pixels(toward, around.shape[1] - 4)
    return cv2.remap(around, column + 2, row, how, borderMode=cv2.BORDER_REPLICATE)


def windows(photo: Small, around: np.ndarray, reach: float) -> Windows:
    """All windows of a photo that reach `reach` radians and are filled well. around: its colors and `valid`, 0 or 1,
    as a padded picture of four channels."""
    rows, columns = np.nonzero(photo.valid)
    step = max(1, round(float(np.sqrt(len(rows) / MOST))))
    chosen = (rows % step == 0) & (columns % step == 0)
    width = photo.valid.shape[1]
    lon, lat = longitude(columns[chosen] + 0.0, width), latitude(rows[chosen] + 0.0, width // 2)
    at = frames(lon, lat)
    toward = (window(reach, SIDE).reshape(-1, 3) @ at).astype(np.float32)
    seen = sample(around, toward).reshape(-1, COARSE, 2, COARSE, 2, 4).mean((2, 4)).reshape(-1, COARSE**2, 4)
    filled = (seen[..., 3] > 0.99).astype(np.float32)
    keep = filled[:, radius(COARSE).reshape(-1) < 0.7].mean(1) >= LEAST
    colors = seen[keep, :, :3] * filled[keep, :, None]
    return Windows(
        at[keep],
        lon[keep],
        lat[keep],
        rows[chosen][keep],
        columns[chosen][keep],
        np.ascontiguousarray(colors),
        filled[keep],
    )


def listed(around: np.ndarray, toward: np.ndarray) -> np.ndarray:
    """`sample` for a list of directions [N, 3], of any length: float32 [N, C]."""
    return looked_up(around, *pixels(toward, around.shape[1] - 4))


def looked_up(around: np.ndarray, column: np.ndarray, row: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    """The values of a `padded` picture at columns and rows, float32 [N] each: float32 [N, C]."""
    # OpenCV takes at most 32767 rows of points.
    rows = -(-len(column) // 1024)
    grid = np.zeros((2, rows * 1024), np.float32)
    grid[0, : len(column)], grid[1, : len(row)] = column + 2, row
    across, down = grid.reshape(2, rows, 1024)
    values = cv2.remap(around, across, down, how, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(rows * 1024, -1)[: len(column)].astype(np.float32)


@functools.lru_cache
def radius(side: int) -> np.ndarray:
    """The distance from the middle of a window's points, float64 [side, side]; 1 at the middle of its edges."""
    across = (np.arange(side) + 0.5) / side * 2 - 1
    return np.hypot(*np.meshgrid(across, across))
