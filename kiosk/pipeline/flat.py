"""Take a dream home flat: an ordinary photo's dream as the picture that it was."""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.pictures.read import read_photo
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import cut, natural_width

LONGEST = 2560
"""Longer side in pixels that a photo's own detail is kept up to. Messengers send no more."""


def flat_dream(original: bytes, sphere: np.ndarray) -> np.ndarray | None:
    """The part of a dreamed `sphere` (uint8 [H, 2 H, 3]) that the photo file `original` covers, as the picture that the
    photo was: uint8 [h, w, 3] with its field of view. None for a photo that is a sphere itself.

    Where the photo is finer than the sphere, what was dreamed is added to the photo, as it is from octave to octave.
    Raises BadInput if `original` is not a picture.
    """
    photo, tags = read_photo(original)
    at = decide(photo, tags)
    if at.kind in ("sphere", "stereo"):
        return None
    height, width = photo.shape[:2]
    held = sphere.shape[1] / natural_width(at, width, height)
    seen = cut(sphere, at, *_scaled(width, height, held))
    kept = min(1.0, LONGEST / max(width, height))
    if held >= kept:
        return seen
    size = _scaled(width, height, kept)
    photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA) if kept < 1 else photo
    coarse = cv2.resize(photo, (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_AREA)
    added = cv2.resize(cv2.subtract(seen, coarse, dtype=cv2.CV_16S), size, interpolation=cv2.INTER_CUBIC)
    return cv2.add(photo, added, dtype=cv2.CV_8U)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))
