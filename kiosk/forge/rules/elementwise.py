"""Operations that treat every element alike."""

from __future__ import annotations

from kiosk.forge.rules.broadcast import unbroadcast
from kiosk.forge.rules.table import EVERY, Step, gradient
from kiosk.forge.tape import Tensor


@gradient("Identity", "Dropout")
def identity(step: Step, dy: Tensor) -> Tensor:
    """y = x (Dropout outside training)."""
    return dy


@gradient("Add", "Sum", inputs=EVERY)
def add(step: Step, dy: Tensor) -> Tensor:
    """y = a + b + ..."""
    return unbroadcast(dy, step.input, step.y)


@gradient("Sub", inputs=(0, 1))
def sub(step: Step, dy: Tensor) -> Tensor:
    """y = a - b"""
    return unbroadcast(dy if step.k == 0 else -dy, step.input, step.y)


@gradient("Mul", inputs=(0, 1))
def mul(step: Step, dy: Tensor) -> Tensor:
    """y = a b"""
    return unbroadcast(dy * step.arg(1 - step.k), step.input, step.y)


@gradient("Relu")
def relu(step: Step, dy: Tensor) -> Tensor:
    """y = max(0, x); the slope at 0 is 0."""
    return dy * step.tape.positive(step.y)
