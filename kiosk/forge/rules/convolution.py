"""Convolutions. Their weights are constants: the dream changes the picture, not the network."""

from __future__ import annotations

from kiosk.forge.rules.table import Step, gradient
from kiosk.forge.rules.window import spread, window_of
from kiosk.forge.tape import Tensor


@gradient("Conv")
def conv(step: Step, dy: Tensor) -> Tensor:
    """y = W * x + b: dx is the transposed convolution of dy; see `spread`."""
    weights = step.arg(1).value
    if weights is None:
        raise step.refuse("its weights are not constants")
    return spread(step, dy, weights, step.attribute("group", 1), window_of(step, weights.shape[2:]))
