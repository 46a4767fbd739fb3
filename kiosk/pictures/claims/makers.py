"""Marks of the makers of phones and cameras: panoramas, fisheyes, and how a 360 camera was held.

Layouts of the maker notes: Ricoh's theta-api-specs (theta-metadata), and ExifTool's tables Ricoh, FujiFilm, Sony and
Exif.
"""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.pictures.claims import names
from kiosk.pictures.containers.exif import Directory, directory

_MAKE, _MODEL = 0x010F, 0x0110
_NOTE, _RENDERED = 0x927C, 0xA401
_APPLE_PANORAMA = 6
"""CustomRendered of a panorama, horizontal or vertical; the standard defines 0 and 1 only."""
_GEAR_360 = "SM-C200"
_GEAR_360_SIZES = frozenset({(7776, 3888), (5792, 2896)})
"""Of unstitched photos. Samsung's programs keep the model when they stitch, to 7200 x 3600."""


@dataclass(frozen=True)
class Mark:
    """What one maker's tag says; fields as in `Tags`. whole: whether the picture is a whole sphere. pose: (pitch, roll)
    of the camera in degrees. sizes: the only sizes, (width, height), of pictures for which it counts, if any."""

    found: str
    panorama: str | None = None
    degrees: float | None = None
    fisheyes: str | None = None
    lens: str | None = None
    whole: bool = False
    pose: tuple[float, float] | None = None
    sizes: frozenset[tuple[int, int]] = frozenset()


def marks_of(first: Directory, exif: Directory) -> list[Mark]:
    """The marks in the first directory of an EXIF block and in its Exif directory."""
    found = []
    if first.text(_MAKE) == "Apple" and exif.number(_RENDERED) == _APPLE_PANORAMA:
        found.append(Mark(names.APPLE_PANORAMA, panorama="Apple"))
    if first.text(_MODEL) == _GEAR_360:
        found.append(Mark(names.GEAR_360, fisheyes="Samsung", sizes=_GEAR_360_SIZES))
    note = exif.raw(_NOTE, 16)
    at = exif.entries.get(_NOTE, (0, 0, 0))[2]
    if note.startswith(b"Ricoh\0\0\0"):
        found += _theta(directory(exif.block, exif.order, at + 8).child(0x4001))
    elif note.startswith(b"FUJIFILM"):
        found += _fujifilm(exif.block[at:])
    elif note.startswith((b"SONY DSC ", b"SONY CAM ", b"SONY MOBILE")):
        found += _sony(directory(exif.block, exif.order, at + 12))
    return found


def _theta(tags: Directory) -> list[Mark]:
    """A Theta's own directory. 0x0001: what the picture is. 0x0003, of older models: how far the zenith is to the left
    of and before the camera's own, degrees, which are GPano's roll and pitch. 0x0007: 1 if it is corrected."""
    kind, leaning = tags.number(0x0001), tags.numbers(0x0003, 2)
    if kind in (2, 3):
        return [Mark(names.RICOH_TYPE, fisheyes="Ricoh")]
    if kind in (4, 5, 6):
        return [Mark(names.RICOH_TYPE, lens="fisheye")]
    if kind != 1:
        return []
    if len(leaning) == 2 and tags.number(0x0007) != 1:
        roll, pitch = ((angle + 180) % 360 - 180 for angle in leaning)
        if abs(pitch) <= 90:
            return [Mark(names.RICOH_POSE, whole=True, pose=(pitch, roll))]
    return [Mark(names.RICOH_TYPE, whole=True)]


def _fujifilm(note: bytes) -> list[Mark]:
    """A note in little-endian order with offsets of its own, from "FUJIFILM" on."""
    angle = directory(note, "<", int.from_bytes(note[8:12], "little")).number(0x1153)
    if not angle or not 30 <= angle <= 360:
        return []
    return [Mark(names.FUJIFILM_PANORAMA, panorama="Fujifilm", degrees=float(angle))]


def _sony(tags: Directory) -> list[Mark]:
    """0x1003 begins with 257 in 32 bits for a panorama, else with zeros."""
    marked = b"\1\1" in tags.raw(0x1003, 4) or tags.number(0x1003) == 257
    return [Mark(names.SONY_PANORAMA, panorama="Sony")] if marked else []
