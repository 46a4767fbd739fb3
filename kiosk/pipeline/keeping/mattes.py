"""Mattes of views: what they are weighted with, which parts of them are kept, and the mask that they become."""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np

from kiosk.nets.matting import SIDE

FEATHER = 1 / 700
"""Width of the soft edge as a share of the picture's width: the matte has its own, so only its steps are smoothed."""
EDGE = 0.1
"""Share of a view's side over which its matte fades out at the edges, where bodies are cut off."""
FAINT = 0.08
"""A matte below this is haze."""
HAIR = 1 / 90
"""How far soft parts of a matte, such as hair, reach from its sure parts, as a share of the width."""
SURE = 0.5
"""Of a matte: above this, neighboring pixels are one thing."""

Matting = Callable[[np.ndarray], np.ndarray]
"""(uint8 [SIDE, SIDE, 3]) -> matte, float32 [SIDE, SIDE], 0..1."""
Watch = Callable[[int, int], None]
"""Called before each view with (views done, all views)."""


@functools.lru_cache(maxsize=1)
def feather() -> np.ndarray:
    """The weight of a view's pixels, float32 [SIDE, SIDE]: 1 inside, 0 at the edges."""
    place = np.arange(SIDE, dtype=np.float32)
    edge = (np.minimum(place, SIDE - 1 - place) / (EDGE * SIDE)).clip(0, 1)
    return np.minimum(edge[:, None], edge[None])


def cut_out(matte: np.ndarray, rough: np.ndarray, theirs: np.ndarray, wrap: bool) -> np.ndarray:
    """The matte (float32 [h, w]) of `theirs` with its soft edges, uint8 [h, w], 255 inside.

    theirs: bool, any size; whole where `rough`, the matte at that size, is not sure.
    """
    width = theirs.shape[1]
    reach = max(1, round(width * HAIR))
    grown = np.pad(theirs.astype(np.uint8), ((0, 0), (reach, reach)), mode="wrap" if wrap else "edge")
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    grown = cv2.dilate(grown, kernel)[:, reach : reach + width].astype(np.float32)
    grown = cv2.resize(grown, matte.shape[::-1], interpolation=cv2.INTER_LINEAR)
    filled = (theirs & (rough <= SURE)).astype(np.float32)
    filled = cv2.resize(filled, matte.shape[::-1], interpolation=cv2.INTER_LINEAR)
    clear = np.maximum(((matte - FAINT) / (1 - 2 * FAINT)).clip(0, 1), filled)
    return np.rint(clear * grown * 255).astype(np.uint8)


def touching(parts: np.ndarray, seed: np.ndarray, wrap: bool = True) -> np.ndarray:
    """The connected parts of `parts` that have a pixel of `seed` (all bool [h, w]). With `wrap`, the left and right
    edges are neighbors."""
    width = parts.shape[1]
    # Twice side by side, so that what crosses the edge is whole in the middle.
    many, seeds = (np.concatenate([one, one], axis=1) if wrap else one for one in (parts, seed))
    count, numbered = cv2.connectedComponents(many.astype(np.uint8), connectivity=8)
    labels = np.asarray(numbered, np.int64)
    kept = np.zeros(count, bool)
    kept[np.unique(labels[seeds])] = True
    kept[0] = False
    found = kept[labels]
    return found[:, :width] | found[:, width:] if wrap else found


def holes(found: np.ndarray, region: np.ndarray, wrap: bool = True) -> np.ndarray:
    """The holes in `found` that lie wholly in `region` (all bool [h, w]). `wrap` as in `touching`."""
    width = found.shape[1]
    many, regions = (np.concatenate([one, one], axis=1) if wrap else one for one in (found, region))
    count, numbered = cv2.connectedComponents((~many).astype(np.uint8), connectivity=4)
    labels = np.asarray(numbered, np.int64)
    inside = np.zeros(count, bool)
    inside[np.unique(labels[regions])] = True
    inside[np.unique(labels[~regions])] = False
    inside[0] = False
    filled = inside[labels]
    # What the outer edges cut off may look like a hole there, and is whole in the middle.
    return filled[:, :width] & filled[:, width:] if wrap else filled
