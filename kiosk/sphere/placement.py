"""Put a picture where it lies on the sphere, and cut it out again.

Each pixel of the result looks up its direction in the source, so that every picture is resampled once, whatever its
projection and however its camera was held. What the picture does not show stays black: kiosk.sphere.world invents it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.stereo import left_eye, right_eye
from kiosk.sphere.grid import latitude, longitude
from kiosk.sphere.padding import sphere_window
from kiosk.sphere.place import Place
from kiosk.sphere.projections import UPRIGHT, directions, position, rotated, scale, to_camera, to_view, view_position
from kiosk.sphere.yaw import canonical_yaw

ROWS = 64
"""Rows computed at a time: the coordinates of a whole sphere would take more memory than the sphere."""
CONTEXT = 4
"""Pixels beyond a sample that Lanczos interpolation reads."""
OVERSAMPLED = 2.0
"""Pixels per pixel of the sphere, at a view's center, that are left to the mean of several samples."""
MOST_SAMPLES = 3
"""Samples across and down per pixel of the sphere, at most."""


def put(picture: np.ndarray, place: Place, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Put `picture` (uint8 [h, w, 3]) on a sphere. Returns uint8 [width / 2, width, 3], black where the picture shows
    nothing, and a bool mask [width / 2, width] of what it shows.

    A whole level sphere of that size is returned as it is (not copied). Of a stereo pair the left eye is used. Raises
    BadInput if `width` is odd or below 16.
    """
    if width < 16 or width % 2:
        raise BadInput(f"a sphere's width must be an even number of at least 16 pixels, not {width}", "width")
    if place.kind == "stereo":
        picture = left_eye(picture)
    if place.is_whole and not place.levelled and not place.yaw:
        return _resized(picture, width, width // 2), np.ones((width // 2, width), bool)
    sphere, covered = np.zeros((width // 2, width, 3), np.uint8), np.zeros((width // 2, width), bool)
    source, times = _source(picture, place, width)
    first, last, left, right = _window(place, picture.shape[1] / picture.shape[0], width)
    columns = np.arange(left, right) % width
    for top in range(first, last, max(1, ROWS // times)):
        rows = np.arange(top, min(last, top + max(1, ROWS // times)))
        column, row, seen = _lookup(place, source.size, rows, np.arange(left, right), width, times)
        pixels = source.at(column, row, cv2.INTER_LANCZOS4 if times == 1 else cv2.INTER_CUBIC)
        if times > 1:
            size = (len(columns), len(rows))
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            seen = cv2.resize(seen.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
        pixels[~seen] = 0
        sphere[rows[:, None], columns] = pixels
        covered[rows[:, None], columns] = seen
    if not covered.any():
        _dot(picture, place, sphere, covered)
    return sphere, covered


def _dot(picture: np.ndarray, place: Place, sphere: np.ndarray, covered: np.ndarray) -> None:
    """Put a picture that lies between the centers of pixels into the one at its center."""
    height, width = picture.shape[:2]
    middle = np.array([[(width - 1) / 2]]), np.array([[(height - 1) / 2]])
    x, y, z = (axis.item() for axis in directions(place, *middle, width, height))
    row = min(_row(math.atan2(y, math.hypot(x, z)), len(sphere)), len(sphere) - 1)
    column = math.floor((math.atan2(x, z) / (2 * math.pi) + 0.5) * sphere.shape[1]) % sphere.shape[1]
    sphere[row, column] = np.rint(picture.mean(axis=(0, 1)))
    covered[row, column] = True


def natural_width(place: Place, width: int, height: int) -> int:
    """The width in pixels of the sphere on which a picture of that size keeps its detail, at its center."""
    return round(width if place.kind == "stereo" else 2 * math.pi * max(scale(place, width, height)))


def cut(sphere: np.ndarray, place: Place, width: int, height: int) -> np.ndarray:
    """The picture that `put` would put at `place`, uint8 [height, width, 3], cut out of a `sphere` (uint8 [H, 2 H, 3]).
    Black where the picture shows nothing. Of a stereo pair, one eye."""
    density = sphere.shape[1] / (2 * math.pi)
    source = _Source(_reduced(sphere, *(density / of for of in scale(place, width, height))), whole=True, closed=True)
    wide, high = source.size
    picture = np.empty((height, width, 3), np.uint8)
    columns = np.arange(width, dtype=np.float32)[None]
    for top in range(0, height, ROWS):
        rows = np.arange(top, min(height, top + ROWS), dtype=np.float32)[:, None]
        x, y, z = directions(place, columns, rows, width, height)
        column = (np.arctan2(x, z) / (2 * math.pi) + 0.5) * wide - 0.5
        # The arcsine is inexact near the poles.
        row = (0.5 - np.arctan2(y, np.hypot(x, z)) / math.pi) * high - 0.5
        picture[top : top + ROWS] = source.at(column, row)
        if place.reach < 180:
            focal, _ = scale(place, width, height)
            right, below = (math.radians(off) * focal for off in (place.axis_right, place.axis_down))
            away = np.hypot(columns - (width - 1) / 2 - right, rows - (height - 1) / 2 - below) / focal
            picture[top : top + ROWS][away > math.radians(place.reach)] = 0
    return picture


def place_eyes(picture: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The left and the right eye of an over-under picture (uint8 [h, w, 3]), each resized to a full sphere, uint8
    [width / 2, width, 3]."""
    left, right = left_eye(picture), right_eye(picture)
    # Roll both eyes by the same amount, or the result would depend on the photo's yaw.
    step = _exact_step(picture.shape[1], width)
    turned = canonical_yaw(left, step)
    return _resized(left, width, width // 2, turned), _resized(right, width, width // 2, turned)


class _Source:
    """A picture to look up, padded with its neighbors."""

    def __init__(self, picture: np.ndarray, *, whole: bool, closed: bool) -> None:
        height, width = picture.shape[:2]
        self.size = (width, height)
        self._across = CONTEXT if closed else 0
        self._down = CONTEXT if whole else 0
        if whole:
            picture = sphere_window(picture, -CONTEXT, -CONTEXT, height + 2 * CONTEXT, width + 2 * CONTEXT)
        elif closed:
            picture = np.take(picture, np.arange(-CONTEXT, width + CONTEXT), axis=1, mode="wrap")
        self._picture = picture

    def at(self, column: np.ndarray, row: np.ndarray, kernel: int = cv2.INTER_LANCZOS4) -> np.ndarray:
        """The picture at these positions, uint8 [n, m, 3]; beyond its edges, its edge."""
        height, width = self._picture.shape[:2]
        # Positions far outside would overflow OpenCV's fixed-point coordinates.
        column = np.clip(column + self._across, -1, width).astype(np.float32)
        row = np.clip(row + self._down, -1, height).astype(np.float32)
        return cv2.remap(self._picture, column, row, kernel, borderMode=cv2.BORDER_REPLICATE)


def _source(picture: np.ndarray, place: Place, width: int) -> tuple[_Source, int]:
    """The picture, reduced where the sphere is coarser, and how many samples across and down a pixel of the sphere
    takes."""
    per_radian = width / (2 * math.pi)
    denser = [of / per_radian for of in scale(place, picture.shape[1], picture.shape[0])]
    times = 1
    if place.projection == "rectilinear":
        # Its density differs, and is greatest at its edges: reduced as much everywhere, it would be blurred or aliased.
        reduced = max(1.0, denser[0] / OVERSAMPLED)
        most = denser[0] / reduced / math.cos(math.radians(place.across / 2)) ** 2
        times = min(MOST_SAMPLES, max(1, math.ceil(most - 0.1)))
        denser = [reduced, reduced]
    return _Source(_reduced(picture, *denser), whole=place.is_whole, closed=place.is_closed), times


def _reduced(picture: np.ndarray, across: float, down: float) -> np.ndarray:
    """Average areas of `across` x `down` pixels; a factor below 1 leaves that side as it is."""
    height, width = picture.shape[:2]
    size = (max(1, round(width / max(1.0, across))), max(1, round(height / max(1.0, down))))
    return picture if size == (width, height) else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _lookup(
    place: Place, size: tuple[int, int], rows: np.ndarray, columns: np.ndarray, width: int, times: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where in a picture of `size` (width, height) the samples of the sphere's pixels lie: (column, row, whether the
    picture shows them), each [rows * times, columns * times]."""
    within = (np.arange(times) + 0.5) / times - 0.5
    # Only of what is separable double precision costs nothing.
    separable = place.projection in UPRIGHT and not place.levelled
    lon = longitude((columns[:, None] + within).reshape(1, -1), width)
    lat = latitude((rows[:, None] + within).reshape(-1, 1), width // 2)
    if separable:
        column, row = np.broadcast_arrays(*position(place, lon, lat, *size))
        seen = np.ones(column.shape, bool)
    else:
        lon, lat = lon.astype(np.float32), lat.astype(np.float32)
        level = np.cos(lat)
        seen_at = (level * np.sin(lon), np.sin(lat) + 0 * lon, level * np.cos(lon))
        if place.projection in UPRIGHT:
            x, y, z = rotated(to_camera(place), *seen_at)
            column, row = position(place, np.arctan2(x, z), np.arctan2(y, np.hypot(x, z)), *size)
            seen = np.ones(column.shape, bool)
        else:
            x, y, z = rotated(to_view(place) @ to_camera(place), *seen_at)
            column, row, seen = view_position(place, x, y, z, *size)
    wide, high = size
    if not place.is_closed:
        seen = seen & (column > -0.5) & (column < wide - 0.5)
    if not place.is_whole:
        seen = seen & (row > -0.5) & (row < high - 0.5)
    return column, row, seen


def _window(place: Place, aspect: float, width: int) -> tuple[int, int, int, int]:
    """The rows and columns of the sphere, (first, last, left, right), outside which a picture of that aspect (width /
    height) shows nothing. Columns may lie beyond the sphere's edges."""
    height = width // 2
    everything = (0, height, 0, width)
    if place.projection == "rectilinear":
        reach = math.atan(math.tan(math.radians(place.across / 2)) * math.hypot(1, 1 / aspect))
    elif place.projection == "fisheye":
        reach = math.radians(place.across / 2) * math.hypot(1, 1 / aspect) + math.radians(
            math.hypot(place.axis_right, place.axis_down)
        )
        reach = min(math.radians(place.reach), reach)
    elif place.levelled or place.projection == "transverse":
        return everything
    else:
        # A cylinder's rows are not centered on its pitch.
        reach = math.radians(place.down)
        top, bottom = (math.radians(place.pitch) + side for side in (reach, -reach))
        return max(0, _row(top, height) - 1), min(height, _row(bottom, height) + 2), 0, width
    x, y, z = ((to_view(place) @ to_camera(place)).T @ (0, 0, 1)).tolist()
    lat, lon = math.asin(max(-1.0, min(1.0, y))), math.atan2(x, z)
    first, last = max(0, _row(lat + reach, height) - 1), min(height, _row(lat - reach, height) + 2)
    if abs(lat) + reach >= math.pi / 2 - 0.01:
        return first, last, 0, width
    beside = math.asin(min(1.0, math.sin(reach) / math.cos(lat)))
    left, right = (math.floor((lon + side) / (2 * math.pi) * width + width / 2) for side in (-beside, beside))
    return (first, last, left - 1, right + 2) if right + 3 - left < width else (first, last, 0, width)


def _row(lat: float, height: int) -> int:
    return math.floor((0.5 - lat / math.pi) * height)


def _exact_step(before: int, after: int) -> int:
    """The smallest roll, in columns of width `before`, that is a whole number of columns at width `after` too."""
    return before // math.gcd(before, after)


def _resized(picture: np.ndarray, width: int, height: int, turned: int | None = None) -> np.ndarray:
    """Resize a sphere. It is resampled from its canonical yaw (`turned`, if known), because rounding depends on the
    column: a rolled picture then gives exactly the rolled result."""
    if picture.shape[:2] == (height, width):
        return picture
    if picture.shape[1] % width == 0:
        return _resampled(picture, width, height)  # every pixel is the mean of whole pixels, so the yaw does not matter
    if turned is None:
        turned = canonical_yaw(picture, _exact_step(picture.shape[1], width))
    resampled = _resampled(np.roll(picture, -turned, axis=1), width, height)
    return np.roll(resampled, turned * width // picture.shape[1], axis=1)


def _resampled(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    if width < picture.shape[1]:
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    # Cubic interpolation reads two pixels to each side: wrap around, or a seam appears at the meridian.
    border = 4
    padded = np.concatenate([picture[:, -border:], picture, picture[:, :border]], axis=1)
    scale = width / picture.shape[1]
    x = (np.arange(width, dtype=np.float32) + 0.5) / scale - 0.5 + border
    y = (np.arange(height, dtype=np.float32) + 0.5) * (picture.shape[0] / height) - 0.5
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return cv2.remap(padded, grid_x, grid_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
