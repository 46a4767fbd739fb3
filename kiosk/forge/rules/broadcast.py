"""Undo NumPy broadcasting."""

from __future__ import annotations

from kiosk.forge.gradient.tape import Tensor


def unbroadcast(dy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sum `dy`, of y's shape, over the axes along which x was repeated, to get x's shape.

    Free sizes with the same name are equal. If names differ, the axes are determined at run time: those where x has
    size 1. (Summing an axis where y also has size 1 changes nothing.)
    """
    op, ints = dy.tape.op, dy.tape.ints
    missing = y.rank - x.rank
    if missing:
        dy = op("ReduceSum", dy, ints(range(missing)), keepdims=0)
    pairs = list(zip(x.shape, y.shape[missing:], strict=True))
    if all(isinstance(a, int) or (a is not None and a == b) for a, b in pairs):
        axes = [i for i, (a, b) in enumerate(pairs) if a == 1 and b != 1]
        return op("ReduceSum", dy, ints(axes), keepdims=1) if axes else dy
    ones = op("Equal", x.sizes(), ints([1]))
    axes = op("Squeeze", op("NonZero", ones), ints([0]))
    return op("ReduceSum", dy, axes, keepdims=1, noop_with_empty_axes=1)
