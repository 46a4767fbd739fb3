"""Write spheres as JPEGs with GPano metadata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.gpano import GPano, gpano_xmp, read_gpano, read_own_property, with_xmp, xmp_packet
from kiosk.pictures.strips import JPEG_LIMIT
from kiosk.storage import atomic_file

__all__ = [
    "GPano",
    "encode_jpeg",
    "gpano_xmp",
    "read_gpano",
    "read_own_property",
    "save_jpeg",
    "with_xmp",
    "xmp_packet",
]


def encode_jpeg(
    picture: np.ndarray, quality: int = 92, gpano: bool = True, extra_xmp: Mapping[str, object] | None = None
) -> bytes:
    """Encode `picture` (uint8 [H, W, 3], RGB) as JPEG, with a GPano packet unless `gpano` is False.

    Raises BadInput if the picture is larger than JPEG allows, or with `gpano` is not exactly 2:1.
    """
    height, width = picture.shape[:2]
    if gpano and width != 2 * height:
        raise BadInput(f"a 360 photo is twice as wide as high, but this picture is {width} x {height}", "not_2_to_1")
    if max(width, height) > JPEG_LIMIT:
        raise BadInput(f"a JPEG is at most 65535 pixels per side, but this picture is {width} x {height}", "too_large")
    # For a 16K picture, OpenCV's encoder takes less than half of Pillow's memory.
    encoded, buffer = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    )
    if not encoded:
        raise BadInput(f"cannot encode this {width} x {height} picture as JPEG", "not_encodable")
    data = buffer.tobytes()
    return with_xmp(data, gpano_xmp(width, height, None, **(extra_xmp or {}))) if gpano else data


def save_jpeg(
    path: str | os.PathLike[str],
    picture: np.ndarray,
    quality: int = 92,
    gpano: bool = True,
    extra_xmp: Mapping[str, object] | None = None,
) -> None:
    """Write `encode_jpeg(...)` to `path`, atomically. Also raises Unavailable on a full disk."""
    data = encode_jpeg(picture, quality, gpano, extra_xmp)
    with atomic_file(Path(path)) as file:
        file.write(data)
