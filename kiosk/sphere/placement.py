"""Putting any photo on the sphere: a full panorama as it is, a part of one in its place, a plain photo on the horizon.

What the photo does not cover is filled so that it continues the photo's edges, is one picture across the +-180 degree
meridian and single-valued at the poles: ground for the dream to grow on, not a border.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.sphere_jpeg import GPano
from kiosk.pictures.stereo import left_eye, right_eye, stereo_mode
from kiosk.sphere.fill import fill_sphere
from kiosk.sphere.yaw import canonical_yaw

PLAIN_FOV = 75.0  # degrees across: between a phone's main camera (about 67) and its wide one (about 100)
_TALLEST = 140.0  # degrees: a tall narrow photo must not be stretched towards the poles


def place_on_sphere(picture: np.ndarray, gpano: GPano | None, width: int) -> tuple[np.ndarray, np.ndarray]:
    """`picture` (uint8 [h, w, 3]) as a full sphere, uint8 [width / 2, width, 3], and the bool mask [H, W] it covers.

    2:1 photos pass through (resized if needed; unchanged and uncopied if they have that size). Of a stereo pair the
    left eye is taken. A photo with GPano goes where GPano says; any other is shown as a rectilinear view 75 degrees
    across, at the horizon. Raises BadInput for an odd or tiny `width`.
    """
    if width < 16 or width % 2:
        raise BadInput(f"a sphere's width is an even number of at least 16 pixels, not {width}", "width")
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
    return fill_sphere(placed, covered), covered


def place_eyes(picture: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The left and the right eye of an over-under picture (uint8 [h, w, 3]), each as a full sphere, uint8
    [width / 2, width, 3]."""
    left, right = left_eye(picture), right_eye(picture)
    # Both are turned alike, or a resampled pair would depend on how it was turned.
    step = _exact_step(picture.shape[1], width)
    turned = canonical_yaw(left, step)
    return _resized(left, width, width // 2, turned), _resized(right, width, width // 2, turned)


def _exact_step(before: int, after: int) -> int:
    """The smallest turn of a picture `before` columns wide that is whole columns when it is `after` wide too."""
    return before // math.gcd(before, after)


def _resized(picture: np.ndarray, width: int, height: int, turned: int | None = None) -> np.ndarray:
    """The picture at another size. It is resampled from its canonical yaw (`turned`, where that is known), because
    rounding depends on the column: so a turned picture gives the turned result, to the last bit."""
    if picture.shape[:2] == (height, width):
        return picture
    if picture.shape[1] % width == 0:
        return _resampled(picture, width, height)  # every pixel is the mean of whole pixels: exact as it is
    if turned is None:
        turned = canonical_yaw(picture, _exact_step(picture.shape[1], width))
    resampled = _resampled(np.roll(picture, -turned, axis=1), width, height)
    return np.roll(resampled, turned * width // picture.shape[1], axis=1)


def _resampled(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    if width < picture.shape[1]:
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    # Cubic taps reach two pixels out: lend them the true neighbours across the meridian, or a seam appears.
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
    # What lies below the sphere is cut off before the picture is resized: a box may say any height.
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
    """Gnomonic projection: a pixel at tangent-plane position (x, y) is seen in direction (x, y, 1)."""
    height = width // 2
    h, w = picture.shape[:2]
    half = np.tan(np.radians(PLAIN_FOV / 2))
    half = min(half, np.tan(np.radians(_TALLEST / 2)) * w / h)
    # One pixel of the sphere must not skip pixels of the photo.
    density = (w / (2 * half)) / (width / (2 * np.pi))
    if density > 1:
        w, h = max(1, round(w / density)), max(1, round(h / density))
        picture = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
    lon = ((np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1) * np.pi
    lat = (0.5 - (np.arange(height, dtype=np.float32) + 0.5) / height) * np.pi
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
