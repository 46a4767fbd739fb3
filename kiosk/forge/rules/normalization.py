"""Normalizations, in inference mode."""

from __future__ import annotations

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.table import Step, gradient


@gradient("BatchNormalization")
def batch_normalization(step: Step, dy: Tensor) -> Tensor:
    """y = scale (x - mean) / sqrt(var + epsilon) + bias, with the statistics from training."""
    if step.attribute("training_mode", 0):
        raise step.refuse("it is in training mode")
    scale, variance = step.arg(1).value, step.arg(4).value
    if scale is None or variance is None:
        raise step.refuse("its parameters are not constants")
    slope = scale / np.sqrt(variance + step.attribute("epsilon", 1e-5))
    return dy * step.tape.constant(slope.reshape(-1, *[1] * (step.y.rank - 2)), "slope")


@gradient("LayerNormalization")
def layer_normalization(step: Step, dy: Tensor) -> Tensor:
    """y = scale (x - mean) / deviation + bias, over the axes from `axis` on."""
    axes = step.tape.ints(range(step.attribute("axis", -1) % step.input.rank, step.input.rank))
    return _normalized(step, dy * step.arg(1), axes)


@gradient("InstanceNormalization")
def instance_normalization(step: Step, dy: Tensor) -> Tensor:
    """y = scale (x - mean) / deviation + bias, over all positions of each channel."""
    rank = step.input.rank
    scale = step.op("Reshape", step.arg(1), step.tape.ints([-1] + [1] * (rank - 2)))
    return _normalized(step, dy * scale, step.tape.ints(range(2, rank)))


def _normalized(step: Step, g: Tensor, axes: Tensor) -> Tensor:
    """The gradient of n = (x - mean) / deviation over `axes`: (g - mean(g) - n mean(g n)) / deviation."""

    def mean(t: Tensor) -> Tensor:
        return step.op("ReduceMean", t, axes, keepdims=1)

    centered = step.input - mean(step.input)
    deviation = step.op("Sqrt", mean(centered * centered) + step.attribute("epsilon", 1e-5))
    n = centered / deviation
    return (g - mean(g) - n * mean(g * n)) / deviation


@gradient("LRN")
def lrn(step: Step, dy: Tensor) -> Tensor:
    """y = x s^-b, s = bias + (a / n) S(x^2), S the sum over the n neighboring channels:
    dx = dy s^-b - (2 a b / n) x S'(dy y / s). S is a banded 1x1 convolution."""
    op, x = step.op, step.input
    n, a, b = step.attribute("size", 1), step.attribute("alpha", 1e-4), step.attribute("beta", 0.75)
    channels = x.shape[1]
    if not isinstance(channels, int) or x.rank != 4:
        raise step.refuse("its input is not [1,C,H,W] with C fixed")
    near = np.subtract.outer(np.arange(channels), np.arange(channels))  # [to, from]
    # The specification's window: from c - floor((n - 1) / 2) to c + ceil((n - 1) / 2).
    band = ((near <= (n - 1) // 2) & (-near <= n // 2)).astype(float)[:, :, None, None]
    s = op("Conv", x * x, step.tape.constant(band * (a / n), "band")) + step.attribute("bias", 1.0)
    back = op("Conv", dy * step.y / s, step.tape.constant(band.swapaxes(0, 1) * (2 * a * b / n), "band"))
    return dy * s**-b - x * back


@gradient("Softmax")
def softmax(step: Step, dy: Tensor) -> Tensor:
    """dx = y (dy - sum(dy y)) along the axis."""
    axis = step.tape.ints([step.attribute("axis", -1)])
    return step.y * (dy - step.op("ReduceSum", dy * step.y, axis, keepdims=1))
