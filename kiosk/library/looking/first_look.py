"""Take a first look at an upload in a confined child process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

from kiosk.errors import BadInput
from kiosk.library.looking.thumb import HEIGHT as THUMB_HEIGHT
from kiosk.library.looking.thumb import WIDTH as THUMB_WIDTH
from kiosk.library.looking.thumb import is_thumb
from kiosk.pictures.apart import decode_apart
from kiosk.pictures.decode import MOST_PIXELS, Limits
from kiosk.pictures.gpano import PROJECTIONS, GPano
from kiosk.pictures.layouts import LAYOUTS
from kiosk.sphere.place import Kind, Place, Projection

WIDTH = 1024
"""Width in pixels of the small sphere."""
LIBRARIES_MB = 320
"""Address space that NumPy and OpenCV take in the child, MB; a tenth of it is memory."""
KINDS = frozenset(get_args(Kind)) - {"fisheyes"}
"""Kinds that a stored photo may have; two fisheyes are refused."""
_MOST_DEGREES = 720.0
_MOST_NOTES, _LONGEST_NOTE = 4, 400
"""Notes, and bytes of one."""


def take(
    source: Path,
    original: Path,
    sphere: Path,
    limits: Limits,
    alive: Callable[[], None] = lambda: None,
    *,
    thumb: Path | None = None,
) -> dict[str, Any]:
    """Decode `source` to the upright JPEG `original`, and draw it as a small sphere in the JPEG `sphere`, unless phones
    can show the original as it is. thumb: where a small picture for lists goes.

    Returns {width, height, gpano}, `place`, the fields of its Place, `sphere`, the small sphere's (width, height) or
    None, and `thumb`, that of the small picture or None. Raises BadInput and Unavailable as `decode_apart` does.
    """
    limits = replace(limits, memory_mb=limits.memory_mb + LIBRARIES_MB)
    further = (sphere,) if thumb is None else (sphere, thumb)
    said = decode_apart(source, original, limits, alive, program="kiosk.library.looking.child", further=further)
    # Only what is checked goes on: a malicious file may control the child.
    try:
        size = _size(said["width"]), _size(said["height"])
        gpano, place = _gpano(said["gpano"]), _place(said["seen"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("The photo cannot be opened. Please send another one.", "cannot_open") from error
    drawn = (WIDTH, WIDTH // 2) if sphere.exists() else None
    small = _checked(thumb)
    return {"width": size[0], "height": size[1], "gpano": gpano, "place": place, "sphere": drawn, "thumb": small}


def _checked(thumb: Path | None) -> tuple[int, int] | None:
    """The size of the small picture; None if there is none. A file that is not one is removed."""
    if thumb is None or not thumb.exists():
        return None
    if not is_thumb(thumb.read_bytes()):
        thumb.unlink()
        return None
    return THUMB_WIDTH, THUMB_HEIGHT


def _place(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Place. Raises TypeError, ValueError or AttributeError if they are not."""
    place = Place(**fields)
    for name, value in asdict(place).items():
        if name not in ("kind", "projection", "notes", "heading"):
            _number(value, _MOST_DEGREES)
    if place.heading is not None:
        _number(place.heading, _MOST_DEGREES)
    if place.kind not in KINDS or place.projection not in get_args(Projection):
        raise ValueError("unknown kind")
    if len(place.notes) > _MOST_NOTES or any(len(note.encode()) > _LONGEST_NOTE for note in place.notes):
        raise ValueError("long notes")
    return asdict(place)


def _gpano(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """The fields of a GPano, or None. Raises TypeError or ValueError if they are neither."""
    if fields is None:
        return None
    for name, value in fields.items():
        if name not in ("projection", "stereo_mode") and value is not None:
            _number(value, MOST_PIXELS)
    gpano = GPano(**fields)
    stereo = (None, *LAYOUTS.values())
    if gpano.projection not in PROJECTIONS or gpano.stereo_mode not in stereo or not gpano.is_possible:
        raise ValueError("no place")
    return fields


def _size(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_PIXELS:
        raise ValueError("no size")
    return value


def _number(value: Any, most: float) -> None:
    if type(value) not in (int, float) or not abs(value) <= most:
        raise ValueError("no number")
