"""ICC profiles for colors that a file only names: by an ITU-T H.273 number, as HEIC, AVIF and PNG do, or as Adobe RGB,
which cameras name in EXIF."""

from __future__ import annotations

import struct
from collections.abc import Iterable

# H.273 table 2: number -> XYZ of red, green and blue, Bradford-adapted from D65 to D50.
COLUMNS: dict[int, tuple[tuple[float, float, float], ...]] = {
    5: ((0.45525, 0.23228, 0.01453), (0.3676, 0.70782, 0.10487), (0.14136, 0.0599, 0.70549)),
    6: ((0.41629, 0.22168, 0.01365), (0.3932, 0.70328, 0.09133), (0.15471, 0.07504, 0.71993)),
    9: ((0.67348, 0.27904, -0.00193), (0.16567, 0.67534, 0.02998), (0.12505, 0.04561, 0.79685)),
    12: ((0.51512, 0.24119, -0.00105), (0.29198, 0.69224, 0.04188), (0.1571, 0.06657, 0.78407)),
}
LIKE_SRGB = frozenset({1, 2})
"""Primaries that need no conversion: sRGB and "unspecified"."""
_ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""Adobe RGB (1998) Color Image Encoding, 4.3.6.1: the same, Bradford-adapted to D50."""
_D50 = (0.9642, 1.0, 0.8249)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(primaries: int) -> bytes | None:
    """A version 4 matrix profile of these primaries with the sRGB transfer curve; None if they need no conversion or
    are unknown. TV transfer curves are close to sRGB; PQ (HDR) is not."""
    if primaries in LIKE_SRGB or primaries not in COLUMNS:
        return None
    return _matrix_profile(COLUMNS[primaries], b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *_fixed(_SRGB_CURVE)))


def adobe_rgb() -> bytes:
    """The profile of Adobe RGB (1998): its primaries and a gamma of 563 / 256."""
    return _matrix_profile(_ADOBE_RGB, b"curv\0\0\0\0" + struct.pack(">IHH", 1, 563, 0))


def _matrix_profile(matrix: Iterable[Iterable[float]], curve: bytes) -> bytes:
    """A version 4 profile of three columns, the XYZ of red, green and blue at D50, and one curve."""
    columns = [b"XYZ \0\0\0\0" + struct.pack(">3i", *_fixed(column)) for column in matrix]
    text = b"".join(bytes((0, letter)) for letter in b"named")  # UTF-16
    name = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(text), 28) + text
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", *_fixed(_D50))
    tags = {b"desc": name, b"cprt": name, b"wtpt": white}
    tags.update(zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True))
    tags.update(dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"\0\0\0\0", 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += struct.pack(">3i", *_fixed(_D50))
    return header.ljust(128, b"\0") + table + body


def _fixed(values: Iterable[float]) -> list[int]:
    return [round(value * 65536) for value in values]
