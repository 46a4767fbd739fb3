"""The masks of ReLUs and ReLU6s, computed from the codes of their outputs."""

from __future__ import annotations

import onnx

from kiosk.forge.precisions.coded.facts import Facts
from kiosk.forge.precisions.coded.table import lowers
from kiosk.forge.precisions.coded.writer import Coded, CodedWriter
from kiosk.forge.precisions.int8_gradient import MIDDLE
from kiosk.forge.precisions.int8_writer import attributes_of

STEEP = 1e6
"""A HardSigmoid at least this steep is a mask."""


@lowers("HardSigmoid", "Sub")
def mask(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    """Masks of activations in codes are computed from the codes, where they are used."""
    if writer.facts.is_forward(node.output[0]):
        return False
    if not any(name in writer.coded or name in writer.waiting for name in node.input):
        return False
    writer.waiting[node.output[0]] = node
    return True


@lowers("Mul")
def masked(writer: CodedWriter, node: onnx.NodeProto) -> bool:
    facts, output = writer.facts, node.output[0]
    if facts.is_forward(output) or node.input[0] not in writer.coded:
        return False
    held, source = writer.coded[node.input[0]], _masked_by(facts, node.input[1])
    if source is None or source not in writer.coded or writer.coded[source].zero:
        return False
    before = facts.producer[node.input[0]]
    if before.op_type == "Mul" and _masked_by(facts, before.input[1]) == source:
        writer.coded[output] = held  # the other end of a ReLU6: both are masked at once
        return True
    # Sums and products of bytes wrap around: (g + 128) i - g is g where i is 2, and 128 where it is 1.
    turned = writer.op("Add", [held.codes, writer.middle], f"int8/{output}/turned")
    product = writer.op("Mul", [turned, _inside(writer, source)], f"int8/{output}/product")
    codes = writer.op("Sub", [product, held.codes], f"int8/{output}/coded")
    writer.coded[output] = Coded(codes, MIDDLE, names=held.names)
    return True


def _masked_by(facts: Facts, name: str) -> str | None:
    """The activation whose ReLU or ReLU6 the mask `name` is of."""
    node = facts.producer.get(name)
    if node is None or node.op_type != "HardSigmoid" or attributes_of(node).get("alpha", 0.2) < STEEP:
        return None
    if attributes_of(node).get("beta", 0.5) != 0:
        return None
    source = node.input[0]
    if facts.is_forward(source):
        return source if facts.producer[source].op_type == "Relu" else None
    difference = facts.producer[source]
    if difference.op_type != "Sub":
        return None
    bounded = [one for one in difference.input if facts.is_forward(one) and facts.bound(one)]
    return bounded[0] if len(bounded) == 1 else None


def _inside(writer: CodedWriter, name: str) -> str:
    """2 where the activation is inside its ReLU or ReLU6, else 1."""
    inside = f"int8/{name}/inside"
    if any(node.output[0] == inside for node in writer.nodes):
        return inside
    one, two, codes = writer.u8("code_one", 1), writer.u8("code_two", 2), writer.coded[name].codes
    if writer.facts.bound(name):
        # Adding 1 makes the two ends, 0 and 255, neighbors.
        following = writer.op("Add", [codes, one], f"int8/{name}/following")
        return writer.op("Clip", [following, one, two], inside)
    lit = writer.op("Clip", [codes, writer.zero, one], f"int8/{name}/lit")
    return writer.op("Add", [lit, one], inside)
