"""Keep faces undreamed: find them in the photo and restore those pixels.

A sphere is searched in overlapping rectilinear views around the horizon and at both poles, which show faces with little
distortion. It is first rotated to its canonical yaw, so a rotated photo keeps exactly the same faces. Face positions
are neither stored nor logged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.engine.session import default_threads
from kiosk.nets.faces import NETWORKS, Face, FaceFinder
from kiosk.sphere.resample import resize_picture
from kiosk.sphere.view import rectilinear
from kiosk.sphere.yaw import canonical_yaw

REACH = 0.8
"""Radius of the kept circle around a face's center, as a share of its longer side: includes hair and chin."""
LARGEST_PLAIN = 1280
"""Longer side in pixels at which a plain picture is searched. Faces under 20 pixels at that size are missed."""
MASK_WIDTH = 2048
"""Largest width of a sphere's mask in pixels."""

Find = Callable[[np.ndarray], list[Face]]


@dataclass(frozen=True)
class Look:
    """A square view to search: yaw, pitch and field of view in degrees, side in pixels."""

    yaw: float
    pitch: float
    fov: float
    side: int


LOOKS = (
    *(Look(yaw, 0, 90, 640) for yaw in range(0, 360, 60)),
    *(Look(yaw, pitch, 90, 640) for pitch in (-55, 55) for yaw in range(0, 360, 90)),
    # At a pole a face may be upright in any direction.
    *(Look(yaw, pitch, 80, 480) for pitch in (-90, 90) for yaw in range(0, 360, 90)),
    # A person close to the camera is wider than the overlap of the views above.
    *(Look(yaw, 0, 120, 320) for yaw in range(0, 360, 60)),
)


def find_on_sphere(photo: np.ndarray, find: Find, looks: tuple[Look, ...] = LOOKS) -> np.ndarray:
    """Find the faces in `photo`, uint8 [H, 2 H, 3], in the views `looks`: float64 [N, 4], a unit direction (x right, y
    up, z ahead) and an angular radius in radians each. A face may appear more than once."""

    def search(look: Look) -> list[np.ndarray]:
        seen = rectilinear(photo, look.side, look.side, yaw=look.yaw, pitch=look.pitch, fov=look.fov)
        return [_circle(face, look) for face in find(np.ascontiguousarray(seen))]

    with ThreadPoolExecutor(default_threads()) as pool:
        found = [circle for circles in pool.map(search, looks) for circle in circles]
    return np.array(found, np.float64).reshape(-1, 4)


def _circle(face: Face, look: Look) -> np.ndarray:
    """The circle to keep around a face in a view: unit direction and angular radius, float64 [4]."""
    half = math.tan(math.radians(look.fov / 2))
    to_plane = 2 * half / look.side
    x = (face.x + face.width / 2) * to_plane - half
    y = half - (face.y + face.height / 2) * to_plane
    reach = REACH * max(face.width, face.height) * to_plane
    angle = math.atan2(reach, math.sqrt(1 + x * x + y * y))
    tilt, turn = math.radians(look.pitch), math.radians(look.yaw)
    up, ahead = y * math.cos(tilt) + math.sin(tilt), math.cos(tilt) - y * math.sin(tilt)
    right, ahead = x * math.cos(turn) + ahead * math.sin(turn), ahead * math.cos(turn) - x * math.sin(turn)
    length = math.sqrt(right * right + up * up + ahead * ahead)
    return np.array([right / length, up / length, ahead / length, angle])


def mask_on_sphere(circles: np.ndarray, width: int) -> np.ndarray:
    """Draw the circles of `find_on_sphere` as a mask, uint8 [width / 2, width]: 255 inside, 0 outside."""
    height = width // 2
    longitude = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    latitude = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    mask = np.zeros((height, width), np.uint8)
    for x, y, z, angle in circles:
        middle = math.asin(max(-1.0, min(1.0, y)))
        rows = np.flatnonzero(np.abs(latitude - middle) <= angle)
        flat = np.cos(latitude[rows])[:, None]
        cosine = flat * (np.sin(longitude) * x + np.cos(longitude) * z)[None] + np.sin(latitude[rows])[:, None] * y
        mask[rows] |= np.where(cosine >= math.cos(angle), 255, 0).astype(np.uint8)
    return mask


def mask_faces(photo: np.ndarray, find: Find, flat: bool) -> np.ndarray | None:
    """A mask of the faces in `photo`, uint8 [H, W, 3]: uint8 [h, w] of the same proportions, or None without faces."""
    height, width = photo.shape[:2]
    if not flat:
        turned = canonical_yaw(photo)
        circles = find_on_sphere(np.roll(photo, -turned, axis=1), find)
        if not len(circles):
            return None
        # Upscale the mask to the photo's size before rolling back, so that the roll is exact.
        mask = cv2.resize(
            mask_on_sphere(circles, min(width, MASK_WIDTH)), (width, height), interpolation=cv2.INTER_LINEAR
        )
        return np.roll(mask, turned, axis=1)
    scale = min(1.0, LARGEST_PLAIN / max(height, width))
    seen = resize_picture(photo, max(1, round(width * scale)), max(1, round(height * scale)), wrap=False)
    faces = find(seen)
    if not faces:
        return None
    mask = np.zeros(seen.shape[:2], np.uint8)
    for face in faces:
        middle = (round(face.x + face.width / 2), round(face.y + face.height / 2))
        cv2.circle(mask, middle, round(REACH * max(face.width, face.height)), 255, -1)
    return mask


def open_finder(graphs: Path, **options: float) -> FaceFinder:
    """Open the face finder. Its graphs are in the folder `graphs`, built if missing. `options`: those of FaceFinder."""
    pnet, rnet, onet = (ensure_graph(graphs, GraphSpec(name, "fp32")) for name in NETWORKS)
    # Views run in parallel. With one thread each, the result does not depend on the number of cores.
    return FaceFinder((pnet, rnet, onet), threads=1, **options)
