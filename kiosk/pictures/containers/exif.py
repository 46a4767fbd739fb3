"""Read the EXIF orientation, the one tag that displaying a picture needs.

General EXIF readers load every tag of a directory, and a 60 kB directory can reference the same 60 kB five thousand
times.
"""

from __future__ import annotations

import struct

_ORIENTATION = 0x0112
_SHORT, _LONG = 3, 4


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8 (1: upright), in an EXIF block with or without its "Exif" header; 1 if it is missing or
    the block is damaged."""
    tiff = exif[6:] if exif[:6] == b"Exif\0\0" else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", tiff, entry)
        if tag == _ORIENTATION and number == 1 and kind in (_SHORT, _LONG):
            (value,) = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", tiff, entry + 8)
            return value if 1 <= value <= 8 else 1
    return 1
