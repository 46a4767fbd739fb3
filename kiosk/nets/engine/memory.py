"""Predict a dream's memory, to stay within a limit or refuse the dream before it starts."""

from __future__ import annotations

from kiosk.errors import BadInput

PROCESS_MB = 220.0
"""Python, NumPy, OpenCV and ONNX Runtime with an open session."""
TILE_MB = 480.0
"""Per thread and megapixel of its tile. Both values are from the peak RSS of dreams 256 to 8192 pixels wide."""
LARGEST_TILE, LARGEST_TILE_OF_LARGE = 336, 256
"""Largest tile side in pixels. Larger tiles have less halo overhead but take memory that large pictures need."""
LARGE = 4096
"""Width in pixels above which pictures are dreamed in smaller tiles and one cap at a time."""


def largest_tile(width: int) -> int:
    """The largest tile side in pixels for a picture of this width."""
    return LARGEST_TILE if width <= LARGE else LARGEST_TILE_OF_LARGE


def needed_mb(width: int, height: int, threads: int) -> float:
    """Peak resident memory in MB of dreaming a picture of this size with `threads` tiles at a time.

    Per pixel: the photo in bytes, the current picture and its gradient in two bytes per value, a polar chart (0.142
    times as large: its gradient and two maps), and values per cell of the picture.
    """
    tiles = TILE_MB * threads * largest_tile(width) ** 2 / 1e6
    return PROCESS_MB + tiles + width * height * (3 + 2 * 3 * 2 + 0.142 * (4 * 3 + 2 * 4) + 2) / 1e6


def threads_within(limit_mb: float | None, width: int, height: int, threads: int) -> int:
    """How many of `threads` tiles may run at a time within the limit. Raises BadInput, with the limit needed, if not
    even one fits."""
    if limit_mb is None:
        return threads
    fitting = [n for n in range(1, threads + 1) if needed_mb(width, height, n) <= limit_mb]
    if not fitting:
        least = -(-int(needed_mb(width, height, 1)) // 10) * 10 + 10
        raise BadInput(
            f"a dream of {width} x {height} needs {least} MB; give it --memory {least} or make it smaller with --width",
            "memory",
        )
    return fitting[-1]
