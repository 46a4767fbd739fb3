"""What a UserComment says: Hugin describes its panoramas there, and iOS marks screenshots.

Hugin adds the lines "Projection: Equirectangular (2)" and "FOV: 360 x 180" (its makefiles' EXIFTOOL_INFO_ARGS). The
first eight bytes of the tag name the character code (CIPA DC-008, 4.6.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kiosk.pictures.containers.exif import Directory

_COMMENT = 0x9286
_SCREENSHOT = "Screenshot"
_PROJECTION = re.compile(r"^Projection: [\w ]{1,40} \((\d{1,2})\)\s*$", re.MULTILINE)
_FIELD = re.compile(r"^FOV: (\d{1,3}) x (\d{1,3})\s*$", re.MULTILINE)
CYLINDRICAL, EQUIRECTANGULAR, MERCATOR = 1, 2, 5


@dataclass(frozen=True)
class Stitched:
    """Hugin's description. projection: its number in Hugin. across, down: field of view in degrees, whole numbers."""

    projection: int
    across: float
    down: float


def comment_of(exif: Directory) -> str:
    """The UserComment of an Exif directory; empty if there is none."""
    value = exif.raw(_COMMENT)
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        return text.decode("utf-16-be" if exif.order == ">" else "utf-16-le", "replace").strip("\0 ")
    return text.decode("utf-8", "replace").strip("\0 ")


def is_screenshot(comment: str) -> bool:
    """Whether iOS says that a screen was captured."""
    return comment.strip() == _SCREENSHOT


def stitched(comment: str) -> Stitched | None:
    """What Hugin says in a comment; None if it says nothing."""
    projection, field = _PROJECTION.search(comment), _FIELD.search(comment)
    if not projection or not field:
        return None
    across, down = float(field[1]), float(field[2])
    return Stitched(int(projection[1]), across, down) if 0 < across <= 360 and 0 < down <= 180 else None
