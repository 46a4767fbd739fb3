"""What this process has cost so far."""

from __future__ import annotations

import resource


def peak_rss_mb() -> float:
    """Largest resident set of this process, MB (getrusage counts in KiB on Linux)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
