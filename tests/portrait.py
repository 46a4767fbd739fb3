"""A face out of a few ellipses, so that tests need nobody's photo."""

from __future__ import annotations

import cv2
import numpy as np

SKIN, HAIR, SHIRT, WALL = (224, 178, 150), (60, 40, 30), (60, 70, 110), (120, 140, 150)


def portrait(size: int) -> np.ndarray:
    """uint8 [size, size, 3]; the face is in the middle, half as wide as the picture."""
    picture = np.full((512, 512, 3), WALL, np.uint8)

    def ellipse(middle, axes, color, first=0, last=360, line=-1):
        cv2.ellipse(picture, middle, axes, 0, first, last, color, line, cv2.LINE_AA)

    ellipse((256, 480), (190, 120), SHIRT)
    ellipse((256, 215), (165, 195), HAIR)
    cv2.rectangle(picture, (205, 360), (307, 450), (196, 150, 125), -1)
    ellipse((256, 265), (130, 170), SKIN)
    ellipse((256, 120), (140, 60), HAIR)
    for x in (200, 312):
        ellipse((x, 205), (34, 8), (70, 45, 35))
        ellipse((x, 240), (26, 13), (250, 245, 240))
        ellipse((x, 240), (12, 12), (60, 45, 40))
        ellipse((x, 240), (27, 14), (90, 60, 50), 180, 360, 4)
    ellipse((256, 300), (24, 14), (200, 145, 120))
    for x in (246, 266):
        ellipse((x, 308), (6, 4), (120, 70, 60))
    ellipse((256, 360), (48, 18), (190, 80, 85))
    ellipse((256, 356), (50, 5), (120, 40, 50))
    lit = cv2.GaussianBlur(picture, (0, 0), 5) * np.linspace(1.12, 0.82, 512)[None, :, None]
    return cv2.resize(np.clip(lit, 0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA)


def hang_portrait(sphere: np.ndarray, yaw: float, pitch: float, across: float) -> np.ndarray:
    """`sphere`, uint8 [H, 2 H, 3], with a portrait `across` degrees wide in the direction (`yaw`, `pitch`)."""
    height, width = sphere.shape[:2]
    # The portrait's own place for every pixel of the sphere: what a view that way would show of pixel numbers.
    longitude = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi - np.radians(yaw)
    latitude = (0.5 - (np.arange(height) + 0.5) / height)[:, None] * np.pi
    tilt = np.radians(pitch)
    x, y, z = np.cos(latitude) * np.sin(longitude), np.sin(latitude), np.cos(latitude) * np.cos(longitude)
    up, ahead = y * np.cos(tilt) - z * np.sin(tilt), z * np.cos(tilt) + y * np.sin(tilt)
    half = np.tan(np.radians(across / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = x / ahead / half, -up / ahead / half
    inside = (ahead > 0) & (np.abs(u) < 1) & (np.abs(v) < 1)
    picture = portrait(256)
    seen = cv2.remap(
        picture, ((u + 1) * 128 - 0.5).astype(np.float32), ((v + 1) * 128 - 0.5).astype(np.float32), cv2.INTER_LINEAR
    )
    return np.where(inside[..., None], seen, sphere)
