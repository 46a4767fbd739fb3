"""Sums, pools, and operations that move codes without changing them."""

from __future__ import annotations

import numpy as np
import onnx

from kiosk.forge.precisions.coded.table import lowers
from kiosk.forge.precisions.coded.writer import Coded, CodedWriter
from kiosk.forge.precisions.codes import LEVELS, SYMMETRIC_LEVELS
from kiosk.forge.precisions.int8_gradient import MIDDLE
from kiosk.forge.precisions.int8_writer import MICROSOFT, attributes_of

AXES = {0: 0, 1: 3, 2: 1, 3: 2}
"""Axis of [N, C, H, W] -> axis of codes."""


@lowers("Slice")
def cut(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    held = writer.coded.get(node.input[0])
    axes = writer.facts.values.get(node.input[3]) if len(node.input) == 4 else None
    if held is None or held.names is None or axes is None:
        return False
    bounds = [writer.given(writer.floats(name)) for name in node.input[1:3]]
    turned = [AXES[int(axis) % 4] for axis in axes]
    window = [*bounds, writer.ints(f"axes{''.join(map(str, turned))}", turned)]
    codes = writer.op("Slice", [held.codes, *window], f"{node.output[0]}/coded")
    writer.coded[node.output[0]] = Coded(codes, held.zero, names=held.names)
    return True


@lowers("Shape")
def shape(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    held, name = writer.coded.get(node.input[0]), node.output[0]
    if held is None or node.input[0] in writer.written:
        return False
    given = attributes_of(node)
    order = list(AXES.values())[given.get("start", 0) : given.get("end", 4)]
    sizes = writer.op("Shape", [held.codes], f"int8/{name}/turned")
    writer.op("Gather", [sizes, writer.ints(f"sizes{''.join(map(str, order))}", order)], name, axis=0)
    writer.written.add(name)
    return True


@lowers("Add")
def addition(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    facts, output = writer.facts, node.output[0]
    if len(node.input) != 2 or not any(name in writer.coded for name in node.input):
        return False
    if not facts.is_forward(output):
        parts = [writer.codes_of(name) for name in node.input]
        target = writer.target(output, *node.input)
        inputs = [text for part in parts for text in (part.codes, *(part.names or ()))]
        codes = writer.op("QLinearAdd", [*inputs, *target], f"int8/{output}/coded", domain=MICROSOFT)
        writer.coded[output] = Coded(codes, MIDDLE, names=target)
        return True
    if len({tuple(facts.shapes.get(name, ())) for name in (*node.input, output)}) > 1 or not facts.is_map(output):
        return False
    output = facts.fused(output) or output
    parts, (scale, zero) = [writer.codes_of(name) for name in node.input], writer.scale_of(output)
    inputs = []
    for part in (*parts, Coded("", zero, scale)):
        # Codes from 0 on have about half the scale of those around 0: the range is the same.
        levels = SYMMETRIC_LEVELS if part.zero else LEVELS
        relative = writer.constant(f"relative{levels}", np.float32(1 / levels))
        inputs += [*filter(None, [part.codes]), relative, writer.steps_at(part.zero).zero]
    limits = [
        (part.scale if part.scale is not None else 0) * (SYMMETRIC_LEVELS if part.zero else LEVELS) for part in parts
    ]
    if not np.allclose(limits[0], limits[1]):
        return False
    codes = writer.op("QLinearAdd", inputs, f"int8/{output}/coded", domain=MICROSOFT)
    writer.coded[output] = Coded(codes, zero, scale)
    return True


@lowers("Concat")
def concatenation(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    facts, output = writer.facts, node.output[0]
    if not all(facts.is_map(name) for name in (*node.input, output)) or attributes_of(node)["axis"] not in (1, -3):
        return False
    if not any(name in writer.coded for name in node.input) or len({facts.positive(name) for name in node.input}) > 1:
        return False
    parts = [writer.codes_of(name) for name in node.input]
    codes = writer.op("Concat", [part.codes for part in parts], f"int8/{output}/coded", axis=3)
    scales = [part.scale for part in parts if part.scale is not None]
    writer.coded[output] = Coded(codes, parts[0].zero, np.concatenate(scales))
    return True


@lowers("MaxPool")
def max_pool(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    facts, x, output, given = writer.facts, node.input[0], node.output[0], attributes_of(node)
    if not facts.is_forward(output) or given.pop("auto_pad", b"NOTSET") != b"NOTSET" or not facts.is_map(x):
        return False
    # The pool's gradient is much faster on codes: it is worth making some.
    if x not in writer.coded and not facts.positive(x):
        return False
    given.pop("storage_order", None)
    held = writer.codes_of(x)
    codes = writer.op("NhwcMaxPool", [held.codes], f"int8/{output}/coded", domain=MICROSOFT, **given)
    writer.coded[output] = Coded(codes, held.zero, held.scale)
    return True


@lowers("AveragePool")
def average_pool(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    held, output, given = writer.coded.get(node.input[0]), node.output[0], attributes_of(node)
    if held is None or given.pop("auto_pad", b"NOTSET") != b"NOTSET" or given.get("dilations", [1, 1]) != [1, 1]:
        return False
    given.pop("dilations", None)
    steps = writer.steps_at(held.zero)
    inputs = [held.codes, *steps, *steps]
    codes = writer.op("QLinearAveragePool", inputs, f"int8/{output}/coded", domain=MICROSOFT, channels_last=1, **given)
    writer.coded[output] = Coded(codes, held.zero, held.scale)
    return True


@lowers("ReduceSum")
def same_size(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    """A sum over the axes along which a branch was repeated to be added, of which there are none here."""
    held = writer.coded.get(node.input[0])
    if held is None or not attributes_of(node).get("noop_with_empty_axes") or len(node.input) < 2:
        return False
    name = node.input[1]
    for kind in ("Squeeze", "NonZero", "Equal", "Shape"):
        maker = writer.facts.producer.get(name)
        if maker is None or maker.op_type != kind:
            return False
        name = maker.input[0]
    if not writer.facts.is_map(name):
        return False
    writer.coded[node.output[0]] = held
    return True
