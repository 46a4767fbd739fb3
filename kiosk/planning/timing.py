"""Timing: the best of a few interleaved runs, and the synthetic picture they run on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from kiosk.sphere.resample import resize_picture

ROUNDS = 5

Key = TypeVar("Key")


def best_times(
    runs: Mapping[Key, Callable[[], object]], clock: Callable[[], float] = time.perf_counter, rounds: int = ROUNDS
) -> dict[Key, float]:
    """The best time in seconds of each of `runs` over `rounds`. Runs are interleaved, so other load on the machine
    affects all of them alike."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for key, run in runs.items():
            started = clock()
            run()
            best[key] = min(best[key], clock() - started)
    return best


def timed_picture(width: int) -> np.ndarray:
    """A deterministic equirectangular picture with colored detail of every size, uint8 [width / 2, width, 3]."""
    rng = np.random.default_rng(0)
    total = np.zeros((width // 2, width, 3), np.float32)
    size = 16
    while size <= width:
        coarse = rng.integers(0, 256, (size // 2, size, 3), dtype=np.uint8)
        total += resize_picture(coarse, width, width // 2).astype(np.float32) - 128
        size *= 4
    return (128 + total / 2).clip(0, 255).astype(np.uint8)
