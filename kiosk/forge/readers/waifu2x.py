"""Build waifu2x networks as ONNX graphs: `image` float32 [1, 3, H, W], RGB 0..1 -> `upscaled` float32 [1, 3, h, w].

Convolutions are valid, so a graph consumes a border of context on each side (the catalog's `border`):
h = scale (H - 2 border). H and W are free dimensions named `height` and `width`; for cunet they must be multiples of
its alignment (2 for the 2x networks, 4 for the 1x ones), because it halves its feature maps.

Transposed convolutions become ordinary ones with an output channel per phase, followed by DepthToSpace. This computes
the same sums several times faster and can be quantized. A 4 x 4 kernel with stride 2 reads only 2 x 2 inputs per output
pixel. The two odd phases lie one input pixel behind the even ones, so the result is one pixel larger on each side, and
that rim is sliced off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import BadInput
from kiosk.forge.precisions.activation_windows import Window, read_ranges
from kiosk.forge.precisions.fp16 import to_half
from kiosk.forge.precisions.int8_cunet import quantize_branching
from kiosk.forge.precisions.int8_upscale import quantize_chain
from kiosk.forge.precisions.qdq_upscale import Span, quantize_pairs
from kiosk.forge.readers.ncnn import NcnnLayer, read_ncnn
from kiosk.recipes.catalog import Network

OPSET = 17
LEAKY_SLOPE_KEY = 10
ROUNDING_SIDE = 32
"""Side in pixels, without the border, of the pictures that weights of Q/DQ graphs are rounded on."""
ACTIVATIONS = {0: None, 1: "Relu", 2: "LeakyRelu", 4: "Sigmoid"}


def build_upscale(network: Network, precision: str, read: Callable[[str], bytes]) -> onnx.ModelProto:
    """Build the graph of an upscaling network in fp32, int8, fp16 or qdq. `read` returns a source file's bytes.

    Raises BadInput if the files are not such a network, or for another precision.
    """
    param, weights = (file.path for file in network.files)
    model = forward(read_ncnn(read(param), read(weights)), network.name)
    if precision == "fp32":
        return model
    if precision == "fp16":
        return to_half(model)
    if precision == "qdq":
        spans = {name: Span.from_json(fields) for name, fields in read_ranges(network.name)["spans"].items()}
        return quantize_pairs(model, spans, ROUNDING_SIDE + 2 * network.border)
    if precision == "int8" and network.align == 1:
        windows = [Window.from_json(fields) for fields in read_ranges(network.name)["windows"]]
        return quantize_chain(model, windows)
    if precision == "int8":
        return quantize_branching(model, read_ranges(network.name)["inputs"])
    raise BadInput(f"{network.name} is not built in precision {precision!r}", "precision")


def forward(layers: tuple[NcnnLayer, ...], name: str) -> onnx.ModelProto:
    """Build the fp32 graph of a network's ncnn layers."""
    writer = _Writer()
    for layer in layers:
        rule = _RULES.get(layer.type)
        if rule is None:
            raise BadInput(f"ncnn layer {layer.name}: type {layer.type} has no rule here", "ncnn")
        rule(writer, layer)
    if writer.nodes[-1].output[0] != writer.tensor(layers[-1].outputs[0]):
        raise BadInput(f"{name}: the last layer computes nothing", "ncnn")
    writer.nodes[-1].output[0] = "upscaled"
    graph = helper.make_graph(
        writer.nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("upscaled", TensorProto.FLOAT, [1, 3, "out_height", "out_width"])],
        writer.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    if writer.squeeze_pitches:
        # Input pixels per position of the feature maps that squeeze1, squeeze2, ... average.
        pitches = ",".join(f"{pitch:g}" for pitch in writer.squeeze_pitches)
        model.metadata_props.add(key="squeeze_pitch", value=pitches)
    onnx.checker.check_model(model)
    return model


class _Writer:
    """The nodes and initializers so far, and the tensor of each ncnn blob."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.blobs: dict[str, str] = {}
        self.pitches = {"image": 1.0}
        self.squeeze_pitches: list[float] = []

    def tensor(self, blob: str) -> str:
        return self.blobs[blob]

    def constant(self, name: str, values: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, *, pitch: float = 1, **attributes: Any) -> str:
        """Add a node. `pitch`: input positions per output position."""
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        self.pitches[output] = self.pitches[inputs[0]] * pitch
        return output

    def activation(self, layer: NcnnLayer, tensor: str) -> str:
        kind = layer.integer(9)
        if kind not in ACTIVATIONS:
            raise BadInput(f"ncnn layer {layer.name}: activation {kind} is not known here", "ncnn")
        op = ACTIVATIONS[kind]
        if op is None:
            return tensor
        attributes: Mapping[str, Any] = {}
        if op == "LeakyRelu":
            slope = layer.params[LEAKY_SLOPE_KEY]
            attributes = {"alpha": slope[0] if isinstance(slope, tuple) else float(slope)}
        return self.node(op, [tensor], f"{layer.name}_{op.lower()}", **attributes)


def _input(writer: _Writer, layer: NcnnLayer) -> None:
    writer.blobs[layer.outputs[0]] = "image"


def _split(writer: _Writer, layer: NcnnLayer) -> None:
    for output in layer.outputs:
        writer.blobs[output] = writer.tensor(layer.inputs[0])


def _convolution(writer: _Writer, layer: NcnnLayer) -> None:
    if layer.integer(4) or layer.integer(2, 1) != 1:
        raise BadInput(f"ncnn layer {layer.name}: padding or dilation is not expected here", "ncnn")
    assert layer.weight is not None
    assert layer.bias is not None
    kernel, stride = layer.integer(1), layer.integer(3, 1)
    weight = writer.constant(f"{layer.name}.weight", layer.weight)
    bias = writer.constant(f"{layer.name}.bias", layer.bias)
    sums = writer.node(
        "Conv",
        [writer.tensor(layer.inputs[0]), weight, bias],
        layer.name,
        pitch=stride,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
    )
    writer.blobs[layer.outputs[0]] = writer.activation(layer, sums)


def _deconvolution(writer: _Writer, layer: NcnnLayer) -> None:
    geometry = layer.integer(1), layer.integer(3, 1), layer.integer(4)
    assert layer.weight is not None
    assert layer.bias is not None
    if geometry == (2, 2, 0):
        # Output pixel 2i + k is weight[k] times input pixel i: one 1 x 1 kernel per phase.
        phases = layer.weight.transpose(2, 3, 0, 1).reshape(-1, layer.weight.shape[1], 1, 1)
    elif geometry == (4, 2, 3):
        # Output pixel o is the sum over i of weight[o + 3 - 2i] x[i]. Inputs p and p+1 make the odd pixel o = 2p-1 with
        # kernel elements 2 and 0, and the even pixel o = 2p with elements 3 and 1.
        phases = np.stack([layer.weight[:, :, (a, a - 2)][:, :, :, (b, b - 2)] for a in (2, 3) for b in (2, 3)])
        phases = phases.reshape(-1, *phases.shape[2:])
    else:
        raise BadInput(f"ncnn layer {layer.name}: transposed convolution {geometry} is not expected here", "ncnn")
    weight = writer.constant(f"{layer.name}.weight", phases)
    bias = writer.constant(f"{layer.name}.bias", np.tile(layer.bias, 4))
    kernel = [int(phases.shape[2])] * 2
    sums = writer.node("Conv", [writer.tensor(layer.inputs[0]), weight, bias], layer.name, kernel_shape=kernel)
    # Put the activation before DepthToSpace, so that it can be fused with its convolution.
    active = writer.activation(layer, sums)
    pixels = writer.node("DepthToSpace", [active], f"{layer.name}_pixels", pitch=0.5, blocksize=2, mode="DCR")
    writer.blobs[layer.outputs[0]] = _crop(writer, pixels, 1, f"{layer.name}_trimmed") if geometry[0] == 4 else pixels


def _inner_product(writer: _Writer, layer: NcnnLayer) -> None:
    assert layer.weight is not None
    assert layer.bias is not None
    weight = writer.constant(f"{layer.name}.weight", layer.weight[:, :, None, None])
    bias = writer.constant(f"{layer.name}.bias", layer.bias)
    sums = writer.node("Conv", [writer.tensor(layer.inputs[0]), weight, bias], layer.name, kernel_shape=[1, 1])
    writer.blobs[layer.outputs[0]] = writer.activation(layer, sums)


def _pooling(writer: _Writer, layer: NcnnLayer) -> None:
    if (layer.integer(0), layer.integer(4)) != (1, 1):
        raise BadInput(f"ncnn layer {layer.name}: only the global average is expected here", "ncnn")
    # Numbered names let tiled upscaling find the averages and replace them with the whole picture's.
    features = writer.tensor(layer.inputs[0])
    writer.squeeze_pitches.append(writer.pitches[features])
    squeeze = f"squeeze{len(writer.squeeze_pitches)}"
    writer.blobs[layer.outputs[0]] = writer.node("GlobalAveragePool", [features], squeeze)


def _scale(writer: _Writer, layer: NcnnLayer) -> None:
    writer.blobs[layer.outputs[0]] = writer.node("Mul", [writer.tensor(blob) for blob in layer.inputs], layer.name)


def _crop_layer(writer: _Writer, layer: NcnnLayer) -> None:
    if layer.integer(0) != layer.integer(1):
        raise BadInput(f"ncnn layer {layer.name}: an uneven crop is not expected here", "ncnn")
    writer.blobs[layer.outputs[0]] = _crop(writer, writer.tensor(layer.inputs[0]), layer.integer(0), layer.name)


def _crop(writer: _Writer, tensor: str, rim: int, name: str) -> str:
    starts = writer.constant(f"{name}.starts", np.array([rim, rim], np.int64))
    ends = writer.constant(f"{name}.ends", np.array([-rim, -rim], np.int64))
    axes = writer.constant(f"{name}.axes", np.array([2, 3], np.int64))
    return writer.node("Slice", [tensor, starts, ends, axes], name)


def _eltwise(writer: _Writer, layer: NcnnLayer) -> None:
    if layer.integer(0) != 1:
        raise BadInput(f"ncnn layer {layer.name}: only a sum is expected here", "ncnn")
    writer.blobs[layer.outputs[0]] = writer.node("Add", [writer.tensor(blob) for blob in layer.inputs], layer.name)


_RULES: Mapping[str, Callable[[_Writer, NcnnLayer], None]] = {
    "Input": _input,
    "Split": _split,
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "InnerProduct": _inner_product,
    "Pooling": _pooling,
    "Scale": _scale,
    "Crop": _crop_layer,
    "Eltwise": _eltwise,
}
