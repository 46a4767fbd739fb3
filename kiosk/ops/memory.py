"""What processes take of the machine's memory, and what the worker may.

Counted is what only the process itself can give back: private pages, shared memory, and what of them is swapped out.
Pages of files do not count, the kernel takes those back when it likes; nor does address space, of which CUDA reserves
more than the machine has.
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
"""over twice the plan (dream.memory): the largest photo that is taken in is opened in 900 MB."""
GPU_MB = 4096
"""CUDA's and TensorRT's own, in the machine's memory."""
SHARE = 0.5
"""of the machine at most: the server, the cameras and the big screen want the rest."""
LEAST_MB = 512
"""Below this the worker cannot even start."""


def worker_limit_mb(dream: Dream, on_gpu: bool, total_mb: float | None = None) -> float:
    """Megabytes that the worker may take before it is killed; total_mb: of the machine, by default of this one."""
    if total_mb is None:
        total_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    return max(LEAST_MB, min(2 * dream.memory + SPARE_MB + (GPU_MB if on_gpu else 0), SHARE * total_mb))


def used_mb(process: int) -> float:
    """Megabytes that the process takes; 0 where there is none, or the system does not tell."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return sum(int(amount) for amount in _COUNTED.findall(text)) / 1024


def kernel_kills() -> int:
    """How often the kernel has killed a process for want of memory since boot; 0 where it does not tell."""
    try:
        found = _KERNEL_KILLS.search(VMSTAT.read_text(encoding="ascii"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
