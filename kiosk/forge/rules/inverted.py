"""Gradient rules for inverted-residual blocks on CPUs, in the blocked layout of `kiosk.forge.rules.blocked`.

A depthwise convolution with stride 2 stands where a block has the most channels. Its gradient stays in phases, at the
size of the smaller picture, through the ReLU6 and the 1x1 convolution before it, and only the few channels that enter
the block are interleaved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules import activations
from kiosk.forge.rules.phases import STEEP, Phased, applies
from kiosk.forge.rules.table import Step
from kiosk.forge.rules.window import Window

STRIDE = 2


def clip(step: Step, dy: Tensor) -> Tensor:
    """y = x between 0 and a bound; outside them the slope is 0."""
    high = step.optional(2)
    bound = None if high is None else high.value
    if not _from_zero(step) or bound is None or bound.size != 1 or not applies(step.y):
        return activations.clip(step, dy)
    if not isinstance(dy, Phased):
        return _masked(step, dy, float(bound))
    down, right = dy.more
    phases = {
        (row, column): _masked(step, part, float(bound), [row + 1, column + 1], [row + down, column + right])
        for (row, column), part in dy.phases.items()
    }
    return Phased(step.tape, phases, step.input, dy.more)


def _from_zero(step: Step) -> bool:
    low = step.optional(1)
    return low is not None and low.value is not None and low.value.size == 1 and float(low.value.reshape(())) == 0


def _masked(
    step: Step, dy: Tensor, bound: float, kernel: Sequence[int] = (1, 1), beyond: Sequence[int] | None = None
) -> Tensor:
    """`dy` where 0 < y < `bound`. With `beyond`, y is read at every second row and column, at the kernel's last tap,
    with so many rows and columns of zeros at its end, where the mask is 0.

    Two convolutions that ONNX Runtime fuses with their activation; every other form of the mask leaves the layout.
    """
    attributes = {} if beyond is None else {"strides": [STRIDE, STRIDE], "pads": [0, 0, *beyond]}
    y, channels = step.y, step.y.shape[1]
    assert isinstance(channels, int), "`applies` is true"
    for sign, bias in ((1.0, 0.0), (-1.0, bound)):
        taps = np.zeros((channels, 1, *kernel), step.tape.dtype)
        taps[..., -1, -1] = sign
        weights = step.tape.constant(taps, "taps")
        biases = step.tape.constant(np.full(channels, bias, step.tape.dtype), "bias") if bias else None
        inside = step.op("Conv", y, weights, biases, group=channels, kernel_shape=list(kernel), **attributes)
        dy = dy * step.op("HardSigmoid", inside, alpha=STEEP, beta=0.0)
    return dy


def halves(weights: np.ndarray, group: int, window: Window, x: Tensor) -> bool:
    """Whether a convolution is a depthwise one with stride 2 that `phased` covers."""
    return (
        window.strides == (STRIDE, STRIDE)
        and min(weights.shape[2:]) >= STRIDE
        and window.dilations == (1, 1)
        and window.before is not None
        and applies(x)
        and group == weights.shape[0] == x.shape[1]
    )


def phased(step: Step, dy: Tensor, weights: np.ndarray, window: Window) -> Phased:
    """dx of a depthwise convolution with stride 2, in phases.

    Row 2m + a of x is read by row o of dy through tap k = 2m + a + before - 2o. With padding and kernel of an even
    difference, dy has floor(H / 2) rows and some; otherwise ceil(H / 2) and some.
    """
    assert window.before is not None
    assert window.after is not None
    channels = weights.shape[0]
    spare = [b + a - k for b, a, k in zip(window.before, window.after, window.kernel, strict=True)]
    more = (1 - spare[0] % STRIDE, 1 - spare[1] % STRIDE)
    phases: dict[tuple[int, int], Tensor] = {}
    for phase in ((0, 0), (0, 1), (1, 0), (1, 1)):
        chosen, pads = [], []
        for axis in (0, 1):
            taps = range((phase[axis] + window.before[axis]) % STRIDE, weights.shape[2 + axis], STRIDE)
            # Row m of the phase reads rows m + (a + before - k) / 2 of dy: later taps read earlier rows.
            offsets = [(phase[axis] + window.before[axis] - k) // STRIDE for k in taps]
            chosen.append(list(taps)[::-1])
            pads.append((-min(offsets), max(offsets) - spare[axis] // STRIDE - 1 + more[axis]))
        kernel = weights[:, :, chosen[0]][:, :, :, chosen[1]]
        phases[phase] = step.op(
            "Conv",
            dy,
            step.tape.constant(kernel, "phase"),
            group=channels,
            kernel_shape=list(kernel.shape[2:]),
            pads=[pads[0][0], pads[1][0], pads[0][1], pads[1][1]],
        )
    return Phased(step.tape, phases, step.input, more, clean=False)
