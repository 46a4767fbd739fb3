"""Pictures whose tags say which part of a sphere they show, as far as their shape agrees."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from kiosk.pictures.gpano import GPano
from kiosk.sphere.place import Place

OFF = 0.01
"""How far from 2:1 a sphere's shape may be, relative."""
OFF_IF_TAGGED = 0.05
"""The same for a picture that says that it is whole."""
UNLIKE = 0.02
"""How much the shapes of a picture and of the area it claims to show may differ, relative, besides rounding."""
LEAST = 1.0
"""Degrees; a picture that claims to show less cannot have been meant for looking around."""
LEVEL = 0.04
"""Degrees of pitch or roll that are not worth resampling for: half a pixel of a sphere 4096 pixels wide."""
AROUND = 359.0
"""Degrees from which a part is a band around the horizon."""
WIDE = 2.2
"""Width over height from which a picture is a panorama."""


@dataclass(frozen=True)
class Verdict:
    """place: where the tags and the shape put the picture, None if nowhere; note: the claim that the shape
    contradicts."""

    place: Place | None = None
    note: str | None = None


def is_two_to_one(width: int, height: float, off: float = OFF) -> bool:
    """Whether a picture of that size has the shape of a sphere."""
    return abs(width / (2 * height) - 1) <= off


def whole(gpano: GPano | None = None) -> Place:
    """The place of a whole sphere, with the pose that its tags give."""
    return _posed(Place("sphere", "equirectangular", 360.0, 180.0), gpano)


def by_tags(gpano: GPano, width: int, height: int) -> Verdict:
    """Where GPano puts a picture of that size."""
    if gpano.projection == "cubemap":
        return Verdict(note="The tags say that the picture is a cubemap, which cannot be unfolded here.")
    area = f"{gpano.cropped_width} x {gpano.cropped_height}"
    if not _alike(gpano, width, height):
        return _against(gpano, width, height, f"an area of {area} pixels, which has another shape")
    if gpano.projection == "cylindrical":
        if gpano.is_full and width < WIDE * height:
            # Nobody would have cut so much above and below: the full sizes are missing.
            return Verdict()
        return _if_seen(_cylinder(gpano), gpano, width, height)
    if gpano.is_full:
        if is_two_to_one(width, height, OFF_IF_TAGGED):
            return Verdict(whole(gpano))
        if width < 2 * height:
            return Verdict(note=f"The tags say a whole sphere, but the picture is {width} x {height}.")
    # An editor may fill a part up to the whole sphere and leave the tags as they were.
    if (width, height) == (gpano.full_width, gpano.full_height) and is_two_to_one(width, height):
        return _against(gpano, width, height, f"an area of {area} pixels of it")
    return _if_seen(_part(gpano), gpano, width, height)


def _alike(gpano: GPano, width: int, height: int) -> bool:
    """Whether the picture has the shape of the area that it claims to show."""
    off = math.log(width * gpano.cropped_height / (height * gpano.cropped_width))
    rounding = 1.5 / min(width, height) + 1.5 / min(gpano.cropped_width, gpano.cropped_height)
    return abs(off) <= UNLIKE + rounding


def _against(gpano: GPano, width: int, height: int, claim: str) -> Verdict:
    note = f"The tags say {claim}, but the picture is {width} x {height}"
    if is_two_to_one(width, height):
        return Verdict(whole(gpano), f"{note}: a whole sphere.")
    return Verdict(note=f"{note}: they are not used.")


def _if_seen(place: Place, gpano: GPano, width: int, height: int) -> Verdict:
    if min(place.across, place.down) < LEAST:
        return _against(gpano, width, height, "a part too small to be seen")
    return Verdict(place)


def _part(gpano: GPano) -> Place:
    """The place of a part of an equirectangular sphere. A panorama that is not 2:1 lies in the middle of one that is,
    as Photo Sphere Viewer takes it."""
    full_width, full_height, left, top = gpano.full_width, gpano.full_height, gpano.cropped_left, gpano.cropped_top
    if not is_two_to_one(full_width, full_height, OFF_IF_TAGGED):
        left, top = left + max(0.0, full_height - full_width / 2), top + max(0.0, full_width / 4 - full_height / 2)
        full_width, full_height = max(full_width, 2 * full_height), max(full_height, full_width / 2)
    across = min(360.0, gpano.cropped_width / full_width * 360)
    place = Place(
        "band" if across > AROUND else "part",
        "equirectangular",
        across,
        gpano.cropped_height / full_height * 180,
        _half_turn((left + gpano.cropped_width / 2) / full_width * 360 - 180),
        90 - (top + gpano.cropped_height / 2) / full_height * 180,
    )
    return _posed(place, gpano)


def _cylinder(gpano: GPano) -> Place:
    """The place of a part of a cylinder, whose full width is a whole turn and whose middle row is the horizon."""
    radius = gpano.full_width / (2 * math.pi)
    middle = (gpano.full_height / 2 - gpano.cropped_top - gpano.cropped_height / 2) / radius
    half = gpano.cropped_height / 2 / radius
    across = min(360.0, gpano.cropped_width / gpano.full_width * 360)
    place = Place(
        "band" if across > AROUND else "part",
        "cylindrical",
        across,
        math.degrees(math.atan(middle + half) - math.atan(middle - half)),
        _half_turn((gpano.cropped_left + gpano.cropped_width / 2) / gpano.full_width * 360 - 180),
        math.degrees(math.atan(middle)),
    )
    return _posed(place, gpano)


def _half_turn(angle: float) -> float:
    """The same direction in degrees in [-180, 180)."""
    return (angle + 180) % 360 - 180


def _posed(place: Place, gpano: GPano | None) -> Place:
    """`place` with the pose that GPano gives."""
    if gpano is None:
        return place
    pitch, roll, heading = gpano.pose_pitch_degrees or 0.0, gpano.pose_roll_degrees or 0.0, gpano.pose_heading_degrees
    if max(abs(pitch), abs(roll)) < LEVEL:
        pitch = roll = 0.0
    heading = None if heading is None else heading % 360
    return dataclasses.replace(place, pose_pitch=pitch, pose_roll=roll, heading=heading)
