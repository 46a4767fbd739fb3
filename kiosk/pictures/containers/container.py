"""Which kind of file it is, by its first bytes, and its parts."""

from __future__ import annotations

from kiosk.errors import BadInput
from kiosk.pictures.containers import heif, jpeg, png, webp
from kiosk.pictures.containers.parts import Parts

FIRST_BYTES = 64
"""So many of a file's bytes say what it is."""
MOST_PASSES = 32
"""Progressive JPEGs of cameras and editors have 10 scans, those of slow optimisers up to 20."""

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
    """JPEG, PNG, WEBP or HEIF by a file's first bytes; None for anything else."""
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == png.SIGNATURE:
        return "PNG"
    if webp.is_webp(head):
        return "WEBP"
    return "HEIF" if heif.is_heic(head) else None


def refuse(head: bytes) -> None:
    """Raise BadInput where a file's first FIRST_BYTES (all of them, or the whole file) are of no photo that can be
    read, with a sentence that says what it is instead: the rest need not be waited for."""
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
    """Raise BadInput where a picture would be decoded over and over."""
    if parts.passes > MOST_PASSES:
        raise BadInput("The photo takes too long to open. Please send another one.", "too_hard", 413)


def take_apart(data: bytes) -> Parts:
    """The parts of a picture's file. Raises BadInput where it is none of the formats, Damaged where it is one and
    broken."""
    refuse(data[:FIRST_BYTES])
    return _WALKERS[format_of(data[:FIRST_BYTES]) or ""](data)


_WALKERS = {"JPEG": jpeg.take_apart, "PNG": png.take_apart, "WEBP": webp.take_apart, "HEIF": heif.take_apart}
