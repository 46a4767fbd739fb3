"""The memory use of processes, and the worker's memory limit.

Counts the memory that only the process itself can release: private pages, shared memory, and swapped-out pages of both.
File-backed pages do not count, because the kernel can reclaim them at any time. Address space does not count, because
CUDA reserves more than the machine has.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from kiosk.settings import Dream

_COUNTED = re.compile(r"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$", re.MULTILINE)
_KERNEL_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
VMSTAT = Path("/proc/vmstat")

SPARE_MB = 1024
"""Headroom on top of twice dream.memory: decoding the largest accepted photo takes 900 MB."""
GPU_MB = 4096
"""Host memory that CUDA and TensorRT take for themselves."""
SHARE = 0.5
"""The largest fraction of the machine's memory; the server, the camera and the big screen need the rest."""
LEAST_MB = 512
"""The worker cannot start with less."""


def worker_limit_mb(dream: Dream, on_gpu: bool, total_mb: float | None = None) -> float:
    """The worker's memory limit in MB, above which it is killed. total_mb: memory of the machine; default: this one."""
    if total_mb is None:
        total_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    return max(LEAST_MB, min(2 * dream.memory + SPARE_MB + (GPU_MB if on_gpu else 0), SHARE * total_mb))


def used_mb(process: int) -> float:
    """Memory use of the process with this ID in MB; 0 if it does not exist or the system does not report it."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return sum(int(amount) for amount in _COUNTED.findall(text)) / 1024


def kernel_kills() -> int:
    """The kernel's count of OOM kills since boot; 0 if it does not report one."""
    try:
        found = _KERNEL_KILLS.search(VMSTAT.read_text(encoding="ascii"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
