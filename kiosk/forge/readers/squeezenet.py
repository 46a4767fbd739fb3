"""Read SqueezeNet 1.1 from the pickle in the package ndf, as an fp32 ONNX graph that includes the preprocessing.

Architecture: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016, version 1.1, with
the package's padding: convolutions "same" (at stride 2, a row and a column of zeros at the bottom and right), max pools
"valid". Layer names are tensor names: `conv1`, `fire2` to `fire9` (after the concatenation), and `conv10` = relu(z + 5)
of the 1000 class scores z at every position.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import Unavailable

OPSET = 18
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
"""The ImageNet mean that the network was trained with, 8-bit levels in BGR order."""
CLASS_SHIFT = 5.0
"""Added to a class score before the ReLU, so that a class the photo does not show yet has a gradient."""
POOL_BEFORE = ("fire2", "fire4", "fire6")
Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Layer name -> (kernel float32 [out, in, kh, kw], bias float32 [out])."""
_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _WeightsUnpickler(pickle.Unpickler):
    """Accepts only the three names that a dict of arrays needs, because a pickle may run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise Unavailable(f"the weights name {module}.{name}, which no array needs: refused", "weights_pickle")
        if name == "_reconstruct":
            # NumPy 2.0 moved it from numpy.core to numpy._core; an array's __reduce__ returns it in both.
            return np.empty(0).__reduce__()[0]
        return getattr(np, name)


def read_weights(data: bytes) -> Weights:
    """Read the weights from the package's file. Raises Unavailable for a pickle that contains anything but arrays."""
    try:
        # Python 2 wrote the file; latin-1 preserves its byte strings.
        table = _WeightsUnpickler(io.BytesIO(data), encoding="latin1").load()
        return {
            str(name): (
                np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1)), np.float32),
                np.asarray(bias, np.float32).reshape(-1),
            )
            for name, (kernel, bias) in table.items()
        }
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, TypeError) as error:
        raise Unavailable(f"the weights cannot be read: {error}", "weights_pickle") from error


def forward(weights: Weights) -> onnx.ModelProto:
    """The forward graph: `image` float32 [1, 3, height, width], RGB 0..255 -> `conv10` [1, 1000, h, w]."""
    return _Writer(weights).model()


class _Writer:
    """Writes the graph, from the picture to the class scores."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._sizes: list[onnx.ValueInfoProto] = []
        self._stage = 0
        """Number of pools so far; each halves height and width."""

    def model(self) -> onnx.ModelProto:
        self._scores(self._fires(self._first_convolution()))
        graph = helper.make_graph(
            self._nodes,
            "squeezenet",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
            [helper.make_tensor_value_info("conv10", TensorProto.FLOAT, [1, 1000, None, None])],
            self._initializers,
            value_info=self._sizes,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _first_convolution(self) -> str:
        """Write `conv1`. Returns its value before the ReLU."""
        mean = self._constant("mean", np.array(CAFFE_MEAN_BGR[::-1]).reshape(1, 3, 1, 1))
        self._node("Sub", ["image", mean], "centered", "preprocess")
        z = self._convolution("centered", "conv1", "conv1/z", strides=[2, 2], pads=[0, 0, 1, 1])
        self._relu(z, "conv1")
        return z

    def _fires(self, first: str) -> str:
        """Write the modules fire2 to fire9. `first`: `conv1` before its ReLU. Returns the last module's output."""
        fire, parts, activations = "conv1", [first], ["conv1"]
        for number in range(2, 10):
            fire = f"fire{number}"
            if fire in POOL_BEFORE:
                self._stage += 1
                activations = [self._pooled(z, fire, part) for part, z in enumerate(parts)]
            squeezed = self._squeeze(activations, fire)
            parts = [
                self._convolution(squeezed, f"{fire}/expand1x1", f"{fire}/expand1/z"),
                self._convolution(squeezed, f"{fire}/expand3x3", f"{fire}/expand3/z", pads=[1, 1, 1, 1]),
            ]
            activations = [self._relu(parts[0], f"{fire}/expand1"), self._relu(parts[1], f"{fire}/expand3")]
            self._node("Concat", activations, fire, axis=1)
        return fire

    def _scores(self, x: str) -> None:
        scores = self._convolution(x, "conv10", "conv10/z")
        shift = self._constant("conv10/shift", np.array(CLASS_SHIFT))
        self._relu(self._node("Add", [scores, shift], "conv10/shifted"), "conv10")

    def _squeeze(self, parts: list[str], fire: str) -> str:
        """The 1x1 convolution of the concatenated parts, as a sum of one convolution per part. The backward pass then
        needs no splitting."""
        kernel, bias = self._weights[f"{fire}/squeeze1x1"]
        total, first = "", 0
        for number, part in enumerate(parts):
            channels = kernel.shape[1] // len(parts)
            name = f"{fire}/squeeze/{number}"
            inputs = [part, self._constant(f"{name}.weight", kernel[:, first : first + channels])]
            if not total:
                inputs.append(self._constant(f"{name}.bias", bias))
            self._node("Conv", inputs, name, kernel_shape=[1, 1])
            self._sized(name, kernel.shape[0])
            total = self._node("Add", [name, total], f"{fire}/squeeze/z") if total else name
            first += channels
        return self._relu(total, f"{fire}/squeeze")

    def _pooled(self, z: str, fire: str, part: int) -> str:
        """Max pool, then ReLU: equal to ReLU, then max pool, with a quarter of the ReLU's work in both passes."""
        pool = self._node("MaxPool", [z], f"{fire}/pool{part}", kernel_shape=[3, 3], strides=[2, 2])
        return self._relu(pool, f"{pool}/relu")

    def _convolution(self, x: str, name: str, output: str, **attributes: Any) -> str:
        kernel, bias = self._weights[name]
        if name == "conv1":
            kernel = kernel[:, ::-1]  # the photo is RGB, the network BGR: reverse the kernel's channels
        inputs = [x, self._constant(f"{name}.weight", kernel), self._constant(f"{name}.bias", bias)]
        return self._node("Conv", inputs, output, name, kernel_shape=kernel.shape[2:], **attributes)

    def _relu(self, x: str, output: str) -> str:
        return self._node("Relu", [x], output, f"{output}/relu")

    def _node(self, kind: str, inputs: list[str], output: str, name: str = "", **attributes: Any) -> str:
        """Add a node named like its output, or `name`. Returns the output."""
        self._nodes.append(helper.make_node(kind, inputs, [output], name or output, **attributes))
        return output

    def _constant(self, name: str, array: np.ndarray) -> str:
        self._initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def _sized(self, name: str, channels: int) -> None:
        """Declare the tensor's shape. All tensors of a stage have equal size, which shape inference cannot see."""
        shape = [1, channels, f"height{self._stage}", f"width{self._stage}"]
        self._sizes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
