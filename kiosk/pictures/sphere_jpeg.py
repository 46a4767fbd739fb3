"""Encode spheres as JPEGs with GPano metadata, in memory or to a file."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.gpano import picture_xmp
from kiosk.pictures.strips import write_jpeg
from kiosk.storage import atomic_file


def encode_jpeg(
    picture: np.ndarray, quality: int = 92, gpano: bool = True, extra_xmp: Mapping[str, object] | None = None
) -> bytes:
    """Encode `picture` (uint8 [H, W, 3], RGB) as JPEG, with a GPano packet unless `gpano` is False.

    Raises BadInput if the picture is larger than JPEG allows, or with `gpano` is not exactly 2:1.
    """
    file = io.BytesIO()
    _write(file, picture, quality, gpano, extra_xmp)
    return file.getvalue()


def save_jpeg(
    path: str | os.PathLike[str],
    picture: np.ndarray,
    quality: int = 92,
    gpano: bool = True,
    extra_xmp: Mapping[str, object] | None = None,
) -> None:
    """Write what `encode_jpeg` encodes to `path`, atomically. Also raises Unavailable on a full disk."""
    with atomic_file(Path(path)) as file:
        _write(file, picture, quality, gpano, extra_xmp)


def _write(
    file: IO[bytes], picture: np.ndarray, quality: int, gpano: bool, extra_xmp: Mapping[str, object] | None
) -> None:
    height, width = picture.shape[:2]
    if gpano and width != 2 * height:
        raise BadInput(f"a 360 photo is twice as wide as high, but this picture is {width} x {height}", "not_2_to_1")
    xmp = picture_xmp(width, height, extra_xmp or {}, sphere=True) if gpano else None
    # Halved chroma makes these files a third smaller for headsets on the venue's network.
    write_jpeg(file, picture, quality=quality, halved_chroma=True, xmp=xmp)
