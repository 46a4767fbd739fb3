"""How pictures map to directions: one pair of functions for each projection.

Directions are unit vectors (right, up, ahead), arrays of float32 or float64 that broadcast. Columns and rows count
pixels from the picture's first one; the center of that pixel is (0, 0).

    equirectangular  columns are longitudes, rows latitudes
    cylindrical      columns are longitudes, rows the height on an upright cylinder: tan(latitude)
    transverse       the same on a cylinder that lies on its side: a panorama swept upward
    rectilinear      an ordinary lens: the plane that touches the sphere at the picture's center
    fisheye          the distance from its axis, mostly the picture's center, is the angle from it (equidistant)
"""

from __future__ import annotations

import math

import numpy as np

from kiosk.sphere.place import Place

UPRIGHT = ("equirectangular", "cylindrical")
"""Projections whose columns are meridians of the camera's sphere."""
BEHIND = 1e-6
"""Least distance ahead at which a tangent plane is still looked at."""


def scale(place: Place, width: int, height: int) -> tuple[float, float]:
    """Pixels per radian at the center of a picture of that size, across and down."""
    across = math.radians(place.across)
    if place.projection == "equirectangular":
        return width / across, height / math.radians(place.down)
    if place.projection == "rectilinear":
        focal = width / (2 * math.tan(across / 2))
    elif place.projection == "transverse":
        focal = height / math.radians(place.down)
    else:
        focal = width / across
    return focal, focal


def to_camera(place: Place) -> np.ndarray:
    """The rotation, float64 [3, 3], from directions of the levelled sphere to directions of the camera's.

    As GPano defines them, a positive pitch raises the center of the picture above the horizon, and a positive roll
    turns the horizon counterclockwise in the picture.
    """
    roll = math.radians(place.pose_roll)
    rolled = np.array(
        [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]], np.float64
    )
    return rolled @ _raised(place.pose_pitch)


def to_view(place: Place) -> np.ndarray:
    """The rotation, float64 [3, 3], from the camera's directions to those of a picture that looks at `place`'s yaw and
    pitch."""
    yaw = math.radians(place.yaw)
    turned = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]], np.float64)
    return _raised(place.pitch) @ turned


def _raised(degrees: float) -> np.ndarray:
    """The rotation, float64 [3, 3], to the directions of a view that looks up by `degrees`."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], np.float64)


def rotated(
    rotation: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions after a rotation [3, 3]."""
    right, up, ahead = (row[0] * x + row[1] * y + row[2] * z for row in rotation.astype(x.dtype))
    return right, up, ahead


def position(
    place: Place, longitude: np.ndarray, latitude: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where the picture shows a direction of the camera, for UPRIGHT projections: (column, row). Angles in radians;
    columns depend on the longitude alone, rows on the latitude alone. A closed picture shows every longitude; of
    others, longitudes are taken within half a turn of the center."""
    horizontal, vertical = scale(place, width, height)
    turned = (longitude - math.radians(place.yaw) + math.pi) % (2 * math.pi) - math.pi
    column = turned * horizontal + (width - 1) / 2
    pitch = math.radians(place.pitch)
    if place.projection == "equirectangular":
        return column, (pitch - latitude) * vertical + (height - 1) / 2
    return column, (math.tan(pitch) - np.tan(latitude)) * vertical + (height - 1) / 2


def view_position(
    place: Place, x: np.ndarray, y: np.ndarray, z: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the picture shows a direction of its view, for the other projections: (column, row, seen). Where `seen` is
    False, the direction has no place in the picture."""
    focal, _ = scale(place, width, height)
    if place.projection == "rectilinear":
        seen = z > BEHIND
        ahead = np.where(seen, z, 1)
        right, down = x / ahead, -y / ahead
    elif place.projection == "transverse":
        flat = np.maximum(np.hypot(y, z), BEHIND)
        right, down = x / flat, -np.arctan2(y, z)
        seen = np.ones(flat.shape, bool)
    else:
        aside = np.hypot(x, y)
        angle = np.arctan2(aside, z)
        seen = angle <= math.radians(place.reach)
        stretch = angle / np.maximum(aside, BEHIND)
        right, down = x * stretch + math.radians(place.axis_right), -y * stretch + math.radians(place.axis_down)
    return right * focal + (width - 1) / 2, down * focal + (height - 1) / 2, seen


def directions(
    place: Place, column: np.ndarray, row: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The directions on the levelled sphere that the picture shows at (column, row): the reverse of the above."""
    horizontal, vertical = scale(place, width, height)
    right, down = (column - (width - 1) / 2) / horizontal, (row - (height - 1) / 2) / vertical
    if place.projection in UPRIGHT:
        pitch, longitude = math.radians(place.pitch), right + math.radians(place.yaw)
        latitude = pitch - down if place.projection == "equirectangular" else np.arctan(math.tan(pitch) - down)
        level = np.cos(latitude)
        seen = (level * np.sin(longitude), np.sin(latitude) + 0 * longitude, level * np.cos(longitude))
        return _unit(*rotated(to_camera(place).T, *seen))
    if place.projection == "rectilinear":
        seen = (right + 0 * down, -down + 0 * right, np.ones_like(right + down))
    elif place.projection == "transverse":
        seen = (right + 0 * down, -np.sin(down) + 0 * right, np.cos(down) + 0 * right)
    else:
        right, down = right - math.radians(place.axis_right), down - math.radians(place.axis_down)
        angle = np.hypot(right, down)
        shrink = np.sinc(angle / math.pi)
        seen = (right * shrink, -down * shrink, np.cos(angle))
    return _unit(*rotated((to_view(place) @ to_camera(place)).T, *seen))


def _unit(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    length = np.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length
