"""Prepare a downloaded ONNX classifier for dreaming.

The file is untrusted: it is parsed, checked and rebuilt, and only the nodes and weights that the layers need are kept.
The result takes `image`, float32 [1,3,height,width], RGB 0..255, of any size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.errors import BadInput
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.forward import Forward, prune
from kiosk.forge.gradient.verify import directional_error, open_plain, run, spotted_picture
from kiosk.forge.readers.imported import PACKAGE, check_name
from kiosk.forge.readers.layers import behind, fixed, probe, strides_and_fields, worthwhile
from kiosk.forge.readers.onnx_file import IMAGE, Preprocessing, prepare, read_model
from kiosk.recipes.catalog import Layer, Network, SourceFile

MULTIPLE = 32
"""Picture sizes are multiples of this: at others, branches with unequal padding (Inception v2) disagree in size."""
CHECKED = 96
SEEDS = (0, 1, 2)
TOLERANCE = 0.02


@dataclass(frozen=True)
class Imported:
    """A network ready for `kiosk.forge.readers.imported.save`: its entry, its forward graph, and the relative error of
    its gradient against finite differences.

    `behind`: why an operation cannot be dreamed through -> how many layers lie behind it and are not offered."""

    network: Network
    forward: bytes
    error: float
    behind: dict[str, int]


def import_network(
    path: Path, name: str, preprocessing: Preprocessing | None = None, layers: Sequence[str] = ()
) -> Imported:
    """Read the network in `path`, free its input size, cut its classifier head, and verify its gradient.

    `layers`: tensors to offer, by default all activations. Raises BadInput for an invalid ONNX file (`bad_network`), a
    network that is not a convolutional picture classifier (`not_a_classifier`), no layer or a chosen layer without a
    gradient rule (`no_gradient_rule`), an unknown layer (`unknown_layer`), and a gradient that fails its check
    (`wrong_gradient`).
    """
    check_name(name)
    model, digest = read_model(path)
    side, model = prepare(model, preprocessing or Preprocessing())
    forward = Forward(model, IMAGE)
    forward.nodes = forward.fold(forward.nodes)
    probe(forward)
    everywhere = _positioned(forward, side)
    spatial = _dreamable(forward, everywhere)
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
    return Imported(network, data, error, {**behind(forward, everywhere), **fixed(forward)})


def verify(model: onnx.ModelProto, layers: Sequence[str], side: int) -> float:
    """The relative error of the gradient of all `layers` together against finite differences.

    The worst of SEEDS non-square pictures of about CHECKED pixels, or of `side`, the network's own size, if it does not
    run on those. Each layer's objective is scaled to 1, so that all have equal weight. Raises BadInput above TOLERANCE.
    """
    height = -(-min(side, CHECKED) // MULTIPLE) * MULTIPLE
    try:
        weights = _equal_weights(model, layers, height)
    except BadInput as refused:
        if refused.code != "bad_network" or side <= CHECKED:
            raise
        height = -(-side // MULTIPLE) * MULTIPLE
        weights = _equal_weights(model, layers, height)
    graph = add_gradient(model, weights)
    error = directional_error(graph, height, height + MULTIPLE, SEEDS)
    if not error <= TOLERANCE:
        raise BadInput(f"the gradient of this network fails its check ({error:.1%} off)", "wrong_gradient")
    return error


def _equal_weights(model: onnx.ModelProto, layers: Sequence[str], height: int) -> dict[str, float]:
    """Layer -> the weight that brings its objective to 1 on a picture of this height. Layers that do not react are left
    out."""
    values = run(open_plain(model), list(layers), spotted_picture(height, height + MULTIPLE, 0))
    weights = {}
    for layer, value in zip(layers, values, strict=True):
        level = float(np.mean(value.astype(np.float64) ** 2))
        if not np.isfinite(level):
            raise BadInput(f"layer {layer} is not finite: the weights, --mean or --std are wrong", "not_finite")
        if level > 0:
            weights[layer] = 1 / level
    if not weights:
        raise BadInput("no layer reacts to a picture: the weights, --mean or --std are wrong", "no_reaction")
    return weights


def _positioned(forward: Forward, side: int) -> dict[str, list]:
    """The tensors [1,C,H,W] that depend on the picture and whose height and width scale with it."""
    sized = Forward(_with_size(forward.model, side), IMAGE)
    found = {}
    for name in (output for node in forward.nodes for output in node.output):
        shape, sizes = forward.shapes.get(name, []), sized.shapes.get(name, [0, 0, 0, 0])[2:]
        if len(shape) != 4 or not isinstance(shape[1], int) or not forward.depends(name) or name.startswith("image/"):
            continue
        free = not isinstance(shape[2], int) and not isinstance(shape[3], int)
        if free and all(not isinstance(size, int) or size > 1 for size in sizes):
            found[name] = shape
    return found


def _dreamable(forward: Forward, everywhere: dict[str, list]) -> dict[str, list]:
    """Those of the tensors `everywhere` that have a gradient. Raises BadInput if none has."""
    works = forward.dreamable()
    spatial = {name: shape for name, shape in everywhere.items() if name in works}
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
    """Cut the forward network at `layers`, which become its outputs, with constants folded."""
    nodes = forward.fold(prune(forward.nodes, set(layers)))
    used = {name for node in nodes for name in node.input}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, forward.shapes[name]) for name in layers]
    graph = helper.make_graph(
        nodes, "imported", [forward.image], outputs, [t for t in forward.initializers if t.name in used]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", forward.opset)], producer_name="dreamkiosk")
    model.ir_version = forward.ir_version
    # Graphs that are made of this one inherit it.
    model.metadata_props.add(key="align", value=str(MULTIPLE))
    return model


def _with_size(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for dim in copy.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = side
    return copy
