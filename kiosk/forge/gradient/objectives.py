"""The objectives that a dream maximizes, each with its gradient at the layer, where the backward pass starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kiosk.forge.gradient.tape import Tape, Tensor


@dataclass(frozen=True)
class Seed:
    """The start of the backward pass at a layer: the objective's `value`, a scalar; `gradient`, d value / d activation,
    of the activation's shape; and the graph inputs that they need."""

    value: Tensor
    gradient: Tensor
    inputs: list[onnx.ValueInfoProto]


Objective = Callable[[Tape, Tensor, int, float, str], Seed]
"""(tape, activation [1, C, ...], C, the layer's weight, suffix of input names) -> Seed."""


def reaction(tape: Tape, activation: Tensor, channels: int, weight: float, suffix: str) -> Seed:
    """weight * the mean over channels and positions of w_c * a_c^2 (Mordvintsev, Olah and Tyka, "Inceptionism", 2015).

    w is the initializer `channel_weights`, [C], all ones. It is also an input, so that callers can override it.
    """
    name = f"channel_weights{suffix}"
    tape.initializers.append(numpy_helper.from_array(np.ones(channels, tape.dtype), name))
    shape = [1, channels] + [1] * (activation.rank - 2)
    weighted = activation * tape.op("Reshape", Tensor(tape, name), tape.ints(shape))
    return Seed(
        value=tape.op("ReduceMean", weighted * activation, keepdims=0) * weight,
        gradient=weighted * (tape.scalar(2.0 * weight) / tape.to_float(activation.count())),
        inputs=[_input(tape, name, [channels])],
    )


def likeness(tape: Tape, activation: Tensor, channels: int, weight: float, suffix: str) -> Seed:
    """weight * the mean over channels and positions of a_c * g_c, where g is, at each position, the guide's feature
    with the largest dot product with a ("Deep Dreams", the notebook of 2015, "Controlling dreams").

    The guide's features are the input `guide`, [C, K]. On a tie, the first feature is used.
    """
    name = f"guide{suffix}"
    guide = Tensor(tape, name, [channels, f"features{suffix}"])
    positions = tape.op("Transpose", tape.op("Reshape", activation, tape.ints([channels, -1])), perm=[1, 0])
    nearest = tape.op("ArgMax", tape.op("MatMul", positions, guide), axis=1, keepdims=0)
    chosen = tape.op("Reshape", tape.op("Gather", guide, nearest, axis=1), activation.sizes())
    return Seed(
        value=tape.op("ReduceMean", chosen * activation, keepdims=0) * weight,
        gradient=chosen * (tape.scalar(weight) / tape.to_float(activation.count())),
        inputs=[_input(tape, name, [channels, f"features{suffix}"])],
    )


def _input(tape: Tape, name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(tape.dtype), shape)
