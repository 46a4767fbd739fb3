"""Marks of makers behind the end of a JPEG.

Samsung phones append blocks with a table at the very end: each entry names a block by its distance from the table
(layout: ExifTool's module Samsung, ProcessSamsung). Insta360's cameras append their sensor data and end the file with a
fixed text (ExifTool's module JPEG; the layout is in many readers of .insv files).
"""

from __future__ import annotations

import struct

SAMSUNG_PANORAMA, INSTA360 = "Samsung panorama", "Insta360 trailer"
MARKS = frozenset({SAMSUNG_PANORAMA, INSTA360})
_PANORAMAS = frozenset({b"Panorama_Shot_Info", b"Motion_Panorama_Info", b"Interactive_Panorama_Info"})
_INSTA360_END = b"8db42d694ccc418790edff439fe026bf"
_MOST_TABLE = 0x10000


def marks(data: bytes) -> frozenset[str]:
    """Which of MARKS the end of the file has."""
    if data.endswith(_INSTA360_END):
        return frozenset({INSTA360})
    if data.endswith(b"SEFT") and not _PANORAMAS.isdisjoint(_names(data)):
        return frozenset({SAMSUNG_PANORAMA})
    return frozenset()


def _names(data: bytes) -> set[bytes]:
    """The names of the blocks in Samsung's table; those within the file."""
    if len(data) < 20:
        return set()
    (length,) = struct.unpack_from("<I", data, len(data) - 8)
    table = len(data) - 8 - length
    if not 12 <= length < _MOST_TABLE or table < 0 or data[table : table + 4] != b"SEFH":
        return set()
    (count,) = struct.unpack_from("<I", data, table + 8)
    names = set()
    for entry in range(table + 12, table + 12 + 12 * min(count, (length - 12) // 12), 12):
        back, size = struct.unpack_from("<II", data, entry + 4)
        at = table - back
        if at < 0 or not 8 <= size <= back:
            continue
        (named,) = struct.unpack_from("<I", data, at + 4)
        if named <= size - 8:
            names.add(data[at + 8 : at + 8 + min(named, 64)])
    return names
