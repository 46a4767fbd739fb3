"""The words of quantization, which all writers of 8-bit graphs share.

A code is an 8-bit integer. It stands for the value (code - zero) x scale: `scale` is the value of one step, per tensor
or per channel; `zero`, the zero point, is the code of 0. The span of codes is the range of values that they cover.
QuantizedWeights have signed codes in [-127, 127], one scale per output channel, and zero point 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = 255
"""Steps between the lowest and the highest 8-bit code."""
SYMMETRIC_LEVELS = 127
"""Steps on either side of 0 where the zero point is in the middle: the highest code of a weight."""


@dataclass(frozen=True)
class Codes:
    """Scale and zero point of a tensor's unsigned codes. Both are finite, and the scale is positive."""

    scale: np.float32
    zero: int

    @classmethod
    def covering(cls, low: float, high: float) -> Codes:
        """The codes of the span [low, high], which includes 0."""
        scale = np.float32((high - low) / LEVELS)
        return cls(scale, round(-low / float(scale)))

    def steps(self, values: np.ndarray) -> np.ndarray:
        """Values, rounded and clipped, as whole steps away from 0: code - zero."""
        return np.rint(values / self.scale).clip(-self.zero, LEVELS - self.zero)


@dataclass(frozen=True)
class Kernel:
    """A convolution: weight [out, in, kh, kw] and bias [out], float32."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class QuantizedWeights:
    """Quantized weights: codes, int8 [out, in, kh, kw] in [-127, 127], and their scale [out], a float array."""

    codes: np.ndarray
    scale: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The weights that the codes stand for, [out, in, kh, kw]."""
        return self.codes * self.scale[:, None, None, None]
