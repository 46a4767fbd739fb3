"""Operations that pick elements: their gradient goes back to where the elements came from, the others get 0."""

from __future__ import annotations

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.broadcast import unbroadcast
from kiosk.forge.rules.table import Step, gradient


@gradient("Gather")
def gather(step: Step, dy: Tensor) -> Tensor:
    """y = the elements of x at constant indices along one axis; indices that repeat add up."""
    ints, x, indices = step.tape.ints, step.input, step.arg(1)
    if indices.value is None or indices.value.ndim > 1:
        raise step.refuse("its indices are not a constant vector")
    axis = step.attribute("axis", 0) % x.rank
    if indices.value.ndim == 0:
        dy = step.op("Unsqueeze", dy, ints([axis]))
    size = step.op("Shape", x, start=axis, end=axis + 1)
    return _scatter(step, dy, ints(indices.value.reshape(-1).tolist()), axis, size)


@gradient("Slice")
def slice_(step: Step, dy: Tensor) -> Tensor:
    """y = a range of x along some axes, with constant bounds or steps."""
    op, ints, x = step.op, step.tape.ints, step.input
    starts, ends, axes, steps = step.arg(1), step.arg(2), step.optional(3), step.optional(4)
    if starts.value is None or (axes is not None and axes.value is None) or (steps is not None and steps.value is None):
        raise step.refuse("its bounds are not constants")
    chosen = [int(a) % x.rank for a in axes.value] if axes is not None else list(range(len(starts.value)))  # type: ignore[union-attr]
    strides = [int(s) for s in steps.value] if steps is not None else [1] * len(chosen)  # type: ignore[union-attr]
    for i, (axis, stride) in enumerate(zip(chosen, strides, strict=True)):
        size = op("Shape", x, start=axis, end=axis + 1)
        start = int(starts.value[i])
        if stride == 1 and start >= 0:
            after = op("Sub", op("Sub", size, ints([start])), op("Shape", dy, start=axis, end=axis + 1))
            dy = op("Pad", dy, op("Concat", ints([start]), after, axis=0), None, ints([axis]))
            continue
        positions = op("Range", step.tape.integer(0), op("Squeeze", size), step.tape.integer(1))
        bounds = [op("Slice", bound, ints([i]), ints([i + 1])) for bound in (starts, ends)]
        dy = _scatter(step, dy, op("Slice", positions, *bounds, ints([0]), ints([stride])), axis, size)
    return dy


@gradient("Split")
def split(step: Step, dy: Tensor) -> Tensor:
    """Output number i is a slice of x: dy with zeros in place of the other slices."""
    x, axis = step.input, step.attribute("axis", 0)
    axis %= x.rank
    whole = x.shape[axis]
    lengths = step.optional(1)
    if lengths is not None and lengths.value is not None:
        parts = [int(n) for n in lengths.value]
    elif lengths is None and isinstance(whole, int):
        count = step.attribute("num_outputs", len(step.node.output))
        each = -(-whole // count)
        parts = [min(each, whole - i * each) for i in range(count)]
    else:
        raise step.refuse("its lengths are not constants")
    before, after = sum(parts[: step.output]), sum(parts[step.output + 1 :])
    return step.op("Pad", dy, step.tape.ints([before, after]), None, step.tape.ints([axis]))


@gradient("Expand")
def expand(step: Step, dy: Tensor) -> Tensor:
    """y = x repeated along axes of size 1."""
    return unbroadcast(dy, step.input, step.y)


def _scatter(step: Step, dy: Tensor, positions: Tensor, axis: int, size: Tensor) -> Tensor:
    """Zeros of dy's shape with `size` elements along `axis`, to which dy is added at `positions`."""
    op = step.op
    front, back = op("Shape", dy, start=0, end=axis), op("Shape", dy, start=axis + 1)
    zeros = op("ConstantOfShape", op("Concat", front, size, back, axis=0), value=step.tape.zero())
    behind = step.input.rank - 1 - axis
    if behind:
        positions = op("Unsqueeze", positions, step.tape.ints(range(1, behind + 1)))
    everywhere = op("Expand", positions, op("Shape", dy))
    return op("ScatterElements", zeros, everywhere, dy, axis=axis, reduction="add")
