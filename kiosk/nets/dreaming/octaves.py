"""The sizes of a dream's octaves."""

from __future__ import annotations

SMALLEST_OCTAVE = 192
"""Width in pixels below which octaves are left out: they hold less than one face."""


def octave_sizes(
    width: int, height: int, octaves: int, scale: float, flat: bool, smallest: int = SMALLEST_OCTAVE
) -> list[tuple[int, int]]:
    """(width, height) of each octave, smallest first, at most `octaves` of them.

    Octaves narrower than `smallest` are left out, except the largest. For a plain picture (`flat`) the limit is the
    smaller of `smallest` and SMALLEST_OCTAVE. Sphere octaves are exactly 2:1, with widths that are multiples of 64.
    """
    sizes: list[tuple[int, int]] = []
    for number in range(octaves):
        shrunk = width / scale**number
        if flat:
            size = (max(1, round(shrunk)), max(1, round(height * shrunk / width)))
            too_small = max(size) < min(smallest, SMALLEST_OCTAVE)
        else:
            wide = max(64, round(shrunk / 64) * 64)
            size, too_small = (wide, wide // 2), wide < smallest
        if sizes and (too_small or size == sizes[-1]):
            break
        sizes.append(size)
    return sizes[::-1]
