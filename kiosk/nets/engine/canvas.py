"""Where a large result is put together: in memory, or in a temporary file whose pages need not stay in memory."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable


def make_canvas(shape: tuple[int, ...], in_memory: int, folder: Path | None = None) -> np.ndarray:
    """An uninitialised uint8 array of `shape`.

    Above `in_memory` bytes it is a map of an unlinked temporary file in `folder` (default: the system's), which goes
    with the array. Raises Unavailable where the disk has no room for it.
    """
    size = int(np.prod(shape))
    if size <= in_memory:
        return np.empty(shape, np.uint8)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # Reserved now: a full disk would otherwise be a SIGBUS in the middle of writing.
            os.posix_fallocate(file.fileno(), 0, size)
            pages = mmap.mmap(file.fileno(), size)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise Unavailable(
            f"no room for {size / 1e6:.0f} MB of temporary pixels in {where}: {error.strerror}", "disk_full", 507
        ) from error
    return np.frombuffer(pages, np.uint8).reshape(shape)


def release_pages(array: np.ndarray) -> None:
    """Let go of a mapped canvas' pages: their contents stay in the file. For an array in memory, nothing happens."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
