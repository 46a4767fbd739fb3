"""Keep the claims of an upload in the stored original: GPano in its own namespace, the others as JSON in the kiosk's.

Whoever sends a file with such a property is believed no more than any other file: every value is checked.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from kiosk.pictures.claims import names
from kiosk.pictures.gpano import KIOSK, parse_gpano, placed_xmp, read_own_property, xmp_packet
from kiosk.pictures.tags import NO_TAGS, Tags

_PROPERTY = "Tags"
MAKERS = frozenset({"Apple", "Fujifilm", "GPano", "Hugin", "Insta360", "Photomatix", "Ricoh", "Samsung", "Sony"})
"""Who marks panoramas and fisheyes."""
_MOST = 4096


def stored_xmp(tags: Tags) -> bytes | None:
    """The packet that keeps `tags`; None if there is nothing to keep."""
    own: dict[str, object] = {}
    if replace(tags, gpano=None) not in (NO_TAGS, Tags(found=(names.GPANO,))):
        kept = {name: value for name, value in asdict(replace(tags, gpano=None)).items() if value not in (None, False)}
        own[_PROPERTY] = json.dumps(kept)
    if tags.gpano is not None:
        return placed_xmp(tags.gpano, own)
    return xmp_packet(own) if own else None


def stored_tags(packets: Iterable[bytes], width: int, height: int) -> Tags | None:
    """The tags that `stored_xmp` kept in one of the packets; None if none has any. width, height: the picture's."""
    for packet in packets:
        text = read_own_property(packet, _PROPERTY) if KIOSK.encode() in packet else None
        if text is None or len(text) > _MOST:
            continue
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(text)
            if isinstance(value, dict):
                return _checked(value, packet, width, height)
    return None


def _checked(value: dict[str, Any], packet: bytes, width: int, height: int) -> Tags:
    found = value.get("found")
    return Tags(
        gpano=parse_gpano([packet], width, height),
        focal_mm=_number(value.get("focal_mm"), 1, 5000),
        lens="fisheye" if value.get("lens") == "fisheye" else None,
        panorama=_maker(value.get("panorama")),
        degrees=_number(value.get("degrees"), 1, 360),
        fisheyes=_maker(value.get("fisheyes")),
        screenshot=value.get("screenshot") is True,
        found=tuple(name for name in found[:16] if isinstance(name, str) and name in names.OF_ALL)
        if isinstance(found, list)
        else (),
    )


def _maker(value: Any) -> str | None:
    return value if isinstance(value, str) and value in MAKERS else None


def _number(value: Any, least: float, most: float) -> float | None:
    return float(value) if isinstance(value, (int, float)) and least <= value <= most else None
