"""Place any photo on the sphere: a full panorama, a cropped panorama, or a plain photo at the horizon.

What the photo does not cover is invented (`kiosk.sphere.world`).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.gpano import GPano
from kiosk.pictures.stereo import left_eye, right_eye, stereo_mode
from kiosk.sphere.grid import latitude, longitude
from kiosk.sphere.world.invent import invent
from kiosk.sphere.yaw import canonical_yaw

PLAIN_FOV = 75.0  # degrees: between a phone's main camera (about 67) and its wide-angle one (about 100)
_TALLEST = 140.0  # degrees: keeps a tall narrow photo from stretching toward the poles


def place_on_sphere(picture: np.ndarray, gpano: GPano | None, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Place `picture` (uint8 [h, w, 3]) on a full sphere. Returns uint8 [width / 2, width, 3] and a bool mask [H, W] of
    the part that the photo covers.

    A 2:1 photo is resized, or returned as is (not copied) if it has that size. Of a stereo pair the left eye is used. A
    photo with GPano goes where GPano says. Any other is placed at the horizon as a rectilinear view 75 degrees across.
    Raises BadInput if `width` is odd or below 16.
    """
    if width < 16 or width % 2:
        raise BadInput(f"a sphere's width must be an even number of at least 16 pixels, not {width}", "width")
    height = width // 2
    if stereo_mode(picture, gpano):
        picture, gpano = left_eye(picture), None
    h, w = picture.shape[:2]
    partial = gpano is not None and gpano.projection == "equirectangular" and not gpano.is_full
    if not partial and w == 2 * h:
        return _resized(picture, width, height), np.ones((height, width), bool)
    if gpano is not None and partial:
        placed, covered = _placed_crop(picture, gpano, width)
    else:
        placed, covered = _placed_view(picture, width)
    return invent(placed, covered), covered


def place_eyes(picture: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The left and the right eye of an over-under picture (uint8 [h, w, 3]), each resized to a full sphere, uint8
    [width / 2, width, 3]."""
    left, right = left_eye(picture), right_eye(picture)
    # Roll both eyes by the same amount, or the result would depend on the photo's yaw.
    step = _exact_step(picture.shape[1], width)
    turned = canonical_yaw(left, step)
    return _resized(left, width, width // 2, turned), _resized(right, width, width // 2, turned)


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


def _placed_crop(picture: np.ndarray, gpano: GPano, width: int) -> tuple[np.ndarray, np.ndarray]:
    height = width // 2
    across, down = width / gpano.full_width, height / gpano.full_height
    left = round(gpano.cropped_left * across)
    top = min(height - 1, round(gpano.cropped_top * down))
    wide = min(width, max(1, round((gpano.cropped_left + gpano.cropped_width) * across) - left))
    tall = max(1, round((gpano.cropped_top + gpano.cropped_height) * down) - top)
    # Crop rows below the sphere before resizing: the metadata may claim any height.
    shown = min(tall, height - top)
    picture = picture[: max(1, round(picture.shape[0] * shown / tall))]
    shrinking = wide < picture.shape[1]
    crop = cv2.resize(picture, (wide, shown), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)
    placed = np.zeros((height, width, 3), np.uint8)
    covered = np.zeros((height, width), bool)
    columns = (left + np.arange(wide)) % width
    placed[top : top + len(crop), columns] = crop
    covered[top : top + len(crop), columns] = True
    return placed, covered


def _placed_view(picture: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Place a plain photo by gnomonic projection: the point (x, y) of the tangent plane is seen in direction (x, y,
    1)."""
    height = width // 2
    h, w = picture.shape[:2]
    half = np.tan(np.radians(PLAIN_FOV / 2))
    half = min(half, np.tan(np.radians(_TALLEST / 2)) * w / h)
    # Shrink the photo first if one pixel of the sphere would skip pixels of it.
    density = (w / (2 * half)) / (width / (2 * np.pi))
    if density > 1:
        w, h = max(1, round(w / density)), max(1, round(h / density))
        picture = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    lon = longitude(np.arange(width, dtype=np.float32), width)
    lat = latitude(np.arange(height, dtype=np.float32), height)
    forward = np.maximum(np.cos(lon)[None] * np.cos(lat)[:, None], 1e-6)
    x = np.sin(lon)[None] * np.cos(lat)[:, None] / forward
    y = np.sin(lat)[:, None] / forward
    focal = w / (2 * half)
    column = (x * focal + w / 2 - 0.5).astype(np.float32)
    row = (h / 2 - 0.5 - y * focal).astype(np.float32)
    inside = (column > -0.5) & (column < w - 0.5) & (row > -0.5) & (row < h - 0.5)
    covered = inside & (np.cos(lon)[None] > 1e-3)
    far = -10.0
    column, row = np.where(covered, column, far), np.where(covered, row, far)
    placed = cv2.remap(picture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    placed[~covered] = 0
    return placed, covered
