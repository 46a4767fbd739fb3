"""Turn a float32 dream graph into one whose convolutions, forward and backward, are in int8.

Whatever the table has no entry for, or whose entry declines, runs on floats; what is between two such operations stays
in codes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import onnx

from kiosk.forge.gradient.forward import prune
from kiosk.forge.precisions.coded import convolution, masks, moves, pooling
from kiosk.forge.precisions.coded.facts import Facts
from kiosk.forge.precisions.coded.table import LOWERS
from kiosk.forge.precisions.coded.writer import CodedWriter
from kiosk.forge.precisions.dream_ranges import Ranges


class Needed(NamedTuple):
    """The tensors whose ranges are needed."""

    activations: list[str]
    gradients: dict[str, tuple[str, ...]]
    """Gradient -> those whose RMS, added up, is the unit of its range."""


def to_codes(model: onnx.ModelProto, forward: onnx.ModelProto, ranges: Ranges) -> onnx.ModelProto:
    """The dream graph `model`, made from the float32 network `forward`, with its convolutions in int8. `ranges`: of the
    tensors that `needed` names."""
    return _lowered(model, forward, ranges)[1]


def needed(model: onnx.ModelProto, forward: onnx.ModelProto) -> Needed:
    """The tensors whose ranges `to_codes` needs."""
    facts = Facts(model, forward)
    ones = _Ones(facts)
    writer, _ = _lowered(model, forward, Ranges(ones, defaultdict(lambda: 1.0)))
    return Needed(list(ones), writer.sources)


class _Ones(dict[str, np.ndarray]):
    """A range for every tensor that is asked for."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __missing__(self, name: str) -> np.ndarray:
        self[name] = np.ones(self._facts.channels(name))
        return self[name]


def _lowered(model: onnx.ModelProto, forward: onnx.ModelProto, ranges: Ranges) -> tuple[CodedWriter, onnx.ModelProto]:
    writer = CodedWriter(Facts(model, forward), ranges)
    for node in model.graph.node:
        if node.output[0] in writer.coded or node.output[0] in writer.written:
            continue
        lower = LOWERS.get(node.op_type)
        if lower is None or not lower(writer, node):
            writer.write(node)
    outputs = {output.name for output in model.graph.output}
    for name in outputs:
        writer.floats(name)
    writer.nodes = prune(writer.nodes, outputs)
    read = {name for node in writer.nodes for name in node.input}
    writer.constants = {name: tensor for name, tensor in writer.constants.items() if name in read}
    result = writer.model_like(model)
    result.ir_version = model.ir_version
    result.metadata_props.extend(model.metadata_props)
    return writer, result


__all__ = ["Needed", "convolution", "masks", "moves", "needed", "pooling", "to_codes"]
