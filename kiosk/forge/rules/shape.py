"""Operations that move elements without changing them."""

from __future__ import annotations

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.table import EVERY, Step, gradient


@gradient("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(step: Step, dy: Tensor) -> Tensor:
    """The same elements in the input's shape."""
    return step.op("Reshape", dy, step.input.sizes())


@gradient("Transpose")
def transpose(step: Step, dy: Tensor) -> Tensor:
    """The inverse permutation."""
    perm = step.attribute("perm", list(range(step.y.rank))[::-1])
    return step.op("Transpose", dy, perm=[perm.index(axis) for axis in range(len(perm))])


@gradient("SpaceToDepth")
def space_to_depth(step: Step, dy: Tensor) -> Tensor:
    """The inverse, which is DepthToSpace in mode DCR."""
    return step.op("DepthToSpace", dy, blocksize=step.attribute("blocksize", 1), mode="DCR")


@gradient("DepthToSpace")
def depth_to_space(step: Step, dy: Tensor) -> Tensor:
    """The inverse. Mode CRD takes its channels in another order than SpaceToDepth gives them."""
    size, channels = step.attribute("blocksize", 1), step.input.shape[1]
    dx = step.op("SpaceToDepth", dy, blocksize=size)
    if step.attribute("mode", "DCR") == "DCR":
        return dx
    if not isinstance(channels, int):
        raise step.refuse("its number of channels is not fixed")
    order = np.arange(channels).reshape(size * size, -1).T
    return step.op("Gather", dx, step.tape.ints(order.ravel().tolist()), axis=1)


@gradient("Concat", inputs=EVERY)
def concat(step: Step, dy: Tensor) -> Tensor:
    """Each input gets back its slice of the axis."""
    op, ints = step.op, step.tape.ints
    axis = step.attribute("axis", None)
    axis += step.y.rank if axis < 0 else 0
    lengths = [step.arg(i).shape[axis] for i in range(step.k + 1)]
    if all(isinstance(length, int) for length in lengths):
        offset = sum(length for length in lengths[:-1] if isinstance(length, int))
        return op("Slice", dy, ints([offset]), ints([offset + int(lengths[-1] or 0)]), ints([axis]))
    start = ints([0])
    for i in range(step.k):
        start = op("Add", start, op("Shape", step.arg(i), start=axis, end=axis + 1))
    end = op("Add", start, op("Shape", step.input, start=axis, end=axis + 1))
    return op("Slice", dy, start, end, ints([axis]))


@gradient("Pad")
def pad(step: Step, dy: Tensor) -> Tensor:
    """Mode constant: crop the border. Other modes copy pixels, so a copy's gradient goes to its source: dx = M' dy
    along each padded axis, with M the one-hot matrix of source positions (Pad applied to 0, 1, 2, ...)."""
    op, ints, x = step.op, step.tape.ints, step.input
    axes = step.optional(3) or ints(range(x.rank))
    pads = step.arg(1)
    mode = step.attribute("mode", "constant")
    if mode == "constant":
        if pads.value is not None and pads.value.min() < 0:
            raise step.refuse("it cuts its input")
        begin = op("Slice", pads, ints([0]), axes.count())
        end = op("Add", begin, op("Gather", x.sizes(), axes))
        return op("Slice", dy, begin, end, axes)
    if pads.value is None or axes.value is None:
        raise step.refuse(f"its pads (mode {mode}) are not constants")
    count = len(axes.value)
    for i, axis in enumerate(int(a) % x.rank for a in axes.value):
        before, after = int(pads.value[i]), int(pads.value[count + i])
        if before or after:
            size = op("Squeeze", op("Shape", x, start=axis, end=axis + 1))
            positions = op("Range", step.tape.integer(0), size, step.tape.integer(1))
            source = op("Pad", positions, ints([before, after]), mode=mode)
            onehot = op("OneHot", source, size, step.tape.constant(np.array([0.0, 1.0])))
            last = [a for a in range(x.rank) if a != axis] + [axis]
            product = op("MatMul", op("Transpose", dy, perm=last), onehot)
            dy = op("Transpose", product, perm=[last.index(a) for a in range(x.rank)])
    return dy
