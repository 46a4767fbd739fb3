"""Thumbnails of styles and words: small squares that guests choose from."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.storage import write_atomic

THUMBNAIL = 256
"""Side of a thumbnail in pixels. It shows the center of the sheet's picture."""
THUMBNAIL_BYTES = 12_000
THUMBNAIL_QUALITIES = (70, 60, 50, 40, 30, 20)


def write_thumbnail(path: Path, picture: np.ndarray) -> None:
    """Write the center square of `picture`, uint8 [h, w, 3] with w >= h, as a WebP file of limited size."""
    height, width = picture.shape[:2]
    left = (width - height) // 2
    image = Image.fromarray(picture).resize(
        (THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS, box=(left, 0, left + height, height)
    )
    buffer = io.BytesIO()
    for quality in THUMBNAIL_QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= THUMBNAIL_BYTES:
            break
    write_atomic(path, buffer.getvalue())
