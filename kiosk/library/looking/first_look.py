"""Take a first look at an upload in a confined child process."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from kiosk.errors import BadInput
from kiosk.pictures.apart import decode_apart
from kiosk.pictures.decode import Limits
from kiosk.sphere.place import Kind, Place

WIDTH = 1024
"""Width in pixels of the small sphere."""
LIBRARIES_MB = 320
"""Address space that NumPy and OpenCV take in the child, MB; a tenth of it is memory."""


def take(
    source: Path, original: Path, sphere: Path, limits: Limits, alive: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Decode `source` to the upright JPEG `original`, and draw it as a small sphere in the JPEG `sphere`, unless phones
    can show the original as it is.

    Returns {width, height, gpano}, `place`, the fields of its Place, and `sphere`, the small sphere's (width, height)
    or None. Raises BadInput and Unavailable as `decode_apart` does.
    """
    limits = replace(limits, memory_mb=limits.memory_mb + LIBRARIES_MB)
    facts = decode_apart(source, original, limits, alive, program="kiosk.library.looking.child", second=sphere)
    place = _checked(facts.pop("seen", None))
    return {**facts, "place": place, "sphere": (WIDTH, WIDTH // 2) if sphere.exists() else None}


def _checked(fields: Any) -> dict[str, Any]:
    """The fields of a Place, as the child said them. Raises BadInput if they are not: a malicious file may control the
    child."""
    try:
        numbers = {name: value for name, value in fields.items() if name not in ("kind", "projection", "notes")}
        real = all(value is None or math.isfinite(value) for value in numbers.values())
        Place(**fields)
    except (TypeError, AttributeError, ValueError, OverflowError):
        real = False
    if not real or fields["kind"] not in get_args(Kind):
        raise BadInput("The photo cannot be opened. Please send another one.", "cannot_open")
    return fields
