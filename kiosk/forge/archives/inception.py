"""InceptionV3 up to `mixed5` as an fp32 ONNX graph that includes the preprocessing.

Architecture: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015, as in Keras'
`applications`. Every convolution is followed by a batch normalization without scale, which is folded, and a ReLU. A
block is several branches side by side, whose outputs are concatenated. Convolutions are numbered as Keras creates them.

Layer names are tensor names: `mixed0` to `mixed5`, the outputs of the blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import BadInput

OPSET = 18
MEAN, DEVIATION = 127.5, 127.5
"""The network takes (x - MEAN) / DEVIATION of 8-bit RGB levels x."""
EPSILON = 1e-3
"""Added to the variance by the batch normalizations."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with its normalization and ReLU. `side`: height and width of its kernel. `valid`: without padding,
    else padded so that stride 1 keeps the size. `averaged`: the mean of each 3x3 window precedes it."""

    side: tuple[int, int]
    stride: int = 1
    valid: bool = False
    averaged: bool = False


@dataclass(frozen=True)
class MaxPool:
    """The largest of each 3x3 window, stride 2, without padding."""


Branch = tuple[Convolution | MaxPool, ...]
ONE, THREE, FIVE = Convolution((1, 1)), Convolution((3, 3)), Convolution((5, 5))
WIDE, TALL = Convolution((1, 7)), Convolution((7, 1))
HALVING = Convolution((3, 3), stride=2, valid=True)
AVERAGED = Convolution((1, 1), averaged=True)

STEM: Branch = (
    HALVING,
    Convolution((3, 3), valid=True),
    THREE,
    MaxPool(),
    Convolution((1, 1), valid=True),
    Convolution((3, 3), valid=True),
    MaxPool(),
)
FINE: tuple[Branch, ...] = ((ONE,), (ONE, FIVE), (ONE, THREE, THREE), (AVERAGED,))
REDUCTION: tuple[Branch, ...] = ((HALVING,), (ONE, THREE, HALVING), (MaxPool(),))
COARSE: tuple[Branch, ...] = ((ONE,), (ONE, WIDE, TALL), (ONE, TALL, WIDE, TALL, WIDE), (AVERAGED,))
BLOCKS = {"mixed0": FINE, "mixed1": FINE, "mixed2": FINE, "mixed3": REDUCTION, "mixed4": COARSE, "mixed5": COARSE}

CONVOLUTIONS = sum(
    isinstance(step, Convolution) for part in ((STEM,), *BLOCKS.values()) for branch in part for step in branch
)
"""Their number: 50 of the whole network's 94."""
PARTS = (
    "conv2d_{}/kernel",
    *(f"batch_normalization_{{}}/{part}" for part in ("beta", "moving_mean", "moving_variance")),
)
TENSORS = tuple(part.format(number) for number in range(1, CONVOLUTIONS + 1) for part in PARTS)
"""The names of all weights that `forward` needs."""


def forward(tensors: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """The forward graph: `image` float32 [1, 3, height, width], RGB 0..255 -> `mixed5` [1, channels, h, w].

    tensors: the weights called TENSORS, kernels [height, width, in, out]. Raises BadInput if a shape does not fit.
    """
    return _Writer(tensors).model()


class _Writer:
    """Writes the graph, from the picture to the last block."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._sizes: list[onnx.ValueInfoProto] = []
        self._channels = {"centered": 3}
        self._shrunk = {"centered": ""}
        """Tensor -> how its size came from the picture's: "h" for each halving, "v" for each loss of a border."""
        self._number = 0
        """Of the last convolution."""

    def model(self) -> onnx.ModelProto:
        self._node("Sub", ["image", self._constant("mean", np.array(MEAN))], "centered", "preprocess")
        x = self._branch("centered", STEM)
        for name, branches in BLOCKS.items():
            outputs = [self._branch(x, branch) for branch in branches]
            self._sized(name, sum(self._channels[one] for one in outputs), self._shrunk[outputs[0]])
            x = self._node("Concat", outputs, name, axis=1)
        graph = helper.make_graph(
            self._nodes,
            "inception",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
            [value for value in self._sizes if value.name == x],
            self._initializers,
            value_info=[value for value in self._sizes if value.name != x],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _branch(self, x: str, steps: Branch) -> str:
        for step in steps:
            x = self._convolution(x, step) if isinstance(step, Convolution) else self._max_pool(x)
        return x

    def _convolution(self, x: str, step: Convolution) -> str:
        self._number += 1
        name = f"conv{self._number}"
        kernel, bias = self._folded(self._number, step.side, self._channels[x])
        if x == "centered":
            kernel = kernel / np.float32(DEVIATION)
        pads = [0, 0] if step.valid else [side // 2 for side in step.side]
        loss = "" if not step.valid or step.side == (1, 1) else "h" if step.stride == 2 else "v"
        z = self._sized(f"{name}/z", len(bias), self._shrunk[x] + loss)
        self._node(
            "Conv",
            [x, self._constant(f"{name}.weight", kernel), self._constant(f"{name}.bias", bias)],
            z,
            f"{name}/conv",
            kernel_shape=list(step.side),
            strides=[step.stride, step.stride],
            pads=pads * 2,
        )
        if step.averaged:
            # Before the convolution in the paper. Both are linear and a mean of equal biases is the bias, so the order
            # does not matter, and fewer channels are averaged here.
            z = self._average(z, f"{name}/mean")
        self._sized(name, len(bias), self._shrunk[z])
        return self._node("Relu", [z], name, f"{name}/relu")

    def _average(self, x: str, output: str) -> str:
        """The mean of each 3x3 window. As TensorFlow does it, padding does not count."""
        self._sized(output, self._channels[x], self._shrunk[x])
        return self._node(
            "AveragePool", [x], output, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=0
        )

    def _max_pool(self, x: str) -> str:
        output = self._sized(f"{x}/pool", self._channels[x], self._shrunk[x] + "h")
        return self._node("MaxPool", [x], output, kernel_shape=[3, 3], strides=[2, 2])

    def _folded(self, number: int, side: tuple[int, int], channels: int) -> tuple[np.ndarray, np.ndarray]:
        """The kernel [out, in, height, width] and bias of a convolution and the batch normalization after it."""
        kernel, beta, mean, variance = (self._tensors[part.format(number)].astype(np.float64) for part in PARTS)
        if (
            kernel.shape[:-1] != (*side, channels)
            or not beta.shape == mean.shape == variance.shape == kernel.shape[-1:]
        ):
            raise BadInput(f"convolution {number} of the weights has the shape {kernel.shape}", "bad_archive")
        if not (variance > -EPSILON).all():
            raise BadInput(f"convolution {number} of the weights has a negative variance", "bad_archive")
        factor = 1 / np.sqrt(variance + EPSILON)
        return (kernel * factor).transpose(3, 2, 0, 1).astype(np.float32), (beta - mean * factor).astype(np.float32)

    def _node(self, kind: str, inputs: list[str], output: str, name: str = "", **attributes: Any) -> str:
        """Add a node named like its output, or `name`. Returns the output."""
        self._nodes.append(helper.make_node(kind, inputs, [output], name or output, **attributes))
        return output

    def _sized(self, name: str, channels: int, shrunk: str) -> str:
        """Declare the tensor's shape. That branches have equal sizes, shape inference cannot see. Returns `name`."""
        self._channels[name], self._shrunk[name] = channels, shrunk
        shape = [1, channels, f"height/{shrunk}", f"width/{shrunk}"]
        self._sizes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def _constant(self, name: str, array: np.ndarray) -> str:
        self._initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name
