"""Read a photo file and place it on the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.gpano import GPano, read_gpano
from kiosk.pictures.stereo import stereo_mode
from kiosk.sphere.placement import place_eyes, place_on_sphere

WIDEST_SHOWN = 4096
"""Width in pixels above which phones get a smaller copy: wider originals take hundreds of megabytes there."""


@dataclass(frozen=True)
class Placed:
    """A photo on the sphere. sphere: uint8 [width / 2, width, 3]; right_eye: the same shape, None for a mono photo;
    stereo: the layout of the two eyes, None for mono; shown_unchanged: whether phones can show the file as it is;
    covered: bool [width / 2, width], what is photo and not filled in, None for all."""

    sphere: np.ndarray
    right_eye: np.ndarray | None
    stereo: str | None
    shown_unchanged: bool
    covered: np.ndarray | None = None


def read_sphere(original: bytes, width: int) -> Placed:
    """Place the photo file `original` on a sphere `width` pixels wide. Raises BadInput if it is not a picture."""
    picture = cv2.imdecode(np.frombuffer(original, np.uint8), cv2.IMREAD_COLOR) if original else None
    if picture is None:
        raise BadInput("The photo can no longer be opened. Please send it again.", "cannot_open")
    return place(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), read_gpano(original), width)


def place(picture: np.ndarray, gpano: GPano | None, width: int) -> Placed:
    """Place `picture`, uint8 [h, w, 3], RGB, on a sphere `width` pixels wide. `gpano`: what its file says it shows."""
    stereo = stereo_mode(picture, gpano)
    high, wide = picture.shape[:2]
    if stereo and high == wide:
        return Placed(*place_eyes(picture, width), stereo, True)
    sphere, covered = place_on_sphere(picture, gpano, width)
    everywhere = bool(covered.all())
    unchanged = wide == 2 * high and wide <= WIDEST_SHOWN and everywhere
    return Placed(
        np.ascontiguousarray(sphere), None, stereo, unchanged or stereo is not None, None if everywhere else covered
    )
