"""Writing a picture file by the format that its name says, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.errors import BadInput
from kiosk.sphere.gpano import save_jpeg
from kiosk.storage import atomic_file

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")

_PILLOW = {
    ".png": ("PNG", {"compress_level": 4}),
    ".webp": ("WEBP", {"quality": 92}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
}
_WEBP_LIMIT = 16383
_JPEG_LIMIT = 65535


def write_picture(path: Path, picture: np.ndarray, *, sphere: bool, quality: int = 92) -> None:
    """Write a picture uint8 [H, W, 3 or 4] to `path`, atomically; a JPEG of a 2:1 sphere says so in its GPano.

    Raises BadInput for a suffix that is none of SUFFIXES, a picture too large for the format, or transparency in a
    JPEG; Unavailable on a full disk.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    height, width, channels = picture.shape
    if suffix in (".jpg", ".jpeg"):
        if channels == 4:
            raise BadInput(f"{path}: JPEG has no transparency; write a PNG", "format")
        if max(height, width) > _JPEG_LIMIT:
            raise BadInput(f"{path}: JPEG ends at {_JPEG_LIMIT} pixels; write a PNG", "too_large")
        save_jpeg(path, picture, quality, gpano=sphere and width == 2 * height)
        return
    if suffix not in _PILLOW:
        raise BadInput(f"{path}: the name should end in one of {', '.join(SUFFIXES)}", "format")
    if suffix == ".webp" and max(height, width) > _WEBP_LIMIT:
        raise BadInput(f"{path}: WebP ends at {_WEBP_LIMIT} pixels; write a PNG or JPEG", "too_large")
    kind, options = _PILLOW[suffix]
    with atomic_file(path) as file:
        Image.fromarray(picture).save(file, kind, **options)
