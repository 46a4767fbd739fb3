"""Resampling to another size."""

from __future__ import annotations

import numpy as np

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.table import Step, gradient

ATTRIBUTES = (
    "mode",
    "coordinate_transformation_mode",
    "nearest_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "extrapolation_value",
    "antialias",
)


@gradient("Resize")
def resize(step: Step, dy: Tensor) -> Tensor:
    """Every mode is linear in x and separable: y = x M along each axis, with M = Resize(identity), so dx = dy M'."""
    op, ints, tape, x = step.op, step.tape.ints, step.tape, step.input
    if step.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise step.refuse("it keeps the aspect ratio")
    if step.attribute("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        raise step.refuse("it crops")
    attributes = {name: step.attribute(name, None) for name in ATTRIBUTES}
    axes = [axis % x.rank for axis in step.attribute("axes", range(x.rank))]
    scales, sizes = step.optional(2), step.optional(3)
    for i, axis in enumerate(axes):
        if x.shape[axis] == step.y.shape[axis] and x.shape[axis] is not None:
            continue
        size = op("Shape", x, start=axis, end=axis + 1)
        positions = op("Range", tape.integer(0), op("Squeeze", size), tape.integer(1))
        identity = op("OneHot", positions, op("Squeeze", size), tape.constant(np.array([0.0, 1.0])))
        if sizes is None:
            given = op("Slice", scales, ints([i]), ints([i + 1]))
            one = tape.op("Cast", ints([1]), to=1)
            matrix = op("Resize", identity, None, op("Concat", one, given, axis=0), **attributes)
        else:
            given = op("Slice", sizes, ints([i]), ints([i + 1]))
            matrix = op("Resize", identity, None, None, op("Concat", size, given, axis=0), **attributes)
        last = [a for a in range(x.rank) if a != axis] + [axis]
        product = op("MatMul", op("Transpose", dy, perm=last), op("Transpose", matrix, perm=[1, 0]))
        dy = op("Transpose", product, perm=[last.index(a) for a in range(x.rank)])
    return dy
