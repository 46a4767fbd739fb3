"""Read MTCNN, a face detector of three small networks from the package mtcnn, as fp32 ONNX graphs.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016. The first
(`pnet`) takes a picture of any size and proposes squares; the second (`rnet`, 24 x 24 pixels) and the third (`onet`,
48 x 48) classify and refine them. Each graph takes `image`, float32 [N, 3, H, W], RGB 0..255. It outputs `score`,
[N, 2, ...], with the probability of a face at index 1, and `shift`, [N, 4, ...], offsets to left, top, right and bottom
in units of the square's side. The third network's landmarks are left out.
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
"""Limit on a file's unpacked bytes; the largest has 1.6 million."""
_SIDE: dict[str, int | None] = {"mtcnn-pnet": None, "mtcnn-rnet": 24, "mtcnn-onet": 48}
_POOLS: dict[str, tuple[tuple[int, bool] | None, ...]] = {
    "mtcnn-pnet": ((2, True), None, None),
    "mtcnn-rnet": ((3, True), (3, False), None),
    "mtcnn-onet": ((3, True), (3, False), (2, True), None),
}
"""After each convolution: the window of the max pool (stride 2), and whether it includes a partial last window."""


class _Array:
    """joblib's pickled placeholder of an array: shape and dtype. The values follow in the file."""

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
    """Replaces numpy.ndarray, so that a pickle cannot create arrays."""

    def __init__(self) -> None:
        raise Unavailable("the weights make an array themselves: refused", "weights_pickle")


# The pure Python unpickler has no public name. Only it allows reading array data between two of the pickle's bytes.
_Unpickler: Any = vars(pickle)["_Unpickler"]


class _ListUnpickler(_Unpickler):
    """Reads a list of arrays in joblib's format and rejects all other names, because a pickle may run any code.

    The arrays' values are interleaved with the pickle's own bytes.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
            return _Array
        if (module, name) == ("numpy", "ndarray"):
            # joblib only references it; a pickle that called it could allocate any size.
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
    """Read the arrays of one of the package's files, in order. Raises Unavailable for anything but a list of arrays."""
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
    """Build the graph of the network `name` from its file."""
    weights = iter(read_weights(data))
    nodes: list[onnx.NodeProto] = []
    initializers = [
        numpy_helper.from_array(np.array(127.5, np.float32), "middle"),
        numpy_helper.from_array(np.array(1 / 128, np.float32), "unit"),
    ]
    nodes += [
        helper.make_node("Sub", ["image", "middle"], ["centered"]),
        helper.make_node("Mul", ["centered", "unit"], ["x"]),
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
        # The package flattens in column-major order with channels last.
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
    """The next convolution's kernel, transposed from the package's [kh, kw, in, out], and bias."""
    return constant(np.transpose(next(weights), (3, 2, 0, 1))), constant(next(weights))
