"""Activations: functions of one number."""

from __future__ import annotations

import math

from kiosk.forge.gradient.tape import Tape, Tensor
from kiosk.forge.rules.table import Step, gradient


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


@gradient("Elu", "Celu", "Selu")
def elu(step: Step, dy: Tensor) -> Tensor:
    """y = gamma x where x > 0, else gamma alpha (exp(x / c) - 1), which is gamma alpha exp(x / c) / c. Celu: c is
    alpha; else 1."""
    kind, positive = step.node.op_type, step.tape.positive(step.input)
    alpha = step.attribute("alpha", 1.67326319217681884765625 if kind == "Selu" else 1.0)
    gamma = step.attribute("gamma", 1.05070102214813232421875) if kind == "Selu" else 1.0
    slope = (step.y + gamma * alpha) * (1 / alpha if kind == "Celu" else 1.0)
    return dy * (positive * gamma + (1 - positive) * slope)


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


@gradient("Softplus")
def softplus(step: Step, dy: Tensor) -> Tensor:
    """y = ln(1 + exp(x)): y' = sigmoid(x)"""
    return dy * step.op("Sigmoid", step.input)


@gradient("Softsign")
def softsign(step: Step, dy: Tensor) -> Tensor:
    """y = x / (1 + |x|): y' = 1 / (1 + |x|)^2"""
    return dy / (step.op("Abs", step.input) + 1.0) ** 2


@gradient("Mish")
def mish(step: Step, dy: Tensor) -> Tensor:
    """y = x t, t = tanh(ln(1 + exp(x))): y' = t + x (1 - t^2) sigmoid(x)"""
    t = step.op("Tanh", step.op("Softplus", step.input))
    return dy * (t + step.input * (1 - t * t) * step.op("Sigmoid", step.input))


@gradient("Erf")
def erf(step: Step, dy: Tensor) -> Tensor:
    """y' = 2 / sqrt(pi) exp(-x^2)"""
    return dy * step.op("Exp", -(step.input * step.input)) * (2 / math.sqrt(math.pi))


@gradient("Gelu")
def gelu(step: Step, dy: Tensor) -> Tensor:
    """y = x P(x), P the normal distribution: y' = P + x p. With "tanh", P = (1 + tanh(u)) / 2, u = a (x + b x^3)."""
    op, x = step.op, step.input
    if step.attribute("approximate", "none") == "tanh":
        a, b = math.sqrt(2 / math.pi), 0.044715
        t = op("Tanh", (x + x * x * x * b) * a)
        return dy * ((t + 1.0) * 0.5 + x * (1 - t * t) * (x * x * (3 * b) + 1.0) * (a / 2))
    normal = (op("Erf", x * math.sqrt(0.5)) + 1.0) * 0.5
    density = op("Exp", x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    return dy * (normal + x * density)


def _inside(tape: Tape, y: Tensor) -> Tensor:
    """1 where 0 < y < 1, else 0."""
    return tape.positive(y) * tape.positive(1 - y)
