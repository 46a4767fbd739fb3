"""Spheres whose every color is known, and what is seen of them."""

from __future__ import annotations

import numpy as np

FIELD = np.deg2rad(85)
# Ready-made color of a direction, per picture: what it is multiplied with.
LOOKS = {
    "original": np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], float),
    "dream": np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], float),
    "upscaled": np.array([[0, 0, -1], [-1, 0, 0], [0, -1, 0]], float),
    "preview": np.array([[-1, 0, 0], [0, 0, 1], [0, 1, 0]], float),
}


def color(direction: np.ndarray, look: str) -> np.ndarray:
    """The color (0..255) that a picture has in a direction [..., 3]: smooth all over the sphere."""
    return 128 + 100 * direction @ LOOKS[look].T


def direction(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(pitch) * np.sin(yaw), np.sin(pitch), -np.cos(pitch) * np.cos(yaw)], axis=-1)


def sphere(look: str, width: int = 1024) -> np.ndarray:
    """An equirectangular picture, uint8 [width / 2, width, 3], of `color`."""
    yaw = (np.arange(width) + 0.5) / width * 2 * np.pi - np.pi
    pitch = np.pi / 2 - (np.arange(width // 2) + 0.5) / (width // 2) * np.pi
    return np.round(color(direction(*np.meshgrid(yaw, pitch)), look)).astype(np.uint8)


def seen(look: str, yaw: float, pitch: float, width: int, height: int, field: float = FIELD) -> np.ndarray:
    """What a camera sees of a picture, float [height, width, 3]: angles in radians, `field` across the longer side."""
    long = np.tan(field / 2)
    tx, ty = (long, long * height / width) if width > height else (long * width / height, long)
    x, y = np.meshgrid(
        ((np.arange(width) + 0.5) / width * 2 - 1) * tx, (1 - (np.arange(height) + 0.5) / height * 2) * ty
    )
    ray = np.stack([x, y, -np.ones_like(x)], axis=-1)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    tip = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turn = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    return color(ray @ (turn @ tip).T, look)
