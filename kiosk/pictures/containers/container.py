"""Detect a picture's format by its first bytes, and take its container apart."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kiosk.errors import BadInput
from kiosk.pictures.containers import bmp, gif, heif, jpeg, png, tiff, webp
from kiosk.pictures.containers.boxes import film
from kiosk.pictures.containers.packets import utf8
from kiosk.pictures.containers.parts import Parts

FIRST_BYTES = 64
"""Number of bytes at the start of a file that identify its format."""
MOST_PASSES = 32
"""Limit on a decoder's passes. Progressive JPEGs of cameras and editors have 10 scans, those of optimizers up to 20."""
LIKED = "JPEG, PNG, WebP, HEIC, AVIF or TIFF"
"""What guests are asked for: the formats that cameras, phones and editors write."""

_OTHERS = {
    b"%PDF": "PDF",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"8BPS": "Photoshop",
    b"IIRO": "RAW",
    b"IIU\0": "RAW",
    b"FUJIFILMCCD-RAW": "RAW",
}


def format_of(head: bytes) -> str | None:
    """The format of a file by its first bytes: a key of the walkers, or None."""
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == png.SIGNATURE:
        return "PNG"
    if webp.is_webp(head):
        return "WEBP"
    if head[:6] in gif.SIGNATURES:
        return "GIF"
    if tiff.is_tiff(head):
        return "TIFF"
    if bmp.is_bmp(head):
        return "BMP"
    if heif.is_avif(head):
        return "AVIF"
    return "HEIF" if heif.is_heic(head) else None


def refuse(head: bytes) -> None:
    """Raise BadInput if a file's first FIRST_BYTES are not those of a supported photo. The error names the format if it
    is known. This lets an upload be refused before the rest arrives."""
    if format_of(head):
        return
    name = next((name for start, name in _OTHERS.items() if head.startswith(start)), None)
    if name is None and film.is_film(head):
        name = "video"
    if name is not None:
        raise BadInput(f"This is a {name} file. Please send the photo as {LIKED}.", "unsupported_format", 415)
    raise BadInput(
        "This is not a photo. Please send a JPEG, PNG, WebP, HEIC, AVIF or TIFF picture.", "not_an_image", 415
    )


def refuse_film(source: Path | bytes) -> None:
    """Raise BadInput if a whole file, given as its path or its bytes, is a film; a 360 film is called one."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        head = file.read(FIRST_BYTES)
        if not format_of(head) and film.is_film(head) and film.is_spherical(file):
            raise film_360()


def film_360() -> BadInput:
    """The refusal of a 360 film."""
    return BadInput("This is a 360 video. Please send a 360 photo.", "video_360", 415)


def check_cost(parts: Parts) -> None:
    """Raise BadInput if a decoder would pass over the pixels more than MOST_PASSES times."""
    if parts.passes > MOST_PASSES:
        raise BadInput("The photo takes too long to open. Please send a smaller one.", "too_hard", 413)


def take_apart(data: bytes) -> Parts:
    """Take a picture file apart. Raises BadInput for an unsupported format, and Damaged for a broken file."""
    refuse(data[:FIRST_BYTES])
    parts = _WALKERS[format_of(data[:FIRST_BYTES]) or ""](data)
    return replace(parts, xmp=tuple(map(utf8, parts.xmp))) if parts.xmp else parts


_WALKERS: dict[str, Callable[[bytes], Parts]] = {
    "JPEG": jpeg.take_apart,
    "PNG": png.take_apart,
    "WEBP": webp.take_apart,
    "HEIF": heif.take_apart,
    "AVIF": heif.take_apart,
    "TIFF": tiff.take_apart,
    "BMP": bmp.take_apart,
    "GIF": gif.take_apart,
}
