"""Take a dream home flat: an ordinary photo's dream as the picture that it was."""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.pictures.read import read_photo
from kiosk.pipeline.keeping.presence import WIDTH, photo_share
from kiosk.sphere.deciding import decide
from kiosk.sphere.place import Place
from kiosk.sphere.placement import cut, natural_width, put

LONGEST = 2560
"""Longer side in pixels that a photo's own detail is kept up to. Messengers send no more."""
STAYS = 0.4
"""Share of the photo's presence on the sphere that is left here: there is no world around it to be dreamed."""
MOST_GAIN = 3.0
"""Limit, where next to nothing was dreamed on the sphere."""


def flat_dream(original: bytes, dreamed: np.ndarray, enlarged: np.ndarray, presence: float = 0.0) -> np.ndarray | None:
    """The part of a dreamed sphere that the photo file `original` covers, as the picture that the photo was: uint8
    [h, w, 3] with its field of view. None for a photo that is a sphere itself.

    dreamed, enlarged: the sphere (uint8 [H, 2 H, 3]) as it was dreamed, and upscaled. Where the photo is finer, what
    was dreamed is added to it, as it is from octave to octave. presence: how much of the photo stays at its center on
    the sphere, 0..1 (`kiosk.pipeline.keeping.presence`); less of it stays here. Raises BadInput if `original` is not a
    picture.
    """
    photo, tags = read_photo(original)
    at = decide(photo, tags)
    if at.kind in ("sphere", "stereo"):
        return None
    height, width = photo.shape[:2]
    natural = natural_width(at, width, height)
    size = _scaled(width, height, dreamed.shape[1] / natural)
    # Put and cut in the same way, so that only what was dreamed is left.
    plain = cut(put(photo, at, dreamed.shape[1])[0], at, *size)
    added = cut(dreamed, at, *size).astype(np.float32) - plain
    gain = _gain(photo, at, presence, size)
    held, kept = enlarged.shape[1] / natural, min(1.0, LONGEST / max(width, height))
    if held >= kept:
        base, added = cut(enlarged, at, *_scaled(width, height, held)), added * (gain - 1)
    else:
        fine = _scaled(width, height, kept)
        base = cv2.resize(photo, fine, interpolation=cv2.INTER_AREA) if kept < 1 else photo
        added = added * gain
    added = cv2.resize(added, (base.shape[1], base.shape[0]), interpolation=cv2.INTER_CUBIC)
    return cv2.add(base, added, dtype=cv2.CV_8U)


def _gain(photo: np.ndarray, at: Place, presence: float, size: tuple[int, int]) -> np.ndarray:
    """How many times as strong as on the sphere the dream is in each place of a picture of `size`, float32
    [h, w, 1]."""
    share = photo_share(put(photo, at, WIDTH)[1], presence)
    if share is None:
        return np.ones((1, 1, 1), np.float32)
    levels = np.repeat(np.rint(255 * share).astype(np.uint8)[..., None], 3, axis=2)
    stays = cut(levels, at, *size)[..., :1].astype(np.float32) / 255
    return np.minimum((1 - STAYS * stays) / np.maximum(1 - stays, 1e-3), MOST_GAIN)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))
