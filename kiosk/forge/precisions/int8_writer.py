"""Write a graph of 8-bit codes: nodes in the order of computation, and constants by name.

Codes are in channels-last order, the layout of ONNX Runtime's integer kernels, in which a pixel's channels are copied
as a block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.forge.precisions.codes import Codes, QuantizedWeights

MICROSOFT = "com.microsoft"


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


class CodeNames(NamedTuple):
    """The names of the scale and the zero point of codes in a graph, constant or computed."""

    scale: str
    zero: str


class Int8Writer:
    """Collects nodes and constants. Adding a constant under an existing name keeps the first one."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node with one output and the output's name. Returns the name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def keep(self, node: onnx.NodeProto, values: Mapping[str, np.ndarray]) -> None:
        """Add a node of another graph as it is, with those of the constants `values` that it reads."""
        self.nodes.append(node)
        for name in node.input:
            if name in values:
                self.constant(name, values[name])

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.constants.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name

    def ints(self, name: str, values: Sequence[int]) -> str:
        return self.constant(name, np.array(values, np.int64))

    def codes(self, name: str, codes: Codes) -> CodeNames:
        """Add the constants of `codes`."""
        return CodeNames(
            self.constant(f"{name}.scale", np.float32(codes.scale)), self.constant(f"{name}.zero", np.uint8(codes.zero))
        )

    def weights(self, name: str, codes: np.ndarray, scale: np.ndarray) -> tuple[str, CodeNames]:
        """Add the constants of the weights of convolution `name`: their codes, int8, in the order that its node reads
        them in, their scale [out] and their zero point."""
        weight = self.constant(f"{name}.weight", codes)
        scales = self.constant(f"{name}.weight_scale", scale.astype(np.float32))
        return weight, CodeNames(scales, self.constant(f"{name}.weight_zero", np.zeros(len(scale), np.int8)))

    def quantize(self, values: str, codes: CodeNames, output: str) -> str:
        return self.op("QuantizeLinear", [values, *codes], output)

    def dequantize(self, x: str, codes: CodeNames, output: str, **attributes: Any) -> str:
        return self.op("DequantizeLinear", [x, *codes], output, **attributes)

    def convolution(
        self,
        name: str,
        x: str,
        weights: QuantizedWeights,
        bias: np.ndarray | None,
        source: Codes | CodeNames,
        target: Codes | CodeNames,
        **attributes: Any,
    ) -> str:
        """Add a convolution from codes to codes. `bias` [out] is a value; named codes may have one only if their scale
        is 1."""
        read = self._named(f"{name}.input", source)
        weight, by = self.weights(name, weights.codes, weights.scale)
        inputs = [x, *read, weight, *by, *self._named(f"{name}.output", target)]
        if bias is not None:
            scale = weights.scale.astype(np.float64) * (source.scale if isinstance(source, Codes) else 1)
            inputs.append(self.constant(f"{name}.bias", np.rint(bias.astype(np.float64) / scale).astype(np.int32)))
        shape = list(weights.codes.shape[2:])
        return self.op("QLinearConv", inputs, name, domain=MICROSOFT, channels_last=1, kernel_shape=shape, **attributes)

    def _named(self, name: str, codes: Codes | CodeNames) -> CodeNames:
        return self.codes(name, codes) if isinstance(codes, Codes) else codes

    def model_like(self, source: onnx.ModelProto) -> onnx.ModelProto:
        """The finished model, with the name, inputs, outputs, operator sets and producer of `source`."""
        fields = {"producer_name": source.producer_name} if source.producer_name else {}
        return self.model(source.graph.name, source.graph.input, source.graph.output, source.opset_import, **fields)

    def model(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        opsets: Sequence[onnx.OperatorSetIdProto],
        **fields: Any,
    ) -> onnx.ModelProto:
        """The finished model. `opsets`: all but ONNX Runtime's own, which is added if it is used. `fields`: more fields
        of the model."""
        graph = helper.make_graph(self.nodes, name, list(inputs), list(outputs), list(self.constants.values()))
        used = [*opsets]
        if any(node.domain == MICROSOFT for node in self.nodes):
            used.append(helper.make_opsetid(MICROSOFT, 1))
        return helper.make_model(graph, opset_imports=used, ir_version=8, **fields)


def dream_values(channels: int) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    """The inputs and outputs of the dream graph of a layer with so many channels."""
    picture = [1, 3, "height", "width"]
    return (
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, picture),
            helper.make_tensor_value_info("channel_weights", TensorProto.FLOAT, [channels]),
        ],
        [
            helper.make_tensor_value_info("gradient", TensorProto.FLOAT, picture),
            helper.make_tensor_value_info("objective", TensorProto.FLOAT, []),
        ],
    )
