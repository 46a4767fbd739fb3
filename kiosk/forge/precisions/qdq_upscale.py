"""Quantize an upscaling network to symmetric int8 with Q/DQ pairs, the form that TensorRT and OpenVINO compile.

All nodes are standard ones. Scales are initializers, zero points are 0, and weights are quantized per channel.
Symmetric codes have only 127 steps for positive values and one scale for all channels, but after a LeakyReLU nearly all
values are positive, and channels differ by orders of magnitude. So each channel's values are first shifted and scaled
to make its own span [low, high] fill all 255 steps. This is exact and almost free: convolutions are valid, so a shift
of their input is a change of their bias, and LeakyReLU is positively homogeneous, so a channel's factor moves into the
weights of the convolution before it. The spans are calibrated on photos and dreams and stored in models/ranges.

In uniform areas, rounding errors do not average out but shift colors. So each channel's codes are moved by less than
one code, so that its values for uniform black and uniform white are whole codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from kiosk.forge.precisions.codes import LEVELS
from kiosk.forge.precisions.int8_writer import CodeNames, Int8Writer, attributes_of
from kiosk.forge.precisions.rounding import PLACES, drawn_pictures, neighborhoods, round_for

FEW = 8
"""Smallest distance in steps between a channel's values for black and white at which both get whole codes."""
LOWEST = -128
"""The lowest signed code."""


@dataclass(frozen=True)
class Span:
    """The range of values per channel that codes cover: `low` and `high`, float32 [C]."""

    low: np.ndarray
    high: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        return np.maximum((self.high - self.low) / LEVELS, 1e-6).astype(np.float32)

    @property
    def zero(self) -> np.ndarray:
        """The code of 0, which need not be whole: a code is value / scale + zero, in [-128, 127]."""
        return (-self.low / self.scale + LOWEST).astype(np.float32)

    def through(self, first: np.ndarray, second: np.ndarray) -> Span:
        """Widen and move the span slightly, so that the values `first` and `second` [C] have whole codes."""
        apart = np.abs(second - first)
        steps = np.floor(apart / self.scale)
        # If both values are close, whole codes for both would need a much larger scale.
        scale = np.where(steps >= FEW, apart / np.maximum(steps, 1), self.scale)
        low = first - scale * np.ceil((first - self.low) / scale)
        return Span(low.astype(np.float32), (low + LEVELS * scale).astype(np.float32))

    def to_json(self) -> dict[str, list[float]]:
        return {
            "low": [float(f"{value:.4g}") for value in self.low],
            "high": [float(f"{value:.4g}") for value in self.high],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Span:
        return cls(np.array(fields["low"], np.float32), np.array(fields["high"], np.float32))


def quantize_pairs(model: onnx.ModelProto, spans: Mapping[str, Span], side: int) -> onnx.ModelProto:
    """Add Q/DQ pairs to the input and the weights of each convolution in `spans`.

    `side`: side in pixels of the drawn pictures that weights are rounded on, at least as large as the network's border
    requires.
    """
    return _Pairs(model, spans, side).pairs()


class _Pairs(Int8Writer):
    def __init__(self, model: onnx.ModelProto, spans: Mapping[str, Span], side: int) -> None:
        super().__init__()
        self.source = model
        self.values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.makers = {node.output[0]: node for node in model.graph.node}
        self.readers = [name for node in model.graph.node for name in node.input]
        read = {name: self._input(name) for name in spans}
        black, white = (np.full((1, side, side, 3), level, np.float32) for level in (0, 1))
        plain = [_activations(model, set(read.values()), pictures) for pictures in (black, white)]
        self.spans = {
            name: span.through(*(found[read[name]].mean(axis=(0, 1, 2)) for found in plain))
            for name, span in spans.items()
        }
        spans = self.spans
        self.read = _activations(model, set(read.values()), drawn_pictures(side))
        self.coded: dict[str, str] = {}
        # Convolution -> factor on its output channels, for the convolution after its LeakyReLU.
        self.factors = {self._maker(name): 1 / span.scale for name, span in spans.items() if self._maker(name)}

    def _input(self, convolution: str) -> str:
        return next(node.input[0] for node in self.source.graph.node if node.name == convolution)

    def _maker(self, convolution: str) -> str:
        """The convolution whose LeakyReLU only this one reads; "" if anything else is in between."""
        tensor = self._input(convolution)
        leaky = self.makers.get(tensor)
        if leaky is None or leaky.op_type != "LeakyRelu" or self.readers.count(tensor) != 1:
            return ""
        maker = self.makers.get(leaky.input[0])
        return maker.name if maker is not None and maker.op_type == "Conv" else ""

    def pairs(self) -> onnx.ModelProto:
        for node in self.source.graph.node:
            if node.name in self.spans:
                self._coded_convolution(node, self.spans[node.name])
            elif node.name in self.factors:
                factor = self.factors[node.name]
                weight = self.values[node.input[1]] * factor[:, None, None, None]
                self._convolution(node, node.input[0], self.constant(node.input[1], weight), factor)
            else:
                self.keep(node, self.values)
        result = self.model_like(self.source)
        result.metadata_props.extend(self.source.metadata_props)
        onnx.checker.check_model(result)
        return result

    def _coded_convolution(self, node: onnx.NodeProto, span: Span) -> None:
        weight = self.values[node.input[1]]
        seen = np.rint(self.read[node.input[0]] / span.scale + span.zero).clip(LOWEST, LEVELS + LOWEST) - span.zero
        strides = attributes_of(node).get("strides", [1, 1])
        columns = neighborhoods(seen, weight.shape[2:])[:, :: strides[0], :: strides[1]].reshape(-1, weight[0].size)
        some = np.random.default_rng(0).permutation(len(columns))[:PLACES]
        weights = round_for(weight * span.scale[:, None, None], columns[some])
        factor = self.factors.get(node.name, np.ones(len(weight), np.float32))
        codes = self.constant(f"{node.name}.weight_codes", weights.codes)
        pair = CodeNames(
            self.constant(f"{node.name}.weight_scale", (weights.scale * factor).astype(np.float32)),
            self.constant(f"{node.name}.weight_zero", np.zeros(len(weight), np.int8)),
        )
        rounded = self.dequantize(codes, pair, f"{node.name}.weight_rounded", axis=0)
        shifted = -(weights.values * span.zero[:, None, None]).sum((1, 2, 3))
        self._convolution(node, self._read(node, span), rounded, factor, shifted)

    def _read(self, node: onnx.NodeProto, span: Span) -> str:
        """Quantize and dequantize the input of `node`, scaled and shifted so that its codes are its values."""
        name = node.input[0]
        key = f"{name} {'' if self._maker(node.name) else span.to_json()}"
        if key not in self.coded:
            tensor = name
            if not self._maker(node.name):
                factors = self.constant(f"{node.name}.factors", (1 / span.scale).reshape(-1, 1, 1))
                tensor = self.op("Mul", [name, factors], f"{node.name}.scaled")
            shift = self.constant(f"{node.name}.shift", span.zero.reshape(-1, 1, 1))
            tensor = self.op("Add", [tensor, shift], f"{node.name}.shifted")
            pair = CodeNames(
                self.constant("codes.scale", np.ones(1, np.float32)), self.constant("codes.zero", np.zeros(1, np.int8))
            )
            codes = self.quantize(tensor, pair, f"{node.name}.codes")
            self.coded[key] = self.dequantize(codes, pair, f"{node.name}.read")
        return self.coded[key]

    def _convolution(
        self, node: onnx.NodeProto, tensor: str, weight: str, factor: np.ndarray, shifted: np.ndarray | float = 0.0
    ) -> None:
        bias = (self.values[node.input[2]] + shifted) * factor
        inputs = [tensor, weight, self.constant(node.input[2], bias.astype(np.float32))]
        self.nodes.append(helper.make_node("Conv", inputs, list(node.output), name=node.name, **attributes_of(node)))


def _activations(model: onnx.ModelProto, tensors: set[str], pictures: np.ndarray) -> dict[str, np.ndarray]:
    """The values of `tensors` for `pictures` [N, H, W, 3], channels last."""
    wanted = sorted(tensors)
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in wanted)
    evaluator = ReferenceEvaluator(probed)
    found: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    for picture in pictures.transpose(0, 3, 1, 2):
        values = list(evaluator.run(wanted, {"image": picture[None]}))
        for name, value in zip(wanted, values, strict=True):
            found[name].append(np.asarray(value))
    return {name: np.concatenate(values).transpose(0, 2, 3, 1) for name, values in found.items()}
