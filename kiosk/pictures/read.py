"""Read a picture file into an array. Every failure is a BadInput with a one-sentence message.

Call this in-process only for the caller's own files. Uploads are decoded in a confined child process
(kiosk.pictures.apart).
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from kiosk.errors import BadInput
from kiosk.pictures import upright
from kiosk.pictures.claims.collect import tags_of
from kiosk.pictures.containers import container
from kiosk.pictures.containers.parts import Damaged, Parts
from kiosk.pictures.tags import NO_TAGS, Tags

PIXEL_LIMIT = 2**28
"""Largest number of pixels; 23170 x 11585 fits. Checked against the header, so a decompression bomb is never
decoded."""
FILE_LIMIT = 2**28
"""Largest file in bytes; a 360 photo takes tens of megabytes."""
LEAST_SIDE = 8
"""Smallest width and height in pixels; smaller pictures cannot be dreamed."""

OTHER_FORMATS = ("PPM", "JPEG2000")
"""Formats read in addition to those of uploads, only for the caller's own files."""
READABLE = "JPEG, PNG, WebP, HEIC, AVIF, TIFF"
STRIP = 128
"""Rows copied at a time."""


@dataclass(frozen=True)
class PictureInfo:
    """Facts the array does not show: the file's format ("JPEG", "PNG", ...), and whether it had transparency."""

    format: str
    has_alpha: bool


def read_picture(
    source: Path | bytes,
    *,
    alpha: bool = False,
    pixel_limit: int = PIXEL_LIMIT,
    least_side: int = LEAST_SIDE,
    allocate: Callable[[tuple[int, int, int]], np.ndarray] | None = None,
    release: Callable[[np.ndarray], None] | None = None,
) -> tuple[np.ndarray, PictureInfo]:
    """Read the picture in a file, given as its path or its bytes: uint8 [H, W, 3], RGB, upright.

    With `alpha`, a picture with transparency is [H, W, 4], not premultiplied; otherwise transparency is dropped. Deeper
    samples are reduced to 8 bits. Of an animation, the first frame is read. `allocate(shape)` returns the uint8 array
    for the pixels, which may be a memory-mapped file; `release` is called with it while it is filled, to let go of
    written pages.

    Raises BadInput if the file is missing, empty, not a picture, truncated or damaged, larger than FILE_LIMIT bytes,
    smaller than `least_side` pixels in width or height, or larger than `pixel_limit` pixels.
    """
    data = _bytes_of(source)
    transparency = "keep" if alpha else "drop"
    return _read(data, _name_of(source), transparency, pixel_limit, least_side, allocate, release)[:2]


def read_photo(source: Path | bytes) -> tuple[np.ndarray, Tags]:
    """Read a photo, given as the path or the bytes of its file: the pixels as `read_picture` does, but transparency on
    white, as of uploads, and what the file says about them. Raises BadInput as `read_picture` does."""
    pixels, _, parts = _read(_bytes_of(source), _name_of(source), "white")
    return pixels, tags_of(parts)


def read_reduced(path: Path, longest: int) -> np.ndarray:
    """Read a JPEG that the kiosk wrote, uint8 [h, w, 3]: reduced to 1/2, 1/4 or 1/8 while it is decoded, as far as its
    longer side keeps `longest` pixels, which saves time and memory.

    Raises BadInput if it is not a JPEG or is damaged, OSError if the file cannot be read.
    """
    data = path.read_bytes()
    try:
        with warnings.catch_warnings():
            # A large photo is no bomb: it was checked when it came in.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                share = longest / max(image.size)
                image.draft("RGB", (math.ceil(image.width * share), math.ceil(image.height * share)))
                return np.asarray(image.convert("RGB"))
    except (*upright.DAMAGE, Image.DecompressionBombError) as error:
        raise BadInput(f"{path.name} is damaged or cut short: {error}", "damaged") from error


def read_tags(source: Path | bytes) -> Tags:
    """What a picture file, given as its path or its bytes, says about itself; NO_TAGS if it is not a picture. Nothing
    is decoded. Raises BadInput if the file cannot be read."""
    try:
        return tags_of(container.take_apart(_bytes_of(source)))
    except Damaged:
        return NO_TAGS
    except BadInput as error:
        if error.status == 415:
            return NO_TAGS
        raise


def _read(
    data: bytes,
    name: str,
    transparency: upright.Transparency = "drop",
    pixel_limit: int = PIXEL_LIMIT,
    least_side: int = LEAST_SIDE,
    allocate: Callable[[tuple[int, int, int]], np.ndarray] | None = None,
    release: Callable[[np.ndarray], None] | None = None,
) -> tuple[np.ndarray, PictureInfo, Parts]:
    try:
        with warnings.catch_warnings():
            # Pillow warns about problems that it then raises or repairs. The size limit is checked below.
            warnings.simplefilter("ignore")
            pixels, info, parts = _decode(data, name, transparency, pixel_limit, least_side)
            return _moved(pixels, allocate, release), info, parts
    except Image.DecompressionBombError as error:
        raise BadInput(f"{name} has more than {pixel_limit / 1e6:.0f} megapixels", "too_large", 413) from error
    except (*upright.DAMAGE, struct.error, zlib.error) as error:
        raise BadInput(f"{name} is damaged or cut short: {error}", "damaged") from error


def _name_of(source: Path | bytes) -> str:
    return "the picture" if isinstance(source, bytes) else str(source)


def _bytes_of(source: Path | bytes) -> bytes:
    """The bytes of the file. Raises BadInput if it is missing, a folder, empty, or larger than FILE_LIMIT."""
    name = _name_of(source)
    try:
        size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        if not isinstance(source, bytes) and Path(source).is_dir():
            raise BadInput(f"{name} is a folder, not a picture", "not_an_image")
    except OSError as error:
        raise BadInput(f"cannot read {name}: {error.strerror}", "no_file", 404) from error
    if size == 0:
        raise BadInput(f"{name} is empty (0 bytes)", "empty")
    if size > FILE_LIMIT:
        raise BadInput(f"{name} has {size / 1e6:.0f} MB, more than {FILE_LIMIT / 1e6:.0f} MB", "too_large", 413)
    try:
        return source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {name}: {error.strerror}", "no_file") from error


def _decode(
    data: bytes, name: str, transparency: upright.Transparency, pixel_limit: int, least_side: int
) -> tuple[Image.Image, PictureInfo, Parts]:
    parts = _take_apart(data, name)
    _check_size((parts.width, parts.height), name, pixel_limit, least_side)
    try:
        container.check_cost(parts)
    except BadInput as error:
        raise BadInput(f"{name} takes too long to open: save it again in another program", error.code, 413) from None
    upright.load_plugins(parts.format)
    with upright.open_parts(parts) as image:
        _check_size(image.size, name, pixel_limit, least_side)
        has_alpha = upright.is_transparent(image)
        pixels = upright.upright(image, parts, transparency)
        return pixels, PictureInfo(parts.format, has_alpha), parts


def _take_apart(data: bytes, name: str) -> Parts:
    """Take the file apart; one of OTHER_FORMATS, which no walker knows, is handed over whole."""
    if container.format_of(data[: container.FIRST_BYTES]) is None:
        with contextlib.suppress(UnidentifiedImageError), Image.open(io.BytesIO(data), formats=OTHER_FORMATS) as image:
            return Parts(image.format or "", data, *image.size, profile=image.info.get("icc_profile"))
    try:
        container.refuse_film(data)
        return container.take_apart(data)
    except BadInput as error:
        if error.code == "not_an_image":
            raise BadInput(f"{name} is not a picture that can be read ({READABLE} ...)", error.code) from None
        raise BadInput(f"{name}: {error}", error.code, error.status) from None


def _check_size(size: tuple[int, int], name: str, pixel_limit: int, least_side: int) -> None:
    width, height = size
    if width * height > pixel_limit:
        raise BadInput(f"{name} is {width} x {height}, more than {pixel_limit / 1e6:.0f} megapixels", "too_large", 413)
    if min(width, height) < least_side:
        raise BadInput(
            f"{name} is {width} x {height}, too small: each side needs at least {least_side} pixels", "too_small"
        )


def _moved(
    pixels: Image.Image,
    allocate: Callable[[tuple[int, int, int]], np.ndarray] | None,
    release: Callable[[np.ndarray], None] | None,
) -> np.ndarray:
    if allocate is None:
        return np.array(pixels)
    width, height = pixels.size
    array = allocate((height, width, len(pixels.getbands())))
    for top in range(0, height, STRIP):
        array[top : top + STRIP] = np.asarray(pixels.crop((0, top, width, min(top + STRIP, height))))
        if release:
            release(array)
    return array
