"""What the backward pass knows of a forward network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference, version_converter

from kiosk.errors import BadInput
from kiosk.forge.gradient.constants import fold
from kiosk.forge.gradient.tape import Dim, Tape, Tensor
from kiosk.forge.rules import RULES

# Networks of older opsets are converted to 18; newer ones stay. The operations the rules emit are the same in opsets 18
# to 21, all of which ONNX Runtime 1.21, the oldest supported version, runs.
OPSET = 18
NEWEST_OPSET = 21
IR_VERSIONS = {18: 8, 19: 9, 20: 9, 21: 10}

FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE}


def prune(nodes: list[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    """The nodes that the tensors `wanted` depend on, in their order."""
    wanted = set(wanted)
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


class Forward:
    """The forward network's tensors, types and dependencies, as the backward pass needs them."""

    def __init__(self, model: onnx.ModelProto, image_input: str) -> None:
        self.opset, model = at_opset(model)
        self.ir_version = IR_VERSIONS[self.opset]
        self.model = model
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
        self.nodes = list(graph.node)
        self.initializers = list(graph.initializer)
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        real = [value for value in graph.input if value.name not in self.constants]
        if [value.name for value in real] != [image_input]:
            found = ", ".join(value.name for value in real) or "none"
            raise BadInput(f"the network must have one input, {image_input!r}; it has: {found}", "bad_network")
        self.image = real[0]
        self.elem_type = self.image.type.tensor_type.elem_type
        if self.elem_type not in FLOATS:
            raise BadInput(f"the network's input {image_input!r} is not float32", "bad_network")
        self.dtype = np.dtype(helper.tensor_dtype_to_np_dtype(self.elem_type))
        self.shapes: dict[str, list[Dim]] = {n: list(a.shape) for n, a in self.constants.items()}
        self.types = {}
        for value in [*graph.input, *graph.value_info, *graph.output]:
            self.types[value.name] = value.type.tensor_type.elem_type
            if value.type.tensor_type.HasField("shape"):
                self.shapes[value.name] = [_size(d) for d in value.type.tensor_type.shape.dim]
        self.producer = {name: node for node in self.nodes for name in node.output if name}
        self.names = {*self.types, *self.constants, *self.producer, "gradient", "objective"}
        self.refused: dict[str, str] = {}
        """First output of a node -> why its rule does not cover it, as far as `probe` tried."""
        self._depends = {image_input}
        for node in self.nodes:
            if self._depends.intersection(node.input):
                # Sizes, indices and masks are integers and have no gradient.
                self._depends.update(n for n in node.output if self.types.get(n, self.elem_type) == self.elem_type)

    def tensor(self, tape: Tape, name: str) -> Tensor:
        return Tensor(tape, name, self.shapes.get(name))

    def depends(self, name: str) -> bool:
        """Whether the tensor depends differentiably on the picture."""
        return name in self._depends

    def is_branch(self, node: onnx.NodeProto, k: int) -> bool:
        """Whether input `k` of `node` is a residual branch: `node` adds it to a tensor that it is computed from."""
        if node.op_type != "Add" or not all(map(self.depends, node.input)):
            return False
        branch, skip = node.input[k], node.input[1 - k]
        waiting, seen = [branch], {branch}
        while waiting:
            made = self.producer.get(waiting.pop())
            before = {name for name in made.input if self.depends(name)} - seen if made else set()
            if skip in before:
                return True
            seen |= before
            waiting += before
        return False

    def channels(self, layer: str) -> int:
        shape = self.shapes.get(layer)
        if shape is None or len(shape) < 2 or not isinstance(shape[1], int):
            raise BadInput(f"layer {layer!r} has no fixed number of channels", "unknown_layer")
        return shape[1]

    def fold(self, nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Fold constants: nodes with only constant inputs are evaluated and become initializers. Returns the rest."""
        before = set(self.constants)
        remaining = fold(nodes, self.constants, self.opset)
        used = {name for node in remaining for name in node.input}
        for name in self.constants.keys() - before:
            self.shapes[name] = list(self.constants[name].shape)
            if name in used:
                self.initializers.append(numpy_helper.from_array(self.constants[name], name))
        return remaining

    def require(self, layer: str) -> None:
        if layer not in self.producer or not self.depends(layer):
            known = ", ".join(self.dreamable())
            raise BadInput(f"the network has no layer {layer!r}; it has: {known}", "unknown_layer")

    def missing(self, node: onnx.NodeProto) -> str | None:
        """Why `node` cannot be differentiated, or None if it can."""
        if not any(self.depends(name) for name in node.output):
            return None
        if node.op_type not in RULES or node.domain not in ("", "ai.onnx"):
            return f"the operation {node.op_type} ({node.name or node.output[0]}) has no gradient rule"
        covered = RULES[node.op_type].inputs
        for k, name in enumerate(node.input):
            if self.depends(name) and k not in covered:
                return f"{node.op_type} ({node.name or node.output[0]}) has no gradient rule for its input {k}"
        return self.refused.get(node.output[0])

    def require_rules(self, nodes: list[onnx.NodeProto], layers: Mapping[str, float]) -> None:
        for node in nodes:
            reason = self.missing(node)
            if reason:
                working = ", ".join(self.dreamable()) or "none"
                wanted = ", ".join(layers)
                raise BadInput(
                    f"cannot dream {wanted}: {reason}; layers that would work: {working}", "no_gradient_rule"
                )

    def dreamable(self) -> dict[str, list[Dim]]:
        works = {self.image.name}
        found = {}
        for node in self.nodes:
            if not all(name in works for name in node.input if self.depends(name)) or self.missing(node):
                continue
            works.update(node.output)
            shape = self.shapes.get(node.output[0], [])
            if self.depends(node.output[0]) and len(shape) == 4 and isinstance(shape[1], int):
                found[node.output[0]] = shape
        return found


def at_opset(model: onnx.ModelProto) -> tuple[int, onnx.ModelProto]:
    """Convert the model to an opset that the rules support. Returns the opset's number and the model. Raises BadInput
    if that fails."""
    version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    if OPSET <= version <= NEWEST_OPSET:
        return version, model
    target = OPSET if version < OPSET else NEWEST_OPSET
    try:
        return target, version_converter.convert_version(model, target)
    except (RuntimeError, ValueError) as error:
        line = str(error).strip().splitlines()[0]
        raise BadInput(f"cannot bring the network from opset {version} to {target}: {line}", "bad_network") from error


def _size(dim: onnx.TensorShapeProto.Dimension) -> Dim:
    return dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
