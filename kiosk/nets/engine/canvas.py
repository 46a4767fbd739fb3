"""Output buffers for large pictures: in memory, or memory-mapped temporary files."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np

from kiosk.errors import Unavailable


def make_canvas(shape: tuple[int, ...], in_memory: int, folder: Path | None = None) -> np.ndarray:
    """Allocate an uninitialized uint8 array of `shape`.

    Above `in_memory` bytes it is a memory-mapped, unlinked temporary file in `folder` (default: the system's), which is
    freed with the array. Raises Unavailable if the disk is full.
    """
    size = int(np.prod(shape))
    if size <= in_memory:
        return np.empty(shape, np.uint8)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # Reserve the space now: writing to the mapping on a full disk would raise SIGBUS.
            os.posix_fallocate(file.fileno(), 0, size)
            pages = mmap.mmap(file.fileno(), size)
    except OSError as error:
        where = folder or tempfile.gettempdir()
        raise Unavailable(
            f"no room for {size / 1e6:.0f} MB of temporary pixels in {where}: {error.strerror}", "disk_full", 507
        ) from error
    return np.frombuffer(pages, np.uint8).reshape(shape)


def release_pages(array: np.ndarray) -> None:
    """Release a mapped canvas's pages from memory; their contents stay in the file. Does nothing for other arrays."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
