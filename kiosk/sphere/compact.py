"""Store intermediate pictures in 16-bit fixed point, so that large ones fit in a small board's memory.

float16 would be as small, but NumPy reads and writes it ten times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 64
"""Steps per 8-bit level. Values are accurate to 1/128 level and range over about +-511 levels."""


class FixedPoint:
    """A picture or a difference of pictures, float32 [H, W, 3], stored as int16 in steps of 1 / STEPS.

    Indexing returns new float32 arrays; assignment rounds to the nearest step. `codes` is the int16 array.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> FixedPoint:
        """A picture of that shape with undefined contents."""
        return cls(np.empty(shape, np.int16))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codes.shape

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, key: Any) -> np.ndarray:
        return self.codes[key] * np.float32(1 / STEPS)

    def __setitem__(self, key: Any, values: np.ndarray) -> None:
        steps = values * np.float32(STEPS)
        self.codes[key] = np.rint(steps, out=steps)
