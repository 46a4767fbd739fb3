"""Making a downloaded ONNX classifier ready to dream.

The file is untrusted: it is parsed, checked and rebuilt, and nothing of it is kept but the nodes and weights that the
layers need. What comes out takes `image`, float32 [1,3,height,width], RGB 0..255, of any size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper, shape_inference

from kiosk.errors import BadInput
from kiosk.forge.gradient.backward import Forward, add_gradient, prune
from kiosk.forge.gradient.verify import directional_error, open_plain, run, spotted_picture
from kiosk.forge.readers.imported import PACKAGE, check_name
from kiosk.forge.readers.layers import strides_and_fields, worthwhile
from kiosk.recipes.catalog import Layer, Network, SourceFile

IMAGE, PREPARED = "image", "image/prepared"
DEFAULT_SIDE = 224
MULTIPLE = 32
"""Sizes that every classifier runs at: branches of unequal padding (Inception v2) disagree at others."""
TOLERANCE = 0.02
LARGEST_SIDE = 1024
"""Pixels of the pictures that a network may be made for; the gradient is checked at that size."""
MOST_BYTES = 2**29


@dataclass(frozen=True)
class Preprocessing:
    """What the network wants of a picture: channel c becomes (level_c - mean_c) / std_c, in this channel order.

    mean and std are in 8-bit levels; where every mean is at most 1 and every std below 1, in 0..1.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channel_order: str = "rgb"

    def convolution(self) -> tuple[np.ndarray, np.ndarray]:
        """Kernel [3,3,1,1] and bias [3] that do it to RGB 0..255."""
        mean, std = np.array(self.mean), np.array(self.std)
        if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
            raise BadInput("--mean must be finite and --std greater than 0", "bad_preprocessing")
        unit = 255.0 if (mean <= 1).all() and (std < 1).all() else 1.0
        kernel = np.diag(1 / (std * unit))
        if self.channel_order == "bgr":
            kernel = kernel[:, ::-1]
        return kernel[:, :, None, None].astype(np.float32), (-mean / std).astype(np.float32)


@dataclass(frozen=True)
class Imported:
    """A network ready to be kept by `kiosk.forge.readers.imported.save`: its entry, its forward graph, and how far the
    gradient was from differences of the objective (relative)."""

    network: Network
    forward: bytes
    error: float


def import_network(
    path: Path, name: str, preprocessing: Preprocessing | None = None, layers: Sequence[str] = ()
) -> Imported:
    """Read, free, cut and verify the network in `path`; `layers` are the tensors to offer, by default all activations.

    Raises BadInput: a file that is no sound ONNX network (`bad_network`), one that is no convolutional classifier of
    pictures (`not_a_classifier`), an operation without a gradient rule before the first layer or a layer that is behind
    one (`no_gradient_rule`), an unknown layer (`unknown_layer`), a gradient that fails its check (`wrong_gradient`).
    """
    check_name(name)
    model, digest = read_model(path)
    side, model = prepare(model, preprocessing or Preprocessing())
    forward = Forward(model, IMAGE)
    spatial = _spatial(forward, side)
    chosen = list(dict.fromkeys(layers)) or worthwhile(forward, spatial)
    for layer in chosen:
        if layer not in spatial:
            _refuse_layer(forward, layer, list(spatial))
    model = _cut(forward, chosen)
    figures = strides_and_fields(forward.nodes, forward.shapes, IMAGE)
    error = verify(model, chosen, side)
    data = model.SerializeToString()
    network = Network(
        name=name,
        kind="dream",
        scale=1,
        border=0,
        align=MULTIPLE,
        title=f"{Path(path).stem}, imported",
        package=PACKAGE,
        version=digest[:12],
        licence="unknown",
        source=Path(path).name,
        files=(SourceFile(path="forward.onnx", sha256=hashlib.sha256(data).hexdigest(), size=len(data)),),
        layers={
            layer: Layer(
                description=f"{forward.channels(layer)} channels",
                channels=forward.channels(layer),
                stride=figures[layer][0],
                halo=figures[layer][1],
            )
            for layer in chosen
        },
    )
    return Imported(network, data, error)


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model in the file, and the file's sha256. Raises BadInput for a file that is missing, torn, or not ONNX."""
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path} has more than {MOST_BYTES // 2**20} MB: too large for this kiosk", "bad_network")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", "no_file") from error
    try:
        model = onnx.load_model_from_string(data)
        onnx.load_external_data_for_model(model, str(path.parent))
        if not model.graph.node:
            raise BadInput(f"{path} is not an ONNX network: it has no operations", "bad_network")
        onnx.checker.check_model(model)
        for tensor in model.graph.initializer:
            numpy_helper.to_array(tensor)
    except (DecodeError, onnx.checker.ValidationError, ValueError, TypeError, OSError, RuntimeError) as error:
        line = " ".join(str(error).split())[:160]
        raise BadInput(f"{path} is not a sound ONNX network (torn download?): {line}", "bad_network") from error
    return model, hashlib.sha256(data).hexdigest()


def prepare(model: onnx.ModelProto, preprocessing: Preprocessing) -> tuple[int, onnx.ModelProto]:
    """The model with `image` for its input, preprocessing inside, height and width free; and the side of the square
    pictures that it was made for, pixels."""
    graph = model.graph
    data, channels_last, side = _picture_input(model)
    if not any(node.op_type == "Conv" for node in graph.node):
        raise BadInput("the network has no convolution: it is not a convolutional classifier", "not_a_classifier")
    _refuse_picture_makers(model, side)
    _free_reshapes(model)
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    fresh = (
        {IMAGE: f"{IMAGE}_", data.name: PREPARED} if data.name != IMAGE and IMAGE in taken else {data.name: PREPARED}
    )
    for node in graph.node:
        node.input[:] = [fresh.get(name, name) for name in node.input]
        node.output[:] = [fresh.get(name, name) for name in node.output]
    kernel, bias = preprocessing.convolution()
    weights = [numpy_helper.from_array(kernel, "preprocess/weight"), numpy_helper.from_array(bias, "preprocess/bias")]
    prepared = "image/channels_first" if channels_last else PREPARED
    nodes = [helper.make_node("Conv", [IMAGE, "preprocess/weight", "preprocess/bias"], [prepared], "preprocess")]
    if channels_last:
        nodes.append(helper.make_node("Transpose", [prepared], [PREPARED], "channels_last", perm=[0, 2, 3, 1]))
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


def verify(model: onnx.ModelProto, layers: Sequence[str], side: int) -> float:
    """How far the gradient of all `layers` together is from differences, on a picture that is not square.

    Each layer weighs as much as the others: its objective is scaled to 1. Raises BadInput above TOLERANCE.
    """
    height = -(-side // MULTIPLE) * MULTIPLE
    width = height + MULTIPLE
    values = run(open_plain(model), list(layers), spotted_picture(height, width, 0))
    weights = {}
    for layer, value in zip(layers, values, strict=True):
        level = float(np.mean(value.astype(np.float64) ** 2))
        if not np.isfinite(level):
            raise BadInput(f"layer {layer} is not finite: the weights, --mean or --std are wrong", "not_finite")
        if level > 0:
            weights[layer] = 1 / level
    if not weights:
        raise BadInput("no layer reacts to a picture: the weights, --mean or --std are wrong", "no_reaction")
    error = directional_error(add_gradient(model, weights), height, width)
    if not error <= TOLERANCE:
        raise BadInput(f"the gradient of this network fails its check ({error:.1%} off)", "wrong_gradient")
    return error


def _picture_input(model: onnx.ModelProto) -> tuple[onnx.ValueInfoProto, bool, int]:
    """The input that takes the picture, whether its channels come last, and the side it was made for."""
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
    return real[0], not first, side


def _refuse_picture_makers(model: onnx.ModelProto, side: int) -> None:
    for value in model.graph.output:
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if len(sizes) == 4 and min(sizes[2:]) >= side:
            shown = "x".join(map(str, sizes))
            raise BadInput(f"the network makes pictures ({value.name}: {shown}), not classes", "not_a_classifier")


def _free_reshapes(model: onnx.ModelProto) -> None:
    """Let reshapes that keep height and width (channel shuffles) take them from their input instead of a constant."""
    graph = model.graph
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    inferred = shape_inference.infer_shapes(fixed, data_prop=True).graph
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in [*inferred.value_info, *inferred.input]
    }
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.data_type == TensorProto.INT64}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    nodes = []
    for number, node in enumerate(graph.node):
        source = shapes.get(node.input[0], []) if node.input else []
        target = constants[node.input[1]].tolist() if node.op_type == "Reshape" and node.input[1] in constants else []
        if len(source) > 3 < len(target) and source[-2:] == target[-2:] and min(source[-2:]) > 1:
            base = f"reshape_{number}"
            graph.initializer.append(numpy_helper.from_array(np.array(target[:-2], np.int64), f"{base}/front"))
            axes = numpy_helper.from_array(np.array([len(source) - 2, len(source) - 1], np.int64), f"{base}/axes")
            graph.initializer.append(axes)
            nodes += [
                helper.make_node("Shape", [node.input[0]], [f"{base}/sizes"]),
                helper.make_node("Gather", [f"{base}/sizes", f"{base}/axes"], [f"{base}/back"], axis=0),
                helper.make_node("Concat", [f"{base}/front", f"{base}/back"], [f"{base}/shape"], axis=0),
            ]
            node.input[1] = f"{base}/shape"
        nodes.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(kept)


def _spatial(forward: Forward, side: int) -> dict[str, list]:
    """The tensors that have a position for every few pixels of a picture of any size, and a gradient."""
    fixed = Forward(_with_size(forward.model, side), IMAGE)
    spatial = {}
    for name, shape in forward.dreamable().items():
        sizes = fixed.shapes.get(name, [0, 0, 0, 0])[2:]
        free = not isinstance(shape[2], int) and not isinstance(shape[3], int)
        if free and all(not isinstance(size, int) or size > 1 for size in sizes) and not name.startswith("image/"):
            spatial[name] = shape
    if not spatial:
        for node in forward.nodes:
            reason = forward.missing(node)
            if reason:
                raise BadInput(f"no layer of this network can be dreamed: {reason}", "no_gradient_rule")
        raise BadInput(
            "the network has no layer with positions: it is not a convolutional classifier", "not_a_classifier"
        )
    return spatial


def _refuse_layer(forward: Forward, layer: str, spatial: list[str]) -> None:
    working = ", ".join(spatial)
    if layer not in forward.producer:
        raise BadInput(f"the network has no layer {layer!r}; it has: {working}", "unknown_layer")
    for node in prune(forward.nodes, {layer}):
        reason = forward.missing(node)
        if reason:
            raise BadInput(f"cannot dream {layer}: {reason}; layers that would work: {working}", "no_gradient_rule")
    raise BadInput(f"{layer} has no positions to dream at; layers that have: {working}", "unknown_layer")


def _cut(forward: Forward, layers: Sequence[str]) -> onnx.ModelProto:
    """The forward network up to `layers`, which become its outputs; constants worked out."""
    nodes = forward.fold(prune(forward.nodes, set(layers)))
    used = {name for node in nodes for name in node.input}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, forward.shapes[name]) for name in layers]
    graph = helper.make_graph(
        nodes, "imported", [forward.image], outputs, [t for t in forward.initializers if t.name in used]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", forward.opset)], producer_name="dreamkiosk")
    model.ir_version = forward.ir_version
    return model


def _with_size(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for dim in copy.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = side
    return copy
