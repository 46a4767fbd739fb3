"""Why a file or a network cannot be imported, each in one line that says what to do."""

from __future__ import annotations

import math

import onnx
from onnx import TensorProto

from kiosk.errors import BadInput

OTHER_FILES = {
    b"version https://git-lfs": "is a Git LFS pointer, not the network itself: fetch it with git lfs pull",
    b"<!DOCTYPE": "is a web page, not a network: download the file itself",
    b"<html": "is a web page, not a network: download the file itself",
    b"PK\x03\x04": "is an archive or a PyTorch checkpoint, not ONNX: unpack it, or export it with torch.onnx.export",
    b"\x80\x02": "is a PyTorch checkpoint, not ONNX: export it with torch.onnx.export",
    b"\x89HDF": "is a Keras file, not ONNX: convert it with tf2onnx",
}
"""First bytes of files that people take for networks -> what they are."""
CONTROL_FLOW = {"If", "Loop", "Scan", "SequenceMap"}
RECURRENT = {"LSTM", "GRU", "RNN"}
BOXES = {"NonMaxSuppression", "RoiAlign", "MaxRoiPool"}
RUNTIME_DOMAINS = ("com.microsoft", "com.ms.")
"""Domains of the operations that ONNX Runtime's optimizer writes."""


def refuse_other_file(name: str, data: bytes) -> None:
    """Raise BadInput if `data` is a kind of file that is often mistaken for a network."""
    for first, what in OTHER_FILES.items():
        if data[: len(first)].lower() == first.lower():
            raise BadInput(f"{name} {what}", "bad_network")


def refuse_without_weights(model: onnx.ModelProto) -> None:
    """Raise BadInput if weights have no numbers, or are inputs that nobody gives."""
    empty = [t.name for t in model.graph.initializer if math.prod(t.dims) and not _has_numbers(t)]
    held = {tensor.name for tensor in model.graph.initializer}
    kernels = {node.input[1] for node in model.graph.node if node.op_type == "Conv" and len(node.input) > 1}
    empty += [value.name for value in model.graph.input if value.name in kernels - held]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise BadInput(f"the network comes without weights: {empty[0]}{more} have no values", "no_weights")


def _has_numbers(tensor: onnx.TensorProto) -> bool:
    return any(
        len(getattr(tensor, field))
        for field in ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")
    ) or (tensor.data_location == TensorProto.EXTERNAL)


def refuse_kind(model: onnx.ModelProto) -> None:
    """Raise BadInput (`not_a_classifier`) for networks that are no plain chain from a picture to classes."""
    for node in model.graph.node:
        named = f"{node.op_type}, {node.name or node.output[0]}"
        if node.op_type in CONTROL_FLOW:
            raise BadInput(f"the network has control flow ({named}): export it for one fixed input", "not_a_classifier")
        if node.op_type in RECURRENT:
            raise BadInput(
                f"the network is recurrent ({named}): it does not see pictures as a whole", "not_a_classifier"
            )
        if node.op_type in BOXES:
            raise BadInput(f"the network is a detector ({named}), not a classifier of pictures", "not_a_classifier")
        if node.domain.startswith(RUNTIME_DOMAINS):
            raise BadInput(
                f"the file was optimized for one runtime ({named} of {node.domain}):"
                " import it as it was exported, before optimization",
                "optimized",
            )
    _refuse_several_outputs(model)


def _refuse_several_outputs(model: onnx.ModelProto) -> None:
    """Auxiliary classes and feature maps may come beside the classes; boxes and several maps alone are a detector's."""
    tensors = [value for value in model.graph.output if value.type.HasField("tensor_type")]
    ranks = [len(v.type.tensor_type.shape.dim) for v in tensors if v.type.tensor_type.HasField("shape")]
    if len(tensors) > 1 and len(ranks) == len(tensors) and (2 not in ranks or set(ranks) - {2, 4}):
        names = ", ".join(value.name for value in tensors[:4]) + (", ..." if len(tensors) > 4 else "")
        raise BadInput(
            f"the network has {len(tensors)} outputs ({names}): a detector, not a classifier of pictures",
            "not_a_classifier",
        )
