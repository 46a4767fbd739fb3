"""Which scans a JPEG needs, and which bytes behind a scan can belong to the picture. Layout: ITU-T T.81, annexes B and
G.

A sequential JPEG is complete once each component has had its scan. A progressive one sends each coefficient in several
scans, each with one more bit; it is complete once every coefficient of every component has its last bit.
"""

from __future__ import annotations

SCAN = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HUFFMAN, _QUANTIZATION, _INTERVAL, _COMMENT = 0xC4, 0xDB, 0xDD, 0xFE
_COEFFICIENTS = 64
_NOTHING = 99
"""Lowest bit sent so far, of a coefficient that was not sent at all."""


class Scans:
    """The state of one picture while its segments are walked."""

    def __init__(self) -> None:
        self.begun = False
        self._progressive = False
        self._lowest: dict[int, list[int]] = {}

    def frame(self, marker: int, body: bytes) -> None:
        """Take note of a frame header: its components."""
        self._progressive = marker in _PROGRESSIVE
        count = body[5] if len(body) > 5 else 0
        self._lowest = {body[at]: [_NOTHING] * _COEFFICIENTS for at in range(6, min(6 + 3 * count, len(body)), 3)}

    def scan(self, body: bytes) -> None:
        """Take note of a scan header: which bits of which coefficients follow it."""
        self.begun = True
        count = body[0] if body else 0
        if len(body) < 4 + 2 * count:
            return
        first, last, bits = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15
        if not self._progressive:
            first, last, bits = 0, _COEFFICIENTS - 1, 0
        for component in body[1 : 1 + 2 * count : 2]:
            lowest = self._lowest.get(component)
            for k in range(first, min(last + 1, _COEFFICIENTS) if lowest else 0):
                assert lowest is not None
                lowest[k] = min(lowest[k], bits)

    @property
    def complete(self) -> bool:
        """Whether no scan is missing."""
        return bool(self._lowest) and all(not any(lowest) for lowest in self._lowest.values())

    @property
    def unbroken(self) -> bool:
        """Whether every component has its mean brightness, and every coefficient that was begun its last bit. A file
        may leave coefficients out altogether; one that was cut on its way leaves them unfinished."""
        return bool(self._lowest) and all(
            lowest[0] == 0 and all(bit in (0, _NOTHING) for bit in lowest) for lowest in self._lowest.values()
        )

    def continues(self, marker: int, body: bytes) -> bool:
        """Whether a segment behind the first scan can belong to this picture, rather than to bytes that a phone
        appended and that look like a segment by chance."""
        if marker == SCAN:
            count = body[0] if body else 0
            return (
                1 <= count <= 4
                and len(body) == 4 + 2 * count
                and all(component in self._lowest for component in body[1 : 1 + 2 * count : 2])
            )
        if marker == _HUFFMAN:
            return _is_huffman(body)
        if marker == _QUANTIZATION:
            return bool(body) and body[0] >> 4 < 2 and len(body) % (65 if body[0] >> 4 == 0 else 129) == 0
        return (marker == _INTERVAL and len(body) == 2) or marker == _COMMENT


def _is_huffman(body: bytes) -> bool:
    """Whether the body of a segment is whole Huffman tables."""
    at = 0
    while at < len(body):
        values = sum(body[at + 1 : at + 17])
        if len(body) < at + 17 + values or body[at] & 0xEC or values > 256:
            return False
        at += 17 + values
    return bool(body)
