"""Elementwise operations."""

from __future__ import annotations

from kiosk.forge.gradient.tape import Tape, Tensor
from kiosk.forge.rules.broadcast import unbroadcast
from kiosk.forge.rules.table import EVERY, Step, gradient


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


@gradient("LeakyRelu")
def leaky_relu(step: Step, dy: Tensor) -> Tensor:
    """y = x where x > 0, else alpha x"""
    alpha = step.attribute("alpha", 0.01)
    return dy * (step.tape.positive(step.input) * (1 - alpha) + alpha)


@gradient("PRelu")
def prelu(step: Step, dy: Tensor) -> Tensor:
    """y = x where x > 0, else slope x"""
    positive = step.tape.positive(step.input)
    return dy * (positive + step.arg(1) * (1 - positive))


@gradient("Clip")
def clip(step: Step, dy: Tensor) -> Tensor:
    """y = x between the bounds; outside them the slope is 0."""
    low, high = step.optional(1), step.optional(2)
    if low is not None:
        dy = dy * step.tape.positive(step.y - low)
    if high is not None:
        dy = dy * step.tape.positive(high - step.y)
    return dy


@gradient("Sigmoid")
def sigmoid(step: Step, dy: Tensor) -> Tensor:
    """y' = y (1 - y)"""
    return dy * step.y * (1 - step.y)


@gradient("HardSigmoid")
def hard_sigmoid(step: Step, dy: Tensor) -> Tensor:
    """y = max(0, min(1, alpha x + beta)): alpha where 0 < y < 1"""
    return dy * _inside(step.tape, step.y) * step.attribute("alpha", 0.2)


@gradient("HardSwish")
def hard_swish(step: Step, dy: Tensor) -> Tensor:
    """y = x h, h = max(0, min(1, x / 6 + 1 / 2)): y' = h + x h'"""
    h = step.op("HardSigmoid", step.input, alpha=1 / 6, beta=0.5)
    return dy * (h + step.input * _inside(step.tape, h) * (1 / 6))


@gradient("Tanh")
def tanh(step: Step, dy: Tensor) -> Tensor:
    """y' = 1 - y^2"""
    return dy * (1 - step.y * step.y)


def _inside(tape: Tape, y: Tensor) -> Tensor:
    """1 where 0 < y < 1, else 0."""
    return tape.positive(y) * tape.positive(1 - y)
