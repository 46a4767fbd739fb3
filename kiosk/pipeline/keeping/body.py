"""A person on the sphere, as far as a face tells: where to look for the body, and which parts of a matte are his.

Lengths are in faces: the height of the face's box, forehead to chin. A standing adult is about ten of them tall, and as
wide with arms stretched out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kiosk.pipeline.keeping.mattes import EDGE, SURE, holes, touching
from kiosk.sphere.grid import latitude, longitude

ABOVE, BELOW, BESIDE = 4.0, 13.0, 6.5
"""How far a person reaches from the middle of the face, in faces: a hat or a raised arm, feet, arms."""
TRUNK, TRUNK_WIDTH = 3.0, 0.4
"""The matte of a person has part of this: from the face down over the chest, and to both sides, in faces."""
HEAD_WIDTH = 1.2
"""How far a head with hair or a hat reaches to each side, in faces, and twice as far as below."""
PORTRAIT, WHOLE = (6.0, 60.0), (15.0, 80.0)
"""Fields of view of the two pictures of a person, in faces, and the least in degrees."""
HAT, TALL = 2.0, 10.0
"""What a view shows above the middle of the face, and how far below it the feet are, in faces."""
WIDEST = 110.0
"""Degrees. Beyond, a view stretches people too much."""
STEEP = -55.0
"""Degrees of pitch below which a face is underfoot, and the body around it."""
UNDERFOOT = -70.0
"""Pitch of a third view, in degrees, for a person who stands so close that the second ends above the feet."""
SAME_PLACE = 0.3
"""Views closer than this share of their field show the same people."""
MOST_VIEWS = 40
"""The smallest faces of a crowd go without."""
CORE = 0.45
"""Radius around the middle of a face that is surely skin, in faces."""


@dataclass(frozen=True)
class Person:
    """A face on the sphere: yaw and pitch of its middle, and the height of its box, in radians."""

    yaw: float
    pitch: float
    face: float

    @property
    def direction(self) -> np.ndarray:
        """The face's unit direction, float64 [3]: x right, y up, z ahead."""
        level = math.cos(self.pitch)
        return np.array([level * math.sin(self.yaw), math.sin(self.pitch), level * math.cos(self.yaw)])


@dataclass(frozen=True)
class Gaze:
    """A square view: yaw, pitch and field of view in degrees."""

    yaw: float
    pitch: float
    fov: float


def persons(circles: np.ndarray, reach: float) -> list[Person]:
    """The persons whose faces are `circles`, float64 [N, 4] (unit direction, radius in radians), the nearest first. Of
    circles around one face, one is taken. `reach`: a circle's radius in faces."""
    found: list[Person] = []
    for x, y, z, angle in sorted(circles.tolist(), key=lambda circle: -circle[3]):
        one = Person(math.atan2(x, z), math.asin(max(-1.0, min(1.0, y))), angle / reach)
        if all(_between(one.direction, other.direction) > 0.6 * other.face for other in found):
            found.append(one)
    return found


def gazes(people: Sequence[Person]) -> list[Gaze]:
    """The views in which `people` are matted: of each the upper part, and the whole. One view may show several."""
    chosen: list[Gaze] = []
    for wanted in (gaze for person in people for gaze in _gazes_of(person)):
        known = any(
            0.75 < gaze.fov / wanted.fov < 1.4
            and math.degrees(_between(_towards(gaze), _towards(wanted))) < SAME_PLACE * wanted.fov
            for gaze in chosen
        )
        if not known and len(chosen) < MOST_VIEWS:
            chosen.append(wanted)
    return chosen


def _gazes_of(person: Person) -> list[Gaze]:
    yaw, pitch = math.degrees(person.yaw), math.degrees(person.pitch)
    upper, whole = (min(WIDEST, max(least, math.degrees(faces * person.face))) for faces, least in (PORTRAIT, WHOLE))
    fitting = ((upper, 0.0, 0.2), (whole, 0.1, 0.3))
    if pitch < STEEP:
        return [Gaze(yaw, pitch, upper), Gaze(yaw, pitch, whole)]
    # The nearer the face, the less of the view is left for the body, if a hat is to be in it too.
    room = HAT * math.degrees(person.face)
    lower = [max(least * fov, min(most * fov, (0.5 - EDGE) * fov - room)) for fov, least, most in fitting]
    found = [Gaze(yaw, max(-90.0, pitch - down), fov) for (fov, _, _), down in zip(fitting, lower, strict=True)]
    feet = pitch - math.degrees(TALL * person.face)
    if found[-1].pitch - (0.5 - EDGE) * whole > max(-90.0, feet):
        found.append(Gaze(yaw, UNDERFOOT, 100.0))
    return found


def _towards(gaze: Gaze) -> np.ndarray:
    return Person(math.radians(gaze.yaw), math.radians(gaze.pitch), 0.0).direction


def _between(one: np.ndarray, other: np.ndarray) -> float:
    """The angle between two unit directions, radians."""
    return math.acos(max(-1.0, min(1.0, float(one @ other))))


def directions(width: int) -> np.ndarray:
    """The unit direction of every pixel of a sphere's picture, float32 [width / 2, width, 3]."""
    lat = latitude(np.arange(width // 2, dtype=np.float32), width // 2)[:, None]
    lon = longitude(np.arange(width, dtype=np.float32), width)[None]
    level = np.cos(lat)
    return np.stack([level * np.sin(lon), np.broadcast_to(np.sin(lat), (width // 2, width)), level * np.cos(lon)], -1)


def belongs(matte: np.ndarray, person: Person, towards: np.ndarray) -> np.ndarray:
    """The part of `matte` (float32 [h, 2 h], 0..1) that is this person: bool [h, 2 h].

    Of what is within a person's reach, what hangs together with the face or the chest below it; and holes in the head,
    such as a hat has in some mattes. `towards`: the `directions` of the pixels.
    """
    side, up = _beside_and_above(person, towards)
    near = (np.abs(side) < BESIDE * person.face) & (up < ABOVE * person.face) & (up > -BELOW * person.face)
    trunk = (np.abs(side) < TRUNK_WIDTH * person.face) & (up < TRUNK_WIDTH * person.face) & (up > -TRUNK * person.face)
    found = touching(near & (matte > SURE), trunk)
    head = (np.abs(side) < HEAD_WIDTH * person.face) & (up > -HEAD_WIDTH / 2 * person.face) & near
    return found | holes(found, head)


def covers_face(matte: np.ndarray, person: Person, towards: np.ndarray) -> bool:
    """Whether `matte` (float32 [h, 2 h], 0..1) holds most of the person's face."""
    inside = towards @ person.direction.astype(np.float32) > math.cos(CORE * person.face)
    return bool(inside.any()) and float(matte[inside].mean()) > SURE


def _beside_and_above(person: Person, towards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles from the face, radians: to the side, in [-pi/2, pi/2], and upwards along the person, in [-pi, pi]. The
    second goes on beyond the zenith and the nadir."""
    across = np.array([math.cos(person.yaw), 0.0, -math.sin(person.yaw)])
    ahead = person.direction
    overhead = np.cross(ahead, across)
    right, high, front = (towards @ axis.astype(np.float32) for axis in (across, overhead, ahead))
    return np.arcsin(np.clip(right, -1, 1)), np.arctan2(high, front)
