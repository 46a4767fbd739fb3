"""ONNX files as others published them, made graphs like the kiosk's: the preprocessing is inside, and tensors have
plain names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from kiosk.errors import BadInput


@dataclass(frozen=True)
class Published:
    """A published network with one input, the tensor `source`, and one output, `target`. title: what it is, for
    errors."""

    title: str
    model: onnx.ModelProto
    source: str
    target: str


def read(data: bytes, title: str) -> Published:
    """Read an ONNX file. Raises BadInput if it is not a network with one input and one output."""
    try:
        model = onnx.load_model_from_string(data)
        initialized = {one.name for one in model.graph.initializer}
        (source,) = (value for value in model.graph.input if value.name not in initialized)
        (target,) = model.graph.output
    except (DecodeError, ValueError) as error:
        raise BadInput(f"the {title} is not an ONNX file with one input and one output", "bad_archive") from error
    return Published(title, model, source.name, target.name)


def renamed(published: Published, target: str) -> Published:
    """The same network, whose output is called `target`."""
    for node in published.model.graph.node:
        node.output[:] = [target if name == published.target else name for name in node.output]
        node.input[:] = [target if name == published.target else name for name in node.input]
    return Published(published.title, published.model, published.source, target)


def wrapped(
    published: Published,
    name: str,
    values: tuple[onnx.ValueInfoProto, onnx.ValueInfoProto],
    *,
    before: Sequence[onnx.NodeProto],
    after: Sequence[onnx.NodeProto] = (),
    constants: Mapping[str, np.ndarray],
) -> onnx.ModelProto:
    """The graph `name` of nodes `before`, which end in the tensor `source`, the network, and nodes `after` it.

    values: input and output of the whole; constants: initializers that the new nodes use. Raises BadInput if the
    network is damaged.
    """
    model = published.model
    whole = helper.make_graph(
        [*before, *model.graph.node, *after],
        name,
        [values[0]],
        [values[1]],
        [
            *model.graph.initializer,
            *(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()),
        ],
    )
    made = helper.make_model(whole, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        onnx.checker.check_model(made)
    except onnx.checker.ValidationError as error:
        raise BadInput(f"the {published.title} is damaged: {str(error).splitlines()[0]}", "bad_archive") from error
    return made
