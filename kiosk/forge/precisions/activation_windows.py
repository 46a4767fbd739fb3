"""Activation windows: the range that each channel's 256 codes cover, in an int8 chain of convolutions and LeakyReLUs.

The codes of a layer cover the window [-low, 1] times the channel's scale. Scales cost nothing: LeakyReLU is positively
homogeneous, so dividing a channel by its scale and multiplying the next layer's weights by it is exact.

If a layer's codes are written before the LeakyReLU, negative values, which LeakyReLU shrinks to a tenth, take half of
them. Early layers have few channels, so these are split in two, each with a narrow window:

    leaky(z) = leaky(max(z, -t)) - 0.1 relu(-z - t),    t = low x scale

The second term is a copy of the channel with reversed sign. Later layers have too many channels for that; their sums
leave the matrix product as floats, and codes are written after the LeakyReLU. The scales and split channels are
calibrated on photos and dreams and stored in models/ranges.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kiosk.errors import BadInput
from kiosk.forge.precisions.codes import Codes, Kernel
from kiosk.recipes.catalog import CATALOG_FOLDER

SLOPE = 0.1


@dataclass(frozen=True)
class Window:
    """The codes of one layer's output of C channels. `low` > 0; `scale` [C]; `split`: indices of the S split channels;
    `turned` [S]: scales of their copies; `after`: codes are written after the LeakyReLU and cover [-0.1 low, 1]."""

    after: bool
    low: float
    scale: np.ndarray
    split: np.ndarray
    turned: np.ndarray

    @property
    def codes(self) -> Codes:
        """Scale and zero point of the layer's output codes, in units of each channel's scale."""
        return Codes.covering(-self.low * (SLOPE if self.after else 1), 1)

    def to_json(self) -> dict[str, Any]:
        def short(values: np.ndarray) -> list[float]:
            return [float(f"{value:.5g}") for value in values]

        return {
            "after": self.after,
            "low": self.low,
            "scale": short(self.scale),
            "split": self.split.tolist(),
            "turned": short(self.turned),
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Window:
        return cls(
            bool(fields["after"]),
            float(fields["low"]),
            np.array(fields["scale"], np.float32),
            np.array(fields["split"], np.int64),
            np.array(fields["turned"], np.float32),
        )


def ranges_file(network: str, folder: Path = CATALOG_FOLDER / "ranges") -> Path:
    """The path of a network's calibrated values."""
    return folder / f"{network}.json"


def read_ranges(network: str) -> dict[str, Any]:
    """Read a network's calibrated values. Raises BadInput if it has none."""
    try:
        return json.loads(ranges_file(network).read_text(encoding="ascii"))
    except FileNotFoundError:
        raise BadInput(f"{network} has no calibrated ranges, so it cannot be built in int8", "precision") from None


def windowed(kernel: Kernel, window: Window) -> Kernel:
    """Divide the kernel's outputs by their scales and append the copies of the split channels."""
    bias, scale, split, turned = kernel.bias, window.scale, window.split, window.turned
    weight = np.concatenate([_rows(kernel.weight, 1 / scale), _rows(kernel.weight[split], -1 / turned)])
    copies = (-bias[split] - window.low * scale[split]) / turned
    return Kernel(weight, np.concatenate([bias / scale, copies]).astype(np.float32))


def after_window(kernel: Kernel, window: Window) -> Kernel:
    """Adapt the kernel to read the output of a windowed layer, so that it computes the same result."""
    columns = [kernel.weight * window.scale[:, None, None]]
    columns.append(kernel.weight[:, window.split] * (-SLOPE * window.turned)[:, None, None])
    return Kernel(np.concatenate(columns, axis=1), kernel.bias)


def _rows(weight: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return weight * factors[:, None, None, None].astype(np.float32)
