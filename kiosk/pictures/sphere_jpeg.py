"""Writing spheres as JPEGs that say what they are: encoding, and the GPano packet of kiosk.pictures.gpano."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.gpano import GPano, gpano_xmp, read_gpano, read_own_property, with_xmp, xmp_packet
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
    """A JPEG of `picture` (uint8 [H, W, 3], RGB), with a GPano packet unless `gpano` is False.

    Raises BadInput where `gpano` is asked for and the picture is not exactly 2:1, or is larger than JPEG allows.
    """
    height, width = picture.shape[:2]
    if gpano and width != 2 * height:
        raise BadInput(f"a 360 photo is twice as wide as high, this picture is {width} x {height}", "not_2_to_1")
    if max(width, height) > 65535:
        raise BadInput(f"a JPEG is at most 65535 pixels wide, this picture is {width} x {height}", "too_large")
    # OpenCV's encoder needs less than half of Pillow's memory on a 16K picture.
    encoded, buffer = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    )
    if not encoded:
        raise BadInput(f"this picture of {width} x {height} cannot be written as JPEG", "not_encodable")
    data = buffer.tobytes()
    return with_xmp(data, gpano_xmp(width, height, None, **(extra_xmp or {}))) if gpano else data


def save_jpeg(
    path: str | os.PathLike[str],
    picture: np.ndarray,
    quality: int = 92,
    gpano: bool = True,
    extra_xmp: Mapping[str, object] | None = None,
) -> None:
    """Write `encode_jpeg(...)` to `path`, atomically. Raises BadInput like it, and Unavailable on a full disk."""
    data = encode_jpeg(picture, quality, gpano, extra_xmp)
    with atomic_file(Path(path)) as file:
        file.write(data)
