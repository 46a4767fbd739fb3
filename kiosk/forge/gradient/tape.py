"""Write graph nodes as expressions.

A `Tape` collects the nodes and constants of a backward pass. A `Tensor` names a value in the graph and overloads
arithmetic, so that a gradient rule reads like its formula: `dy * y * (1 - y)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Dim = int | str | None


class Tensor:
    """A value in the graph. Operators need equal element types; Python numbers become constants of the tape's type."""

    def __init__(self, tape: Tape, name: str, shape: Sequence[Dim] | None = None) -> None:
        self.tape = tape
        self.name = name
        self._shape = shape

    @property
    def shape(self) -> list[Dim]:
        """Static sizes: an int, the name of a free size, or None. Forward tensors only.

        Raises ValueError if not even the rank is known.
        """
        if self._shape is None:
            raise ValueError(f"the rank of {self.name!r} is not known")
        return list(self._shape)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def value(self) -> np.ndarray | None:
        """The value if the tensor is a constant, otherwise None."""
        return self.tape.constants.get(self.name)

    def sizes(self, start: int = 0) -> Tensor:
        """The run-time sizes from axis `start` on, int64. ONNX Runtime folds them if the session's shape is fixed."""
        return self.tape.op("Shape", self, start=start)

    def count(self, start: int = 0) -> Tensor:
        """The number of elements over the axes from `start` on, int64 [1]. (ONNX Runtime does not fold Size.)"""
        return self.tape.op("ReduceProd", self.sizes(start))

    def __add__(self, other: Tensor | float) -> Tensor:
        return self.tape.op("Add", self, self._operand(other))

    def __sub__(self, other: Tensor | float) -> Tensor:
        return self.tape.op("Sub", self, self._operand(other))

    def __rsub__(self, other: float) -> Tensor:
        return self.tape.op("Sub", self._operand(other), self)

    def __mul__(self, other: Tensor | float) -> Tensor:
        return self.tape.op("Mul", self, self._operand(other))

    def __truediv__(self, other: Tensor | float) -> Tensor:
        return self.tape.op("Div", self, self._operand(other))

    def __pow__(self, other: float) -> Tensor:
        return self.tape.op("Pow", self, self._operand(other))

    def __neg__(self) -> Tensor:
        return self.tape.op("Neg", self)

    __radd__ = __add__
    __rmul__ = __mul__

    def _operand(self, other: Tensor | float) -> Tensor:
        return other if isinstance(other, Tensor) else self.tape.scalar(other)


class Tape:
    """The nodes and initializers of a graph under construction.

    `constants`: known values of the forward graph (initializers and Constant nodes) and of constants added here.
    `dtype`: the element type of the image and all gradients.
    """

    def __init__(self, dtype: np.dtype, constants: dict[str, np.ndarray], taken: set[str]) -> None:
        self.dtype = dtype
        self.constants = constants
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.scope = "gradient"
        self._taken = set(taken)
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._counters: dict[str, int] = {}

    def op(self, kind: str, *inputs: Tensor | None, **attributes: Any) -> Tensor:
        """Append a node with one output. None stands for an omitted optional input; None attributes are left out."""
        output = self.fresh(f"{self.scope}/{kind}")
        names = [t.name if t is not None else "" for t in inputs]
        while names and not names[-1]:
            names.pop()
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(kind, names, [output], name=output, **given))
        return Tensor(self, output)

    def copy(self, node: onnx.NodeProto, output: int) -> Tensor:
        """Repeat a forward node to get its output number `output`, which the network may not use."""
        again = onnx.NodeProto()
        again.CopyFrom(node)
        del again.output[:]
        again.output.extend(self.fresh(f"{self.scope}/{node.op_type}") for _ in range(output + 1))
        again.name = again.output[0]
        self.nodes.append(again)
        return Tensor(self, again.output[output])

    def constant(self, value: np.ndarray, label: str = "constant") -> Tensor:
        """Add an initializer, shared by equal values. Floating-point values are stored in the tape's type."""
        value = np.asarray(value)
        if value.dtype.kind == "f":
            value = value.astype(self.dtype)
        value = np.ascontiguousarray(value).reshape(value.shape)
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._known:
            name = self.fresh(f"{self.scope}/{label}")
            self.initializers.append(numpy_helper.from_array(value, name))
            self.constants[name] = value
            self._known[key] = name
        return Tensor(self, self._known[key], list(value.shape))

    def scalar(self, value: float) -> Tensor:
        return self.constant(np.array(value, dtype=self.dtype))

    def ints(self, values: Sequence[int]) -> Tensor:
        """An int64 vector, for axes, sizes and pads."""
        return self.constant(np.array(values, dtype=np.int64))

    def zero(self) -> onnx.TensorProto:
        """The tensor 0 in the tape's type, for ConstantOfShape."""
        return numpy_helper.from_array(np.zeros(1, self.dtype))

    def integer(self, value: int) -> Tensor:
        return self.constant(np.array(value, dtype=np.int64))

    def to_float(self, counts: Tensor) -> Tensor:
        """Cast integers to the tape's element type."""
        return self.op("Cast", counts, to=helper.np_dtype_to_tensor_dtype(self.dtype))

    def positive(self, x: Tensor) -> Tensor:
        """1 where x > 0, else 0.

        HardSigmoid(x) = max(0, min(1, 1e9 x)): on CPUs `Where`, `Greater` and `Sign` cost more than the convolutions.
        Between 0 and 1e-9 the mask is a fraction.
        """
        return self.op("HardSigmoid", x, alpha=1e9, beta=0.0)

    def fresh(self, wish: str) -> str:
        """An unused name: `wish`, or `wish` with a number."""
        name = wish
        while name in self._taken:
            self._counters[wish] = self._counters.get(wish, 1) + 1
            name = f"{wish}_{self._counters[wish]}"
        self._taken.add(name)
        return name
