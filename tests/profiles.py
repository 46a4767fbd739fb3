"""Color profiles made by hand (ICC.1:2001), and what they stand for."""

from __future__ import annotations

import struct

import numpy as np

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), (0.3127, 0.329), 563 / 256
PROPHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), (0.3127, 0.329), None
SRGB = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06)), (0.3127, 0.329), None
"""Primaries, white point, and gamma; None: the curve of sRGB, which Display P3 shares."""
Space = tuple[tuple[tuple[float, float], ...], tuple[float, float], float | None]


def matrix(space: Space) -> np.ndarray:
    """RGB -> XYZ at D50 [3, 3], by Lindbloom's formulas."""
    corners, white, _ = space
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*corners, white)]).T
    rgb = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ xyz[:, 3])) @ _BRADFORD
    return adapt @ rgb


def as_srgb(levels: np.ndarray, space: Space) -> np.ndarray:
    """What levels [..., 3], 0 to 255, of the space are in sRGB, unrounded."""
    gamma, parts = space[2], levels.reshape(-1, 3) / 255
    light = parts**gamma if gamma else np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = np.linalg.solve(matrix(SRGB), matrix(space)) @ light.T
    linear = linear.clip(0, 1)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (255 * coded.T).reshape(levels.shape)


def rgb(space: Space) -> bytes:
    """The profile of the space: a matrix and a curve."""
    gamma = space[2]
    if gamma:
        curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    else:
        # Phones write it as a formula (ICC.1:2010, 10.16), not as a table.
        numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        curve = b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(number * 65536) for number in numbers))
    tags = {f"{name}XYZ".encode(): _xyz(column) for name, column in zip("rgb", matrix(space).T, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def cmyk(corners: dict[tuple[int, int, int, int], tuple[float, float, float]]) -> bytes:
    """A profile of inks: Lab of each of the sixteen ways to print them or not, interpolated between."""
    table = b""
    for number in range(16):
        inks = tuple(number >> shift & 1 for shift in (3, 2, 1, 0))
        light, a, b = corners[inks]  # type: ignore[index]
        table += bytes((round(light * 2.55), round(a + 128), round(b + 128)))
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + straight * 4 + table + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def _xyz(values: np.ndarray | tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _profile(kind: bytes, space: bytes, between: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + bytes(78), b"wtpt": _xyz(_D50), **tags}
    tags[b"cprt"] = b"text\0\0\0\0none\0"
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"\0" * 4, 0x02400000, kind, space, between)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    return (head + struct.pack(">3i", *(round(value * 65536) for value in _D50))).ljust(128, b"\0") + table + body
