"""The table of gradient rules: operation -> (rule, which inputs it covers).

A rule takes the `Step` (one node of the forward graph) and `dy`, the gradient of the objective with respect to the
node's output number `step.output` (0 for all operations but Split), and returns the gradient with respect to the node's
input number `step.k`.

Operations whose outputs do not depend on the picture's values (Constant, ConstantOfShape, Shape) need no rule, because
the backward pass never visits them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import onnx
from onnx import helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.tape import Tape, Tensor

Rule = Callable[["Step", Tensor], Tensor]
EVERY = range(1 << 30)


class Entry(NamedTuple):
    """A rule, and the indices of the inputs it can differentiate."""

    rule: Rule
    inputs: range | tuple[int, ...]


RULES: dict[str, Entry] = {}


def gradient(*operations: str, inputs: range | tuple[int, ...] = (0,)) -> Callable[[Rule], Rule]:
    """Register the decorated rule for `operations`. `inputs`: the indices it covers, usually not the weights."""

    def register(rule: Rule) -> Rule:
        for operation in operations:
            RULES[operation] = Entry(rule, inputs)
        return rule

    return register


@dataclass(frozen=True)
class Step:
    """One node of the forward graph, seen from the backward pass.

    `x`: its inputs, None if omitted. `y`: its output number `output`. `k`: the index of the input to differentiate.
    """

    node: onnx.NodeProto
    tape: Tape
    x: tuple[Tensor | None, ...]
    y: Tensor
    k: int
    output: int = 0

    @property
    def op(self) -> Callable[..., Tensor]:
        return self.tape.op

    @property
    def input(self) -> Tensor:
        """The input to differentiate."""
        return self.arg(self.k)

    def arg(self, number: int) -> Tensor:
        """Input `number`. Raises BadInput if it is omitted."""
        tensor = self.optional(number)
        if tensor is None:
            raise BadInput(f"{self.title} lacks its input {number}", "bad_network")
        return tensor

    def optional(self, number: int) -> Tensor | None:
        return self.x[number] if number < len(self.x) else None

    def attribute(self, name: str, default: Any) -> Any:
        """The attribute `name` as a Python value (strings decoded), or `default`."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    @property
    def title(self) -> str:
        """The node's name in error messages."""
        return f"{self.node.op_type} ({self.node.name or self.node.output[0]})"

    def refuse(self, reason: str) -> BadInput:
        """The error for a node that has a rule that does not cover this case."""
        return BadInput(f"no gradient for {self.title}: {reason}", "no_gradient_rule")
