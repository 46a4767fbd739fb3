"""Read an untrusted ONNX classifier and convert its input to that of all dream networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from onnx.inliner import inline_local_functions

from kiosk.errors import BadInput
from kiosk.forge.gradient.forward import at_opset
from kiosk.forge.readers.floats import to_float32
from kiosk.forge.readers.refusals import refuse_kind, refuse_other_file, refuse_without_weights
from kiosk.forge.readers.sizes import free_sizes

IMAGE = "image"
PREPARATION = ("image/prepared", "image/channels_first", "image/weight", "image/bias")
"""What preprocessing adds; the importer offers no layer whose name begins with "image/"."""
DEFAULT_SIDE = 224
LARGEST_SIDE = 1024
"""Largest picture side in pixels that a network may be made for; the gradient is checked at the network's size."""
MOST_BYTES = 2**30


@dataclass(frozen=True)
class Preprocessing:
    """The network's preprocessing: channel c becomes (level_c - mean_c) / std_c, in this channel order.

    mean and std are in 8-bit levels, or in 0..1 if every mean is at most 1 and every std is below 1.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channel_order: str = "rgb"

    def convolution(self) -> tuple[np.ndarray, np.ndarray]:
        """The preprocessing of RGB 0..255 as a convolution: kernel [3,3,1,1] and bias [3]."""
        mean, std = np.array(self.mean), np.array(self.std)
        if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
            raise BadInput("--mean must be finite and --std greater than 0", "bad_preprocessing")
        unit = 255.0 if (mean <= 1).all() and (std < 1).all() else 1.0
        kernel = np.diag(1 / (std * unit))
        if self.channel_order == "bgr":
            kernel = kernel[:, ::-1]
        return kernel[:, :, None, None].astype(np.float32), (-mean / std).astype(np.float32)


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """Read the model, in float32, and the file's sha256. Raises BadInput if the file is missing, truncated, or not an
    ONNX network that `kiosk.forge.readers.refusals` lets pass."""
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path} has more than {MOST_BYTES // 2**20} MB: too large for this kiosk", "bad_network")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
    refuse_other_file(str(path), data)
    try:
        model = onnx.load_model_from_string(data)
        if not model.graph.node:
            raise BadInput(f"{path} is not an ONNX network: it has no operations", "bad_network")
        _load_external(model, path)
        refuse_without_weights(model)
        onnx.checker.check_model(model)
        for tensor in model.graph.initializer:
            numpy_helper.to_array(tensor)
        if model.functions:
            model = inline_local_functions(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError, TypeError, OSError, RuntimeError) as error:
        line = " ".join(str(error).split())[:160]
        raise BadInput(f"{path} is not a valid ONNX network (incomplete download?): {line}", "bad_network") from error
    refuse_kind(model)
    to_float32(model)
    return model, hashlib.sha256(data).hexdigest()


def _load_external(model: onnx.ModelProto, path: Path) -> None:
    """Load the weights that are stored in other files beside `path`."""
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, OSError) as error:
        files = {
            entry.value
            for tensor in model.graph.initializer
            for entry in tensor.external_data
            if entry.key == "location"
        }
        missing = sorted(name for name in files if not (path.parent / name).is_file())
        if not missing:
            raise
        raise BadInput(
            f"the weights of {path.name} are in another file: put {', '.join(missing)} beside it", "no_weights"
        ) from error


def prepare(model: onnx.ModelProto, preprocessing: Preprocessing) -> tuple[int, onnx.ModelProto]:
    """Give the model the input `image`, with preprocessing in the graph and free height and width. Returns the side in
    pixels of the square pictures it was made for, and the model."""
    data, channels_last, side = _picture_input(model)
    if not any(node.op_type == "Conv" for node in model.graph.node):
        raise BadInput("the network has no convolution: it is not a convolutional classifier", "not_a_classifier")
    _refuse_picture_makers(model, side)
    del model.graph.input[:]
    model.graph.input.append(data)
    model.ir_version = max(model.ir_version, 4)
    # First, because inference follows sizes through the graph in later opsets only.
    _, model = at_opset(model)
    free_sizes(model)
    graph = model.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output, node.name)}
    taken.update(tensor.name for tensor in graph.initializer)
    target, turned, weight, bias = (_unused(name, taken) for name in PREPARATION)
    fresh = {data.name: target}
    if data.name != IMAGE and IMAGE in taken:
        fresh[IMAGE] = _unused(f"{IMAGE}_", taken)
    for node in graph.node:
        node.input[:] = [fresh.get(name, name) for name in node.input]
        node.output[:] = [fresh.get(name, name) for name in node.output]
    arrays = dict(zip((weight, bias), preprocessing.convolution(), strict=True))
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    prepared = turned if channels_last else target
    nodes = [helper.make_node("Conv", [IMAGE, weight, bias], [prepared], prepared)]
    if channels_last:
        nodes.append(helper.make_node("Transpose", [prepared], [target], target, perm=[0, 2, 3, 1]))
    image = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, "height", "width"])
    outputs = [onnx.ValueInfoProto(name=fresh.get(value.name, value.name), type=value.type) for value in graph.output]
    for output in outputs:
        output.type.tensor_type.ClearField("shape")
    result = helper.make_model(
        helper.make_graph(
            [*nodes, *graph.node], graph.name or "imported", [image], outputs, [*graph.initializer, *weights]
        ),
        opset_imports=model.opset_import,
    )
    result.ir_version = max(model.ir_version, 4)
    return side, result


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _picture_input(model: onnx.ModelProto) -> tuple[onnx.ValueInfoProto, bool, int]:
    """The picture input, whether its channels come last, and the side it was made for."""
    constants = {tensor.name for tensor in model.graph.initializer}
    real = [value for value in model.graph.input if value.name not in constants]
    if len(real) != 1:
        names = ", ".join(value.name for value in real) or "none"
        raise BadInput(f"a classifier of pictures has one input; this network's are: {names}", "not_a_classifier")
    tensor = real[0].type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
    shown = "x".join(str(size or "?") for size in sizes)
    if tensor.elem_type != TensorProto.FLOAT:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise BadInput(f"the network's input {real[0].name} is {kind}, not float32", "not_a_classifier")
    first, last = sizes[1:2] == [3], sizes[3:4] == [3]
    if len(sizes) != 4 or not (first or last):
        raise BadInput(f"the network's input {real[0].name} is {shown}, not a picture (1x3xHxW)", "not_a_classifier")
    side = max(sizes[2:4] if first else sizes[1:3]) or DEFAULT_SIDE
    if side > LARGEST_SIDE:
        raise BadInput(f"the network is made for pictures {side} pixels wide, more than {LARGEST_SIDE}", "bad_network")
    return onnx.ValueInfoProto.FromString(real[0].SerializeToString()), not first, side


def _refuse_picture_makers(model: onnx.ModelProto, side: int) -> None:
    for value in model.graph.output:
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if len(sizes) == 4 and min(sizes[2:]) >= side:
            shown = "x".join(map(str, sizes))
            raise BadInput(f"the network makes pictures ({value.name}: {shown}), not classes", "not_a_classifier")
