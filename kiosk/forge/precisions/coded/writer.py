"""Tensors that exist as floats [1, C, H, W], as 8-bit codes [1, H, W, C], or both: converted where a reader needs it.

An activation's codes have one scale per channel, from calibration, which the convolutions' weights take in. A
gradient's codes are 128 + gradient / scale; the scale is a calibrated multiple of the RMS of the gradients that it was
computed from, which is measured at run time on some of their rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from kiosk.forge.precisions.coded.facts import Facts
from kiosk.forge.precisions.codes import LEVELS, SYMMETRIC_LEVELS
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.precisions.int8_gradient import MIDDLE, GradientWriter
from kiosk.forge.precisions.int8_writer import CodeNames

OWN = "int8/"
"""What the names of the writer's own tensors begin with, so that the network may have any others."""
ROWS = 4
"""The RMS of a gradient is that of every so many rows."""
LEAST = 1e-20
"""A smaller RMS counts as this."""
SMALLEST_RANGE = 1e-6
TO_ROWS, TO_PLANES = [0, 2, 3, 1], [0, 3, 1, 2]


@dataclass(frozen=True)
class Coded:
    """A tensor's codes. `scale`: of an activation, [C]; `names`: of a gradient, the scale computed at run time."""

    codes: str
    zero: int
    scale: np.ndarray | None = None
    names: CodeNames | None = None


class CodedWriter(GradientWriter):
    """Writes nodes on floats and on codes. `ranges` has an entry for every tensor that is quantized."""

    def __init__(self, facts: Facts, ranges: Ranges) -> None:
        super().__init__()
        self.facts, self.ranges = facts, ranges
        self.coded: dict[str, Coded] = {}
        self.waiting: dict[str, onnx.NodeProto] = {}
        """output -> a node that is written only if somebody reads it as floats"""
        self.written = {"", *facts.values, *(value.name for value in facts.model.graph.input)}
        """The tensors that exist as floats."""
        self.sources: dict[str, tuple[str, ...]] = {}
        """gradient -> those whose RMS its scale is a multiple of"""
        self._measured: dict[str, str] = {}

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        return super().constant(name if name.startswith(OWN) else f"{OWN}{name}", value)

    def given(self, name: str) -> str:
        """Keep a constant of the float graph, if the tensor is one."""
        if name in self.facts.values:
            self.constants.setdefault(name, numpy_helper.from_array(self.facts.values[name], name))
        return name

    def floats(self, name: str) -> str:
        """The tensor as floats."""
        if name in self.written:
            return name
        if name in self.waiting:
            self.write(self.waiting.pop(name))
            return name
        held = self.coded[name]
        planes = self.op("Transpose", [held.codes], f"int8/{name}/planes", perm=TO_PLANES)
        if held.names:
            self.dequantize(planes, held.names, name)
        else:
            self.dequantize(planes, self._of_activation(name, held), name, axis=1)
        self.written.add(name)
        return name

    def steps_at(self, zero: int) -> CodeNames:
        """Codes with scale 1 and this zero point."""
        return self.gradient_steps if zero else self.steps

    def write(self, node: onnx.NodeProto) -> None:
        """Write a node of the float graph as it is."""
        for name in node.input:
            self.floats(name)
            self.given(name)
        self.nodes.append(node)
        self.written.update(node.output)

    def scale_of(self, name: str) -> tuple[np.ndarray, int]:
        """The scale [C] and the zero point of an activation's codes."""
        facts = self.facts
        if bound := facts.bound(name):
            return np.full(facts.channels(name), bound / LEVELS), 0
        limits = np.max([self.ranges.activations[one] for one in facts.group(name)], axis=0)
        limits = np.maximum(np.asarray(limits, np.float64), SMALLEST_RANGE)
        return (limits / LEVELS, 0) if facts.positive(name) else (limits / SYMMETRIC_LEVELS, MIDDLE)

    def codes_of(self, name: str) -> Coded:
        """The tensor as codes."""
        if name not in self.coded:
            self.floats(name)
            if self.facts.is_forward(name):
                scale, zero = self.scale_of(name)
                held = Coded(f"int8/{name}/codes", zero, scale)
                planes = self.quantize_planes(name, self._of_activation(name, held))
            else:
                held = Coded(f"int8/{name}/codes", MIDDLE, names=self.target(name, name))
                assert held.names
                planes = self.quantize(name, held.names, f"int8/{name}/quantized")
            self.op("Transpose", [planes], held.codes, perm=TO_ROWS)
            self.coded[name] = held
        return self.coded[name]

    def quantize_planes(self, name: str, codes: CodeNames) -> str:
        return self.op("QuantizeLinear", [name, *codes], f"int8/{name}/quantized", axis=1)

    def target(self, name: str, *sources: str) -> CodeNames:
        """The codes of the gradient `name`, computed from those of `sources`."""
        self.sources[name] = sources
        measured = [self._rms(source) for source in sources]
        size = measured[0] if len(measured) == 1 else self.op("Add", measured, f"int8/{name}/sizes")
        ratio = np.float32(self.ranges.gradients[name] / SYMMETRIC_LEVELS)
        scale = self.op("Mul", [size, self.constant(f"int8/{name}/range", ratio)], f"int8/{name}/scale")
        return CodeNames(scale, self.middle)

    def _rms(self, name: str) -> str:
        """The root mean square of a gradient, on every ROWS-th of its rows."""
        if name not in self._measured:
            held = self.coded.get(name)
            source, axis = (held.codes, 1) if held else (name, 2)
            bounds = [self.ints("first", [0]), self.ints("last", [1 << 30])]
            window = [*bounds, self.ints(f"axis{axis}", [axis]), self.ints("every", [ROWS])]
            rows = self.op("Slice", [source, *window], f"int8/{name}/some_rows")
            if held and held.names:
                rows = self.dequantize(rows, held.names, f"int8/{name}/some_values")
            squares = self.op("Mul", [rows, rows], f"int8/{name}/squares")
            mean = self.op("ReduceMean", [squares], f"int8/{name}/mean_square", keepdims=0)
            root = self.op("Sqrt", [mean], f"int8/{name}/root")
            self._measured[name] = self.op("Max", [root, self.constant("least", np.float32(LEAST))], f"int8/{name}/rms")
        return self._measured[name]

    def _of_activation(self, name: str, held: Coded) -> CodeNames:
        assert held.scale is not None
        zero = np.full(len(held.scale), held.zero, np.uint8)
        return CodeNames(
            self.constant(f"int8/{name}/scales", held.scale.astype(np.float32)),
            self.constant(f"int8/{name}/zeros", zero),
        )
