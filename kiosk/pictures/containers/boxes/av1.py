"""Compare the size in an AV1 sequence header with that of its item. Layout: AV1 Bitstream Specification, 5.3 to 5.5.

A decoder allocates the frame that the header asks for, whatever size the file's boxes say.
"""

from __future__ import annotations

from kiosk.pictures.containers.parts import Damaged

MOST_HEADER = 4096
"""Bytes of an item in which its sequence header is looked for."""
_SEQUENCE_HEADER = 1
_MOST_UNITS = 16
_SLACK = 64
"""Pixels by which a coded frame may be larger than shown, for encoders that pad."""


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, count: int) -> int:
        if count > self._left:
            raise Damaged("the sequence header ends too early")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)


def check_size(coded: bytes, size: tuple[int, int]) -> None:
    """Raise Damaged if the first sequence header in `coded` is missing, or asks for a frame larger than `size`, (width,
    height)."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at >= len(coded):
            break
        kind, extended, sized = coded[at] >> 3 & 15, coded[at] & 4, coded[at] & 2
        at += 2 if extended else 1
        length, at = _leb128(coded, at) if sized else (len(coded) - at, at)
        if kind == _SEQUENCE_HEADER:
            width, height = _frame(_Bits(coded[at : at + min(length, 256)]))
            if width > size[0] + _SLACK or height > size[1] + _SLACK:
                raise Damaged("the coded frame is larger than the picture")
            return
        at += length
    raise Damaged("no sequence header")


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """(value, offset behind it) of a number in groups of seven bits."""
    value = 0
    for group in range(8):
        if at >= len(data):
            break
        value |= (data[at] & 0x7F) << 7 * group
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise Damaged("a length ends too early")


def _frame(bits: _Bits) -> tuple[int, int]:
    """(width, height) of the largest frame."""
    bits.read(3 + 1)  # profile, still_picture
    if bits.read(1):  # reduced_still_picture_header
        bits.read(5)
    else:
        modeled, delay = False, 0
        if bits.read(1):  # timing_info_present
            bits.read(32)
            bits.read(32)
            if bits.read(1):  # equal_picture_interval
                zeros = 0
                while not bits.read(1):
                    zeros += 1
                bits.read(zeros)
            modeled = bool(bits.read(1))
            if modeled:
                delay = bits.read(5) + 1
                bits.read(32 + 5 + 5)
        delayed = bits.read(1)
        for _ in range(bits.read(5) + 1):
            bits.read(12)
            if bits.read(5) > 7:
                bits.read(1)
            if modeled and bits.read(1):
                bits.read(2 * delay + 1)
            if delayed and bits.read(1):
                bits.read(4)
    across, down = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(across) + 1, bits.read(down) + 1
