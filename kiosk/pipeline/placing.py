"""A photo's file, placed on the sphere where the dream begins."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.sphere_jpeg import read_gpano
from kiosk.pictures.stereo import stereo_mode
from kiosk.sphere.placement import place_eyes, place_on_sphere

WIDEST_SHOWN = 4096
"""Originals wider than this would take hundreds of megabytes on a phone; it is shown a smaller copy."""


@dataclass(frozen=True)
class Placed:
    """A photo on the sphere: uint8 [width / 2, width, 3], and its right eye if the file holds two; stereo: how it
    holds them, None where it is mono; shown_unchanged: whether phones can show the file itself as a sphere."""

    sphere: np.ndarray
    right_eye: np.ndarray | None
    stereo: str | None
    shown_unchanged: bool


def read_sphere(original: bytes, width: int) -> Placed:
    """The photo in the file `original` on a sphere `width` pixels wide; BadInput where it is no picture."""
    picture = cv2.imdecode(np.frombuffer(original, np.uint8), cv2.IMREAD_COLOR) if original else None
    if picture is None:
        raise BadInput("The photo cannot be opened any more. Please send it again.", "cannot_open")
    picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    gpano = read_gpano(original)
    stereo = stereo_mode(picture, gpano)
    high, wide = picture.shape[:2]
    if stereo and high == wide:
        return Placed(*place_eyes(picture, width), stereo, True)
    sphere, covered = place_on_sphere(picture, gpano, width)
    whole = wide == 2 * high and wide <= WIDEST_SHOWN and bool(covered.all())
    return Placed(np.ascontiguousarray(sphere), None, stereo, whole or stereo is not None)
