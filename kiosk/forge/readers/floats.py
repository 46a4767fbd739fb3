"""Bring a network to float32: half and double precision, and int8 in the form of Q/DQ pairs."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import BadInput

OTHER_FLOATS = {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}


def to_float32(model: onnx.ModelProto) -> None:
    """Change `model` in place. Raises BadInput (`quantized`) for int8 networks in another form."""
    integer = next((n for n in model.graph.node if n.op_type.startswith("QLinear") or "Integer" in n.op_type), None)
    if integer is not None:
        raise BadInput(
            f"the network computes in int8 ({integer.op_type}); import it in float32, or quantized with"
            " QuantizeLinear and DequantizeLinear",
            "quantized",
        )
    _widen(model.graph)
    if any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        _unquantize(model.graph)


def _widen(graph: onnx.GraphProto) -> None:
    """Make every float32, and casts between floats copies."""
    tensors = [a.t for node in graph.node for a in node.attribute if a.HasField("t")]
    for tensor in [*graph.initializer, *tensors]:
        if tensor.data_type in OTHER_FLOATS:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for value in [*graph.input, *graph.output]:
        if value.type.tensor_type.elem_type in OTHER_FLOATS:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in OTHER_FLOATS:
                attribute.i = TensorProto.FLOAT
    del graph.value_info[:]


def _unquantize(graph: onnx.GraphProto) -> None:
    """Decode the weights, and replace each pair of QuantizeLinear and DequantizeLinear by Clip to the values that have
    a code.

    Rounding has no slope, and the clipping may stand for a ReLU that the quantizer removed.
    """
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    known.update(
        (n.output[0], numpy_helper.to_array(n.attribute[0].t))
        for n in graph.node
        if n.op_type == "Constant" and n.attribute[0].name == "value"
    )
    codes = {node.output[0]: node for node in graph.node if node.op_type == "QuantizeLinear"}
    nodes = []
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in codes:
            nodes.append(_clip(graph, codes[node.input[0]], node.output[0], known))
        elif node.op_type == "DequantizeLinear" and all(name in known for name in node.input):
            values = _decoded(node, *(known[name] for name in node.input))
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        elif node.op_type != "QuantizeLinear":
            nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
    del graph.node[:]
    graph.node.extend(nodes)


def _decoded(node: onnx.NodeProto, codes: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None) -> np.ndarray:
    """(code - zero) * scale, in float32; scales and zeros are one number each, or one for each index of an axis."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if attributes.get("block_size"):
        raise BadInput(f"{node.output[0]} is quantized in blocks; import the network in float32", "quantized")
    shape = [1] * codes.ndim
    if scale.size > 1:
        shape[attributes.get("axis", 1)] = -1
    centered = codes.astype(np.float64) - (0 if zero is None else zero.astype(np.float64).reshape(shape))
    return (centered * scale.reshape(shape)).astype(np.float32)


def _clip(
    graph: onnx.GraphProto, quantize: onnx.NodeProto, output: str, known: dict[str, np.ndarray]
) -> onnx.NodeProto:
    """Clip the input of `quantize` to the values of its lowest and highest code."""
    source, scale = quantize.input[0], known.get(quantize.input[1])
    zero = known.get(quantize.input[2], np.zeros((), np.uint8)) if len(quantize.input) > 2 else np.zeros((), np.uint8)
    if scale is None or scale.size != 1 or zero.dtype not in (np.uint8, np.int8, np.uint16, np.int16):
        raise BadInput(f"{source} is quantized with other than one scale in 8 or 16 bits", "quantized")
    span = np.iinfo(zero.dtype)
    names = [f"{output}/low", f"{output}/high"]
    for name, code in zip(names, (span.min, span.max), strict=True):
        value = (code - int(zero.reshape(()))) * float(scale.reshape(()))
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    return helper.make_node("Clip", [source, *names], [output], output)
