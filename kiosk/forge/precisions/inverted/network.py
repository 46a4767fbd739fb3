"""Read a network of inverted-residual blocks from its float32 graph, which `kiosk.forge.readers.efficientnet` makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

STEM, HEAD, CLASSES = "stem", "head", "classes"


@dataclass(frozen=True)
class Convolution:
    """A convolution with the batch normalization after it."""

    kernel: np.ndarray
    """[M, C, k, k]; depthwise [M, 1, k, k]"""
    bias: np.ndarray
    """[M]"""
    stride: int
    pads: tuple[int, ...]
    """Rows and columns before, rows and columns after."""


@dataclass(frozen=True)
class Block:
    """A 1x1 convolution that expands the channels, a depthwise one, and a 1x1 one that projects them. The first two are
    followed by a ReLU6."""

    number: int
    expand: Convolution | None
    """None: the depthwise convolution reads the block's input."""
    depthwise: Convolution
    project: Convolution
    adds: bool
    """Whether the block adds its input."""

    @property
    def name(self) -> str:
        return f"block{self.number}"

    @property
    def before(self) -> str:
        """The block's input."""
        return f"block{self.number - 1}" if self.number else STEM

    @property
    def expanded(self) -> str:
        """The tensor that the depthwise convolution reads."""
        return f"expand{self.number}" if self.expand else STEM

    @property
    def filtered(self) -> str:
        """The tensor after the depthwise convolution and its ReLU6."""
        return f"depthwise{self.number}"


@dataclass(frozen=True)
class Inverted:
    """A network of inverted-residual blocks."""

    stem: Convolution
    blocks: tuple[Block, ...]
    head: Convolution
    classes: Convolution

    def until(self, layer: str) -> tuple[Block, ...]:
        """The whole blocks that lie before `layer`, or end with it."""
        for block in self.blocks:
            if layer in (block.name, block.expanded):
                return self.blocks[: block.number + (layer == block.name)]
        return self.blocks

    def tensors(self, layer: str) -> list[str]:
        """The tensors with activation ranges that a dream of `layer` needs, in the order of their computation."""
        names = [STEM]
        for block in self.until(layer):
            names += [*([block.expanded] if block.expand else []), block.filtered, block.name]
        if layer in (HEAD, CLASSES):
            names.append(HEAD)
        return names if layer in names else [*names, layer]


def read_inverted(forward: onnx.ModelProto) -> Inverted:
    """Read the network from its float32 forward graph."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in forward.graph.initializer}
    found: dict[str, Convolution] = {}
    for node in forward.graph.node:
        if node.op_type == "Conv":
            given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            kernel, bias = (constants[name] for name in node.input[1:])
            found[node.name] = Convolution(kernel, bias, given["strides"][0], tuple(given["pads"]))
    added = {node.name for node in forward.graph.node if node.op_type == "Add"}
    blocks: list[Block] = []
    while f"block{(number := len(blocks))}/conv" in found:
        depthwise, project = found[f"depthwise{number}/conv"], found[f"block{number}/conv"]
        blocks.append(Block(number, found.get(f"expand{number}/conv"), depthwise, project, f"block{number}" in added))
    return Inverted(found["stem/conv"], tuple(blocks), found["head/conv"], found["classes/shifted/conv"])
