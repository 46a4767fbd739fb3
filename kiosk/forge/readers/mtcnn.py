"""MTCNN, which finds faces: three small networks from the package mtcnn, as float32 ONNX graphs.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016. The first
(`pnet`) sees a picture of any size and proposes squares; the second (`rnet`, 24 x 24 pixels) and the third (`onet`,
48 x 48) judge them. Each graph takes `image`, float32 [N, 3, H, W], RGB 0..255, and gives `score`, [N, 2, ...] with the
probability of a face at 1, and `shift`, [N, 4, ...]: what to add to left, top, right and bottom, in sides of the
square. The third one's landmarks are left out.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Iterator
from typing import Any, ClassVar

import lz4.frame
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import Unavailable

OPSET = 18
MOST_BYTES = 2**26
"""Bytes of one file's arrays, unpacked; the largest has 1.6 million."""
_SIDE: dict[str, int | None] = {"mtcnn-pnet": None, "mtcnn-rnet": 24, "mtcnn-onet": 48}
_POOLS: dict[str, tuple[tuple[int, bool] | None, ...]] = {
    "mtcnn-pnet": ((2, True), None, None),
    "mtcnn-rnet": ((3, True), (3, False), None),
    "mtcnn-onet": ((3, True), (3, False), (2, True), None),
}
"""After each convolution: the max pool's window (its stride is 2), and whether a partial window at the end counts."""


class _Array:
    """What joblib pickles in an array's place: its shape and type; the values follow in the file."""

    shape: tuple[int, ...]
    order: str
    dtype: np.dtype
    numpy_array_alignment_bytes: int

    def read(self, file: io.BytesIO) -> np.ndarray:
        if getattr(self, "numpy_array_alignment_bytes", None) is not None:
            file.read(file.read(1)[0])
        if self.dtype.kind != "f":
            raise Unavailable(f"the weights hold {self.dtype}, not floats: refused", "weights_pickle")
        size = math.prod(self.shape) * self.dtype.itemsize
        if min(self.shape, default=1) < 0 or size > len(file.getbuffer()) - file.tell():
            raise Unavailable(
                f"the weights name an array of {self.shape}, more than their file: refused", "weights_pickle"
            )
        values = np.frombuffer(file.read(size), self.dtype)
        return values.reshape(self.shape, order="F" if self.order == "F" else "C").astype(np.float32)


class _NoArray:
    """Stands for numpy.ndarray: it cannot be called with anything."""

    def __init__(self) -> None:
        raise Unavailable("the weights make an array themselves: refused", "weights_pickle")


# The unpickler that is written in Python, without a public name: only it can be stopped between two of a file's bytes.
_Unpickler: Any = vars(pickle)["_Unpickler"]


class _ListUnpickler(_Unpickler):
    """Reads joblib's form of a list of arrays, and admits no other name: a pickle may otherwise run any code.

    The arrays' values lie between the pickle's own bytes.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Array
        if (module, name) == ("numpy", "ndarray"):
            # Only named, as the kind of array; a pickle that calls it could ask for one of any size.
            return _NoArray
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        raise Unavailable(f"the weights name {module}.{name}, which no array needs: refused", "weights_pickle")

    def load_build(self) -> None:
        super().load_build()
        if isinstance(self.stack[-1], _Array):
            self.stack[-1] = self.stack[-1].read(self._file)

    dispatch: ClassVar = {
        **_Unpickler.dispatch,
        pickle.BUILD[0]: load_build,
    }


def read_weights(data: bytes) -> list[np.ndarray]:
    """The arrays of one of the package's files, in its order. Raises Unavailable for anything but a list of arrays."""
    try:
        unpacker = lz4.frame.LZ4FrameDecompressor()
        plain = unpacker.decompress(data, max_length=MOST_BYTES)
        if not unpacker.eof:
            raise ValueError(f"the file is cut short, or has more than {MOST_BYTES} bytes")
        arrays = _ListUnpickler(io.BytesIO(plain)).load()
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        IndexError,
        KeyError,
        AttributeError,
        TypeError,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:
        raise Unavailable(f"the weights are not a list of arrays: {error}", "weights_pickle") from error
    if not isinstance(arrays, list) or not all(isinstance(array, np.ndarray) for array in arrays):
        raise Unavailable("the weights are not a list of arrays", "weights_pickle")
    return arrays


def build_detector(name: str, data: bytes) -> onnx.ModelProto:
    """The graph of the network `name` from its file."""
    weights = iter(read_weights(data))
    nodes: list[onnx.NodeProto] = []
    initializers = [
        numpy_helper.from_array(np.array(127.5, np.float32), "middle"),
        numpy_helper.from_array(np.array(1 / 128, np.float32), "unit"),
    ]
    nodes += [
        helper.make_node("Sub", ["image", "middle"], ["centred"]),
        helper.make_node("Mul", ["centred", "unit"], ["x"]),
    ]
    value = "x"

    def constant(array: np.ndarray) -> str:
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), f"w{len(initializers)}"))
        return initializers[-1].name

    def add(kind: str, inputs: list[str], **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"{kind.lower()}{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    for pool in _POOLS[name]:
        value = add("Conv", [value, *_kernel(weights, constant)])
        value = add("PRelu", [value, constant(next(weights).reshape(-1, 1, 1))])
        if pool:
            value = add("MaxPool", [value], kernel_shape=[pool[0]] * 2, strides=[2, 2], ceil_mode=int(pool[1]))
    if _SIDE[name] is None:
        shift = add("Conv", [value, *_kernel(weights, constant)])
        score = add("Conv", [value, *_kernel(weights, constant)])
    else:
        # The package flattens column by column, channels innermost.
        value = add("Flatten", [add("Transpose", [value], perm=[0, 3, 2, 1])])
        value = add("Gemm", [value, constant(next(weights)), constant(next(weights))])
        value = add("PRelu", [value, constant(next(weights))])
        heads = []
        while (kernel := next(weights, None)) is not None:
            heads.append((kernel, next(weights)))
        shift, score = (
            add("Gemm", [value, constant(kernel), constant(bias)]) for kernel, bias in (heads[0], heads[-1])
        )
    nodes += [
        helper.make_node("Identity", [shift], ["shift"]),
        helper.make_node("Softmax", [score], ["score"], axis=1),
    ]
    return _model(name, nodes, initializers)


def _model(name: str, nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto]) -> onnx.ModelProto:
    side = _SIDE[name]
    place = ["height", "width"] if side is None else [side, side]
    where = ["rows", "columns"] if side is None else []
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, *place])],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", count, *where])
            for output, count in (("score", 2), ("shift", 4))
        ],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _kernel(weights: Iterator[np.ndarray], constant: Any) -> tuple[str, str]:
    """Kernel and bias of the next convolution; the package has them as [kh, kw, in, out]."""
    return constant(np.transpose(next(weights), (3, 2, 0, 1))), constant(next(weights))
