"""Elementwise arithmetic."""

from __future__ import annotations

from kiosk.forge.gradient.tape import Tensor
from kiosk.forge.rules.broadcast import unbroadcast
from kiosk.forge.rules.table import EVERY, Step, gradient


@gradient("Identity", "Dropout", "Cast")
def identity(step: Step, dy: Tensor) -> Tensor:
    """y = x (Dropout outside training, Cast to the same type)."""
    return dy


@gradient("Add", "Sum", inputs=EVERY)
def add(step: Step, dy: Tensor) -> Tensor:
    """y = a + b + ..."""
    return unbroadcast(dy, step.input, step.y)


@gradient("Mean", inputs=EVERY)
def mean(step: Step, dy: Tensor) -> Tensor:
    """y = (a + b + ...) / n"""
    return unbroadcast(dy * (1 / len(step.x)), step.input, step.y)


@gradient("Sub", inputs=(0, 1))
def sub(step: Step, dy: Tensor) -> Tensor:
    """y = a - b"""
    return unbroadcast(dy if step.k == 0 else -dy, step.input, step.y)


@gradient("Mul", inputs=(0, 1))
def mul(step: Step, dy: Tensor) -> Tensor:
    """y = a b"""
    return unbroadcast(dy * step.arg(1 - step.k), step.input, step.y)


@gradient("Div", inputs=(0, 1))
def div(step: Step, dy: Tensor) -> Tensor:
    """y = a / b: 1 / b for a, -y / b for b"""
    dx = dy / step.arg(1)
    return unbroadcast(dx if step.k == 0 else -(dx * step.y), step.input, step.y)


@gradient("Max", "Min", inputs=(0, 1))
def extreme(step: Step, dy: Tensor) -> Tensor:
    """y = the larger (Max) or smaller (Min) of two; on a tie, the first gets dy."""
    if len(step.x) > 2:
        raise step.refuse("it has more than two inputs")
    if len(step.x) == 1:
        return dy
    sign = 1.0 if step.node.op_type == "Max" else -1.0
    second = step.tape.positive((step.y - step.arg(0)) * sign)
    return unbroadcast(dy * (second if step.k else 1 - second), step.input, step.y)


@gradient("Where", inputs=(1, 2))
def where(step: Step, dy: Tensor) -> Tensor:
    """y = a where the condition holds, else b"""
    zero = step.tape.scalar(0.0)
    kept = (dy, zero) if step.k == 1 else (zero, dy)
    return unbroadcast(step.op("Where", step.arg(0), *kept), step.input, step.y)


@gradient("Pow")
def power(step: Step, dy: Tensor) -> Tensor:
    """y = x^c: y' = c x^(c - 1), with c a constant"""
    exponent = step.arg(1)
    if exponent.value is None:
        raise step.refuse("its exponent is not a constant")
    less = step.tape.constant(exponent.value.astype(step.tape.dtype) - 1)
    factor = step.tape.constant(exponent.value.astype(step.tape.dtype))
    return unbroadcast(dy * factor * step.op("Pow", step.input, less), step.input, step.y)


@gradient("Neg")
def negative(step: Step, dy: Tensor) -> Tensor:
    """y = -x"""
    return -dy


@gradient("Abs")
def absolute(step: Step, dy: Tensor) -> Tensor:
    """y = |x|: y' is the sign of x"""
    return dy * step.op("Sign", step.input)


@gradient("Sqrt")
def square_root(step: Step, dy: Tensor) -> Tensor:
    """y' = 1 / (2 y)"""
    return dy * 0.5 / step.y


@gradient("Reciprocal")
def reciprocal(step: Step, dy: Tensor) -> Tensor:
    """y = 1 / x: y' = -y^2"""
    return -(dy * step.y * step.y)


@gradient("Exp")
def exponential(step: Step, dy: Tensor) -> Tensor:
    """y' = y"""
    return dy * step.y


@gradient("Log")
def logarithm(step: Step, dy: Tensor) -> Tensor:
    """y' = 1 / x"""
    return dy / step.input
