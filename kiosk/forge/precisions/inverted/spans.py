"""The spans of inverted-residual blocks in symmetric codes."""

from __future__ import annotations

import numpy as np

from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.precisions.inverted.forward import HIGHEST
from kiosk.forge.readers.efficientnet import MEAN


def tensor_spans(ranges: Ranges) -> dict[str, float]:
    """The largest value of each tensor that the float32 graph convolves, for symmetric codes.

    These codes have one scale for all channels. It clips the block outputs with the highest tenth of ranges.
    """
    clipped = {name: HIGHEST for name in ranges.gradients if name not in ranges.activations and name != "picture"}
    outputs = {name: float(np.quantile(limits, 0.9)) for name, limits in ranges.activations.items()}
    return {"centered": 255 - MEAN, **clipped, **outputs}
