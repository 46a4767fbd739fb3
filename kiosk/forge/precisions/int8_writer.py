"""Write a graph of 8-bit codes, channels last: nodes in the order of computation, and constants by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

MICROSOFT = "com.microsoft"
MIDDLE = 128
"""The code of a zero gradient, with 127 codes on either side."""


@dataclass(frozen=True)
class Scale:
    """The names of the scale and zero point of codes."""

    scale: str
    zero: str


class Int8Writer:
    """Collects nodes and constants. Adding a constant under an existing name keeps the first one."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.zero = self.u8("zero", 0)
        self.middle = self.u8("middle", MIDDLE)
        self.one = self.constant("scale_one", np.float32(1))

    def op(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and the output's name. Returns the name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], output, domain=domain, **attributes))
        return output

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name

    def u8(self, name: str, value: int) -> str:
        return self.constant(name, np.uint8(value))

    def ints(self, name: str, values: list[int]) -> str:
        return self.constant(name, np.array(values, np.int64))

    def convolution(
        self,
        name: str,
        x: str,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        source: Scale,
        target: Scale,
        **attributes: object,
    ) -> str:
        """Add a convolution. `bias` is allowed only if the scale of `source` is 1."""
        scale = np.maximum(np.abs(kernel).max((1, 2, 3)), 1e-12) / 127
        codes = np.rint(kernel / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
        inputs = [
            *(x, source.scale, source.zero),
            self.constant(f"{name}.weight", codes),
            self.constant(f"{name}.weight_scale", scale.astype(np.float32)),
            self.constant(f"{name}.weight_zero", np.zeros(len(scale), np.int8)),
            *(target.scale, target.zero),
        ]
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", np.rint(bias / scale).astype(np.int32)))
        shape = list(kernel.shape[2:])
        return self.op("QLinearConv", inputs, name, domain=MICROSOFT, channels_last=1, kernel_shape=shape, **attributes)

    def sum_of(self, name: str, a: str, b: str) -> str:
        """Add two gradients of the same scale."""
        codes = [self.one, self.middle]
        return self.op("QLinearAdd", [a, *codes, b, *codes, *codes], name, domain=MICROSOFT)

    def masked(self, name: str, gradient: str, activation: str) -> str:
        """Mask `gradient` to where the activation's code is not 0. `name`: the activation's name."""
        lit = self.op("Clip", [activation, self.zero, self.u8("lit", 1)], f"{name}/lit")
        codes = [self.one, self.middle]
        inputs = [gradient, *codes, lit, self.one, self.zero, *codes]
        return self.op("QLinearMul", inputs, f"{name}/masked", domain=MICROSOFT)
