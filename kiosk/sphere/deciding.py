"""Decide where a picture lies on the sphere, from what its file says and from what it looks like."""

from __future__ import annotations

import dataclasses

import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.stereo import left_eye, repeats, stereo_mode
from kiosk.pictures.tags import Tags
from kiosk.sphere.kinds import fisheyes, panoramas, views
from kiosk.sphere.kinds.tagged import WIDE, by_tags, is_two_to_one, whole
from kiosk.sphere.place import Place

TWO_FISHEYES = (
    "This is an unstitched photo of a 360 camera: two fisheye pictures side by side. Please export it as a 360 photo "
    "with the camera's app first."
)


def decide(picture: np.ndarray, tags: Tags, size: tuple[int, int] | None = None) -> Place:
    """Where `picture` (uint8 [h, w, 3], upright) lies, if its file says `tags`. size: the width and height in pixels of
    the file's picture, if `picture` is that one reduced, still 2000 pixels long and of exactly the same shape.

    Tags decide as far as the picture's own shape agrees. Without tags, a picture within 1 % of 2:1 is a sphere, a wider
    one a panorama around the horizon, any other an ordinary photo. Raises BadInput for two unstitched fisheyes.
    """
    width, height = size or (picture.shape[1], picture.shape[0])
    gpano = tags.gpano
    if is_two_to_one(width, height) and _has_two_fisheyes(picture, tags):
        raise BadInput(TWO_FISHEYES, "two_fisheyes")
    notes: tuple[str, ...] = ()
    if _has_two_eyes(picture, tags):
        if is_two_to_one(width, height / 2):
            heading = None if gpano is None else gpano.pose_heading_degrees
            return Place("stereo", "equirectangular", 360.0, 180.0, heading=heading)
        notes = (f"The tags say two eyes, one above the other, but the picture is {width} x {height}.",)
    place = None
    if gpano is not None:
        verdict = by_tags(gpano, width, height)
        place = verdict.place
        notes += (verdict.note,) if verdict.note else ()
    place = place or _by_shape(picture, tags)
    return dataclasses.replace(place, notes=notes)


def _has_two_fisheyes(picture: np.ndarray, tags: Tags) -> bool:
    # The camera's app may leave the maker's mark in what it stitched, which fills its corners.
    marked = tags.fisheyes is not None and (tags.gpano is None or not tags.gpano.is_full)
    return (marked and fisheyes.has_dark_corners(picture)) or fisheyes.has_two_discs(picture)


def _has_two_eyes(picture: np.ndarray, tags: Tags) -> bool:
    """Whether the tags say two eyes, one above the other, or the picture's halves look like two spheres."""
    if not stereo_mode(picture, tags.gpano):
        return False
    if tags.gpano is not None and tags.gpano.stereo_mode:
        return True
    # The halves of a square photo are as alike if it only changes from left to right, or repeats.
    ordinary = tags.gpano is None and (tags.focal_mm is not None or tags.lens is not None or tags.screenshot)
    return not ordinary and not panoramas.ends_differ(left_eye(picture)) and not repeats(picture)


def _by_shape(picture: np.ndarray, tags: Tags) -> Place:
    height, width = picture.shape[:2]
    marked = tags.panorama is not None or tags.degrees is not None
    if tags.screenshot:
        return views.view(width, height, tags)
    if is_two_to_one(width, height):
        # A phone's panorama may happen to be twice as wide as high, but not if it goes all around.
        around = not marked or (tags.degrees or 0) >= panoramas.NEARLY or panoramas.ends_match(picture)
        return whole() if around else panoramas.band(picture, tags)
    if width > WIDE * height or (marked and width > height):
        return panoramas.band(picture, tags)
    if height > WIDE * width and marked:
        return panoramas.upward(width, height, tags)
    disc = fisheyes.find_disc(picture)
    return views.view(width, height, tags) if disc is None else views.disc(width, height, disc)
