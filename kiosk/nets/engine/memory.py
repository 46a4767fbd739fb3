"""What a dream takes in memory, so that a limit can be kept or refused before anything is begun."""

from __future__ import annotations

from kiosk.errors import BadInput

PROCESS_MB = 220.0
"""Python, NumPy, OpenCV and ONNX Runtime with a session open."""
TILE_MB = 480.0
"""a tile under way, for each thread and megapixel of the tile. Both measured as peak RSS of dreams 256 to 8192 wide."""
LARGEST_TILE, LARGEST_TILE_OF_LARGE = 336, 256
"""pixels: larger tiles have less halo, and take more memory, which large pictures need for themselves."""
LARGE = 4096
"""pixels: pictures that are wider are dreamed in smaller tiles, and one cap at a time."""


def largest_tile(width: int) -> int:
    """The largest side, pixels, of the tiles that a picture of this width is dreamed in."""
    return LARGEST_TILE if width <= LARGE else LARGEST_TILE_OF_LARGE


def needed_mb(width: int, height: int, threads: int) -> float:
    """Peak resident memory of dreaming a picture of this size, MB.

    For each pixel: the photo in bytes, the picture under way and its gradient in two bytes a value, the chart of a pole
    (0.142 as large: its gradient, and two maps), and what is held for cells of the picture.
    """
    tiles = TILE_MB * threads * largest_tile(width) ** 2 / 1e6
    return PROCESS_MB + tiles + width * height * (3 + 2 * 3 * 2 + 0.142 * (4 * 3 + 2 * 4) + 2) / 1e6


def threads_within(limit_mb: float | None, width: int, height: int, threads: int) -> int:
    """How many of `threads` tiles may be under way at a time. Raises BadInput, with what would do, where not even one
    may."""
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
