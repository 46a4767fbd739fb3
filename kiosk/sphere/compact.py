"""Pictures under way in two bytes a value, so that large ones fit into a small board.

Half floats would do too, but NumPy takes ten times as long to read and write them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 64
"""of one level of 256; so a picture is kept to 1/128 of a level, and -511..511 can be held."""


class FixedPoint:
    """A picture, or the difference of two, float32 [H, W, 3], kept as int16 in steps of 1 / STEPS.

    Indexed it gives float32 arrays of their own; what is assigned is rounded to the nearest step. `codes` is what is
    kept.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> FixedPoint:
        """One of undefined contents."""
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
