"""Convolutions. Their weights are constants, because the dream changes the picture, not the network."""

from __future__ import annotations

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.table import Step, gradient
from kiosk.forge.rules.window import SPATIAL, spread, window_of


@gradient("Conv")
def conv(step: Step, dy: Tensor) -> Tensor:
    """y = W * x + b: dx is the transposed convolution of dy; see `spread`."""
    weights = step.arg(1).value
    if weights is None:
        raise step.refuse("its weights are not constants")
    return spread(step, dy, weights, step.attribute("group", 1), window_of(step, weights.shape[2:]))


@gradient("ConvTranspose")
def conv_transpose(step: Step, dy: Tensor) -> Tensor:
    """The transpose of a transposed convolution is the convolution with the same weights, strides and pads."""
    op, x = step.op, step.input
    weights = step.arg(1).value
    if weights is None:
        raise step.refuse("its weights are not constants")
    window = window_of(step, weights.shape[2:])
    extra = step.attribute("output_padding", (0, 0))
    pads = step.attribute("pads", (0, 0, 0, 0))
    auto_pad, target = window.auto_pad, step.attribute("output_shape", None)
    if auto_pad != "NOTSET" or target:
        sizes = x.shape[2:]
        if target and not all(isinstance(size, int) for size in sizes):
            raise step.refuse("its output_shape is fixed and its input's is not")
        # Total padding for the output size, as in the ONNX specification. With auto_pad SAME, the size is stride *
        # size.
        totals = []
        for axis, (stride, reach) in enumerate(zip(window.strides, window.reach, strict=True)):
            whole = reach + 1 - stride + extra[axis]
            totals.append(whole + stride * int(sizes[axis] or 0) - target[axis] if target else whole)
        totals = [0 if auto_pad == "VALID" and not target else max(0, total) for total in totals]
        less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
        pads = less + more if auto_pad == "SAME_UPPER" else more + less
    dx = op(
        "Conv",
        dy,
        step.tape.constant(weights, "weights"),
        strides=window.strides,
        pads=pads,
        dilations=window.dilations,
        group=step.attribute("group", 1),
    )
    if any(more >= stride for more, stride in zip(extra, window.strides, strict=True)):
        dx = op("Slice", dx, step.tape.ints([0, 0]), x.sizes(2), step.tape.ints(SPATIAL))
    return dx
