"""Pooling: over windows, over all positions, over axes."""

from __future__ import annotations

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.table import Step, gradient
from kiosk.forge.rules.window import SPATIAL, spread, window_of


@gradient("MaxPool")
def max_pool(step: Step, dy: Tensor) -> Tensor:
    """y = max over each window: dy goes to the window's first maximum, whose index is MaxPool's second output.

    ScatterElements adds where windows overlap; MaxUnpool would overwrite. CPU time of alternatives relative to this,
    for 3x3 windows with stride 2 on [1,64,256,256]: a mask per tap on the phases of x, merged by a grouped
    ConvTranspose 1.07 or by Col2Im 1.09; MaxUnpool of four sets of disjoint windows 1.38; strided slices and
    DepthToSpace 1.55.
    """
    op, tape, x = step.op, step.tape, step.input
    everything = tape.ints([-1])
    largest = tape.copy(step.node, output=1)
    nothing = op("ConstantOfShape", x.count(), value=tape.zero())
    flat = (op("Reshape", largest, everything), op("Reshape", dy, everything))
    return op("Reshape", op("ScatterElements", nothing, *flat, axis=0, reduction="add"), x.sizes())


@gradient("AveragePool")
def average_pool(step: Step, dy: Tensor) -> Tensor:
    """y = mean over each window: every pixel gets dy / n from each window it is in.

    n is the kernel's size. With padding, it is the number of pixels in the window, where count_include_pad decides
    whether padding counts; positions that ceil_mode adds after the padding never count.
    """
    op, tape, x = step.op, step.tape, step.input
    window = window_of(step)
    channels = x.shape[1]
    if not isinstance(channels, int):
        raise step.refuse("its number of channels is not fixed")
    ones = np.ones((channels, 1, *window.kernel))
    if window.plain:
        return spread(step, dy, ones / ones[0].size, channels, window)
    one = op("Expand", tape.scalar(1.0), op("Concat", tape.ints([1, 1]), x.sizes(2), axis=0))
    counted = window.padded(one, float(step.attribute("count_include_pad", 0)), beyond=0.0)
    n = op("Conv", counted, tape.constant(ones[:1]), strides=window.strides, dilations=window.dilations)
    n = op("Slice", n, tape.ints([0, 0]), step.y.sizes(2), tape.ints(SPATIAL))
    return spread(step, dy / n, ones, channels, window)


@gradient("GlobalAveragePool")
def global_average_pool(step: Step, dy: Tensor) -> Tensor:
    """y = mean over all positions: each gets dy / positions."""
    positions = step.tape.to_float(step.input.count(2))
    return step.op("Expand", dy / positions, step.input.sizes())


@gradient("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
def reduce(step: Step, dy: Tensor) -> Tensor:
    """Mean and sum: every element gets dy, divided by the number of elements for a mean. Maximum and minimum: the
    elements that equal y share dy."""
    op, x = step.op, step.input
    axes = step.optional(1)
    if axes is None and step.attribute("noop_with_empty_axes", 0):
        return dy
    y = step.y
    if not step.attribute("keepdims", 1):
        axes = axes or step.tape.ints(range(x.rank))
        dy, y = op("Unsqueeze", dy, axes), op("Unsqueeze", y, axes)
    kind = step.node.op_type
    if kind == "ReduceMean":
        dy = dy / step.tape.to_float(op("Div", x.count(), op("ReduceProd", op("Shape", dy))))
    elif kind in ("ReduceMax", "ReduceMin"):
        beyond = y - x if kind == "ReduceMax" else x - y
        equal = 1 - step.tape.positive(beyond)
        return dy * equal / op("ReduceSum", equal, axes, keepdims=1)
    return op("Expand", dy, x.sizes())


@gradient("GlobalMaxPool")
def global_max_pool(step: Step, dy: Tensor) -> Tensor:
    """y = max over all positions: the positions that equal y share dy."""
    equal = 1 - step.tape.positive(step.y - step.input)
    axes = step.tape.ints(range(2, step.input.rank))
    return dy * equal / step.op("ReduceSum", equal, axes, keepdims=1)
