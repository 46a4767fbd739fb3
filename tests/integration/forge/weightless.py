"""Architectures as both of PyTorch's exporters write them, kept without weights; these are drawn here.

The files are made by tests/bench/export_architectures.py.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

FOLDER = Path(__file__).parent / "architectures"
EXPORTS = sorted(path.name.removesuffix(".onnx.gz") for path in FOLDER.glob("*.onnx.gz"))
SCALES = {"BatchNormalization": (1, 4), "LayerNormalization": (1,)}


def with_weights(export: str, seed: int = 0) -> onnx.ModelProto:
    """The export with kernels drawn He-normal, small biases, and scales around 1."""
    model = onnx.load_model_from_string(gzip.decompress((FOLDER / f"{export}.onnx.gz").read_bytes()))
    random = np.random.default_rng(seed)
    users = _users(model.graph)
    constants = [node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"]
    for tensor in [*model.graph.initializer, *constants]:
        if tensor.data_type != TensorProto.FLOAT or tensor.raw_data or tensor.float_data or 0 in tensor.dims:
            continue
        shape = tuple(tensor.dims)
        kind, place = users.get(tensor.name, ("", 0))
        if kind in ("Conv", "Gemm", "MatMul") and place == 1:
            inputs = shape[0] if kind == "MatMul" else int(np.prod(shape[1:]))
            values = random.normal(0, np.sqrt(2 / inputs), shape)
        elif place in SCALES.get(kind, ()) or kind == "Mul":
            values = random.uniform(0.5, 1.5, shape)
        else:
            values = random.normal(0, 0.1, shape)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), tensor.name))
    return model


def _users(graph: onnx.GraphProto) -> dict[str, tuple[str, int]]:
    """Tensor -> (operation, input number) of its first user; equal weights are shared through Identity nodes."""
    found: dict[str, tuple[str, int]] = {}
    for node in reversed(graph.node):
        for place, name in enumerate(node.input):
            found[name] = found.get(node.output[0], ("", 0)) if node.op_type == "Identity" else (node.op_type, place)
    return found
