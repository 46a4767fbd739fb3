"""Detect a picture's format by its first bytes, and take its container apart."""

from __future__ import annotations

from kiosk.errors import BadInput
from kiosk.pictures.containers import heif, jpeg, png, webp
from kiosk.pictures.containers.parts import Parts

FIRST_BYTES = 64
"""Number of bytes at the start of a file that identify its format."""
MOST_PASSES = 32
"""Limit on a decoder's passes. Progressive JPEGs of cameras and editors have 10 scans, those of optimizers up to 20."""

_OTHERS = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF or RAW",
    b"MM\0*": "TIFF or RAW",
    b"%PDF": "PDF",
}
_FILMS = (b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x30\x26\xb2\x75", b"OggS")
_FILM_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def format_of(head: bytes) -> str | None:
    """The format of a file by its first bytes: "JPEG", "PNG", "WEBP", "HEIF", or None."""
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == png.SIGNATURE:
        return "PNG"
    if webp.is_webp(head):
        return "WEBP"
    return "HEIF" if heif.is_heic(head) else None


def refuse(head: bytes) -> None:
    """Raise BadInput if a file's first FIRST_BYTES are not those of a supported photo. The error names the format if it
    is known. This lets an upload be refused before the rest arrives."""
    if format_of(head):
        return
    name = next((name for start, name in _OTHERS.items() if head.startswith(start)), None)
    if name is None and heif.brands(head) & heif.AVIF:
        name = "AVIF"
    if name is None and (
        head[4:8] in _FILM_BOXES or head.startswith(_FILMS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
    ):
        name = "video"
    if name is not None:
        raise BadInput(
            f"This is a {name} file. Please send the photo as JPEG, PNG, WebP or HEIC.", "unsupported_format", 415
        )
    raise BadInput("This is not a photo. Please send a JPEG, PNG, WebP or HEIC picture.", "not_an_image", 415)


def check_cost(parts: Parts) -> None:
    """Raise BadInput if a decoder would pass over the pixels more than MOST_PASSES times."""
    if parts.passes > MOST_PASSES:
        raise BadInput("The photo takes too long to open. Please send a smaller one.", "too_hard", 413)


def take_apart(data: bytes) -> Parts:
    """Take a picture file apart. Raises BadInput for an unsupported format, and Damaged for a broken file."""
    refuse(data[:FIRST_BYTES])
    return _WALKERS[format_of(data[:FIRST_BYTES]) or ""](data)


_WALKERS = {"JPEG": jpeg.take_apart, "PNG": png.take_apart, "WEBP": webp.take_apart, "HEIF": heif.take_apart}
