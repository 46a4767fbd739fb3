"""A logo, made small in the confined decoder: what is kept is a JPEG of the kiosk's own making."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from kiosk.errors import BadInput
from kiosk.pictures import decode
from kiosk.pictures.apart import decode_apart
from kiosk.pictures.decode import Limits
from kiosk.pictures.tags import Tags

SIDE = 512
"""Pixels of the longer side, at most."""
MOST_BYTES = 1_000_000
QUALITY = 90


def look(picture: Image.Image, tags: Tags) -> tuple[dict[str, Any], tuple[bytes | None, ...]]:
    """The logo as a JPEG. What was transparent is white."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=QUALITY)
    return {}, (buffer.getvalue(),)


def main(arguments: list[str]) -> int:
    """Decode as `decode.main` does, and make the logo."""
    return decode.main(arguments, look)


def make(source: Path, target: Path, limits: Limits) -> None:
    """Make the picture `source` the logo `target`, a JPEG of at most MOST_BYTES. Raises BadInput if it is no picture
    that can be read; Unavailable if it cannot be stored."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".logo.") as folder:
        fresh = Path(folder) / "logo.jpg"
        decode_apart(source, Path(folder) / "whole.jpg", limits, program="kiosk.library.looking.logo", further=(fresh,))
        if not fresh.is_file() or not 0 < fresh.stat().st_size <= MOST_BYTES:
            raise BadInput("This picture cannot be a logo. Please choose another one.", "bad_logo")
        fresh.replace(target)
