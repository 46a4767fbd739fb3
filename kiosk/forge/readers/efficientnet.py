"""Build EfficientNet-Lite from its PyTorch weights, as an fp32 ONNX graph that includes the preprocessing.

Architecture: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, in the Lite
version of TensorFlow's repository (`models/official/efficientnet/lite`): no squeeze-and-excitation, ReLU6, and a stem
and head that do not scale. A block is a 1x1 convolution that expands the channels, a depthwise one, and a 1x1 one that
projects them; a block of the same stride and width as the one before adds its input. Batch normalizations are folded.

Layer names are tensor names: `stem`; `expandN`, the expanded channels of block N after their ReLU6; `blockN`, its
output; `head`, the 1280 features; and `classes` = relu(z + CLASS_SHIFT) of the 1000 class scores z at every position.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import Unavailable

OPSET = 18
MEAN, DEVIATION = 127.0, 128.0
"""The network takes (x - MEAN) / DEVIATION of 8-bit RGB levels x."""
EPSILON = 1e-3
"""Added to the variance by the batch normalizations."""
STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Stride of the first block of each stage; the others have stride 1. A stage is a run of blocks of equal width."""
CLASS_SHIFT = 2.0
"""Added to a class score before the ReLU, so that a class the photo does not show yet has a gradient."""
Tensors = Mapping[str, np.ndarray]
"""Name in PyTorch's file -> array."""


def forward(tensors: Tensors) -> onnx.ModelProto:
    """The forward graph: `image` float32 [1, 3, height, width], RGB 0..255 -> `classes` [1, 1000, h, w]."""
    return _Writer(tensors).model()


def strides(tensors: Tensors) -> list[int]:
    """The stride of each block, from the widths of the blocks."""
    widths: list[int] = []
    while (name := f"_blocks.{len(widths)}._project_conv.weight") in tensors:
        widths.append(tensors[name].shape[0])
    stages = iter(STRIDES)
    firsts = [number == 0 or width != widths[number - 1] for number, width in enumerate(widths)]
    if sum(firsts) != len(STRIDES):
        raise Unavailable(f"the weights have {sum(firsts)} stages, not {len(STRIDES)}", "weights_pickle")
    return [next(stages) if first else 1 for first in firsts]


class _Writer:
    """Writes the graph, from the picture to the class scores."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._sizes: list[onnx.ValueInfoProto] = []
        self._halvings = 0
        """Convolutions with stride 2 so far; each halves height and width."""

    def model(self) -> onnx.ModelProto:
        mean = self._constant("mean", np.array(MEAN))
        self._node("Sub", ["image", mean], "centered", "preprocess")
        kernel, bias = self._folded("_conv_stem", "_bn0")
        x = self._relu6(self._convolution("centered", kernel / np.float32(DEVIATION), bias, "stem/z", 2), "stem")
        for number, stride in enumerate(strides(self._tensors)):
            x = self._block(x, number, stride)
        x = self._relu6(self._convolution(x, *self._folded("_conv_head", "_bn1"), "head/z"), "head")
        self._scores(x)
        graph = helper.make_graph(
            self._nodes,
            "efficientnet",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
            [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 1000, None, None])],
            self._initializers,
            value_info=self._sizes,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _block(self, x: str, number: int, stride: int) -> str:
        name, place = f"block{number}", f"_blocks.{number}"
        expanded, depthwise_norm, project_norm = x, "_bn1", "_bn2"
        if f"{place}._expand_conv.weight" in self._tensors:
            folded = self._folded(f"{place}._expand_conv", f"{place}._bn0")
            expanded = self._relu6(self._convolution(x, *folded, f"expand{number}/z"), f"expand{number}")
        folded = self._folded(f"{place}._depthwise_conv", f"{place}.{depthwise_norm}")
        channels = len(folded[1])
        z = self._convolution(expanded, *folded, f"depthwise{number}/z", stride, channels)
        filtered = self._relu6(z, f"depthwise{number}")
        kernel, bias = self._folded(f"{place}._project_conv", f"{place}.{project_norm}")
        adds = stride == 1 and number > 0 and self._tensors[f"{place}._expand_conv.weight"].shape[1] == len(bias)
        projected = self._convolution(filtered, kernel, bias, f"{name}/z" if adds else name)
        if not adds:
            return projected
        self._sized(name, len(bias))
        return self._node("Add", [projected, x], name)

    def _scores(self, x: str) -> None:
        kernel = self._tensors["_fc.weight"][:, :, None, None]
        # The shift goes into the bias.
        bias = self._tensors["_fc.bias"] + np.float32(CLASS_SHIFT)
        self._node("Relu", [self._convolution(x, kernel, bias, "classes/shifted")], "classes", "classes/relu")

    def _folded(self, convolution: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
        """The kernel and bias of a convolution without bias and the batch normalization after it."""
        part = {name: self._tensors[f"{norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")}
        factor = part["weight"].astype(np.float64) / np.sqrt(part["running_var"].astype(np.float64) + EPSILON)
        kernel = self._tensors[f"{convolution}.weight"] * factor[:, None, None, None]
        return kernel.astype(np.float32), (part["bias"] - part["running_mean"] * factor).astype(np.float32)

    def _convolution(
        self, x: str, kernel: np.ndarray, bias: np.ndarray, output: str, stride: int = 1, group: int = 1
    ) -> str:
        """A convolution with TensorFlow's padding "same" for sizes that the stride divides: at stride 2, one more row
        and column at the bottom and right."""
        side = kernel.shape[2]
        before = (side - stride) // 2 if stride > 1 else side // 2
        after = side - stride - before
        name = output.removesuffix("/z")
        self._halvings += stride > 1
        self._sized(output, len(bias))
        return self._node(
            "Conv",
            [x, self._constant(f"{name}.weight", kernel), self._constant(f"{name}.bias", bias)],
            output,
            f"{name}/conv",
            kernel_shape=[side, side],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=group,
        )

    def _relu6(self, x: str, output: str) -> str:
        bounds = [self._constant("zero", np.array(0.0)), self._constant("six", np.array(6.0))]
        return self._node("Clip", [x, *bounds], output, f"{output}/relu6")

    def _node(self, kind: str, inputs: list[str], output: str, name: str = "", **attributes: Any) -> str:
        """Add a node named like its output, or `name`. Returns the output."""
        self._nodes.append(helper.make_node(kind, inputs, [output], name or output, **attributes))
        return output

    def _sized(self, name: str, channels: int) -> None:
        """Declare the tensor's shape. All tensors between two halvings have equal size, which shape inference cannot
        see."""
        shape = [1, channels, f"height{self._halvings}", f"width{self._halvings}"]
        self._sizes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def _constant(self, name: str, array: np.ndarray) -> str:
        if all(tensor.name != name for tensor in self._initializers):
            self._initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name
