"""Write a picture file atomically, in the format of its suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from kiosk.errors import BadInput
from kiosk.pictures.containers import container
from kiosk.pictures.containers.parts import Damaged
from kiosk.pictures.gpano import picture_xmp, read_own_property
from kiosk.pictures.strips import JPEG_LIMIT, write_jpeg, write_png
from kiosk.storage import atomic_file, check_target

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
WEBP_LIMIT = 16383
TIFF_XMP = 700
"""TIFF tag of the XMP packet."""


def write_picture(
    path: Path,
    picture: np.ndarray,
    *,
    sphere: bool,
    quality: int = 95,
    properties: Mapping[str, object] | None = None,
    after_strip: Callable[[], None] | None = None,
) -> None:
    """Write a picture, uint8 [H, W, 3 or 4], to `path`, atomically.

    For a 2:1 `sphere` the XMP has GPano; for a square one it also declares two eyes, left over right. `properties` are
    added under bare names in the kiosk's namespace. JPEG and PNG are written in strips; `after_strip` is called after
    each. Raises BadInput as `check_picture_file` does, and Unavailable on a full disk.
    """
    path = Path(path)
    height, width, channels = picture.shape
    check_picture_file(path, height, width, channels)
    suffix = path.suffix.lower()
    xmp = picture_xmp(width, height, properties or {}, sphere=sphere)
    with atomic_file(path) as file:
        if suffix in (".jpg", ".jpeg"):
            write_jpeg(file, picture, quality=quality, xmp=xmp, after_strip=after_strip)
        elif suffix == ".png":
            write_png(file, picture, xmp=xmp, after_strip=after_strip)
        elif suffix == ".webp":
            Image.fromarray(picture).save(file, "WEBP", quality=quality, xmp=xmp or b"")
        else:
            tags = {TIFF_XMP: xmp} if xmp else {}
            Image.fromarray(picture).save(file, "TIFF", compression="tiff_deflate", tiffinfo=tags)


def read_property(path: Path, name: str) -> str | None:
    """Read a property that `write_picture` wrote; None if the file has none. Raises BadInput if the file cannot be
    opened as a picture."""
    try:
        packets = container.take_apart(path.read_bytes()).xmp
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
    except (BadInput, Damaged) as error:
        raise BadInput(f"cannot read {path}: not a picture, damaged or cut short", "no_file") from error
    return next((value for packet in packets if (value := read_own_property(packet, name)) is not None), None)


def check_picture_name(path: Path, source: Path | None = None) -> None:
    """Raise BadInput unless `path` has one of SUFFIXES, is writable, and is not `source`."""
    check_target(path, source)
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path}: the name should end in one of {', '.join(SUFFIXES)}", "format")


def check_picture_file(path: Path, height: int, width: int, channels: int) -> None:
    """Raise BadInput unless the format of `path` can hold a picture of that shape: size, and transparency for 4
    channels. Also checks the name as `check_picture_name` does."""
    check_picture_name(path)
    suffix = path.suffix.lower()
    if channels == 4 and suffix in (".jpg", ".jpeg"):
        raise BadInput(f"{path}: JPEG has no transparency, and the picture has; write a PNG", "format")
    limit = {".jpg": JPEG_LIMIT, ".jpeg": JPEG_LIMIT, ".webp": WEBP_LIMIT}.get(suffix)
    if limit and max(height, width) > limit:
        raise BadInput(f"{path}: {width} x {height} is too large for {suffix}; write a PNG", "too_large")
