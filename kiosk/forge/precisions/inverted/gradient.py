"""Gradients in 8-bit codes, and how they pass a ReLU6."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from kiosk.forge.precisions.codes import SYMMETRIC_LEVELS
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.precisions.int8_writer import CodeNames
from kiosk.forge.precisions.inverted.forward import Forward
from kiosk.forge.precisions.inverted.network import Block, Inverted
from kiosk.forge.precisions.rounding import round_nearest

LEAST_SHARE = {"filtered": 0.1, "expanded": 0.2}
"""Smallest factor of a channel's scale, so that no channel is clipped because its weights are small."""


@dataclass(frozen=True)
class CodedGradient:
    """A gradient in codes: (code - 128) * scale * share of its channel."""

    codes: str
    names: CodeNames
    """Their scale is computed at run time."""
    shares: np.ndarray
    """[C], or [1] if all channels have equal scales. Folded into the weights of the convolutions."""


class Backward(Forward):
    """Writes gradients. Their scales are calibrated multiples of the RMS of an earlier gradient."""

    _rms: str
    """The name of the RMS that was measured last"""

    def __init__(self, network: Inverted, layer: str, ranges: Ranges) -> None:
        super().__init__(network, layer, ranges)
        self._targets: dict[str, CodeNames] = {}

    def gradient_at(
        self,
        tensor: str,
        read: CodedGradient,
        kernel: np.ndarray,
        shares: np.ndarray | None = None,
        part: str = "gradient",
        **attributes: object,
    ) -> CodedGradient:
        """Convolve the gradient `read` with `kernel`, [M, C, k, k] or depthwise [C, 1, k, k]; the result is the
        gradient at `tensor`, or a part of it."""
        shares = np.ones(1) if shares is None else shares
        depthwise = kernel.shape[1] == 1
        read_shares = read.shares.reshape(-1, 1, 1, 1) if depthwise else read.shares.reshape(1, -1, 1, 1)
        folded = kernel * read_shares / shares.reshape(-1, 1, 1, 1)
        target = self._target(tensor)
        group = len(kernel) if depthwise else 1
        codes = self.convolution(
            f"{tensor}/{part}", read.codes, round_nearest(folded), None, read.names, target, group=group, **attributes
        )
        return CodedGradient(codes, target, shares)

    def passed(self, gradient: CodedGradient, inside: str, name: str) -> CodedGradient:
        """The gradient where `inside` is 2, and 0 where it is 1."""
        # Sums and products of bytes wrap around: (g + 128) i - g is g where i is 2, and 128 where it is 1.
        turned = self.op("Add", [gradient.codes, self.middle], f"{name}/turned")
        product = self.op("Mul", [turned, inside], f"{name}/product")
        return CodedGradient(self.op("Sub", [product, gradient.codes], name), gradient.names, gradient.shares)

    def inside(self, activation: str) -> str:
        """2 where the activation's code is neither 0 nor 255, the two ends of a ReLU6, else 1."""
        # Adding 1 makes the two ends neighbors.
        following = self.op("Add", [self.activations[activation], self.u8("code_one", 1)], f"{activation}/following")
        return self.op("Clip", [following, self.u8("code_one", 1), self.u8("code_two", 2)], f"{activation}/inside")

    def measure(self, tensor: str, gradient: CodedGradient) -> None:
        """Measure the RMS of the gradient at `tensor`. Its channels have equal scales. The scales of the following
        gradients are multiples of it."""
        op = self.op
        values = self.dequantize(gradient.codes, gradient.names, f"{tensor}/values")
        norm = op("ReduceL2", [values], f"{tensor}/norm", keepdims=0)
        # ONNX Runtime computes values twice that two operations read.
        size = op("Size", [gradient.codes], f"{tensor}/size")
        count = op("Cast", [size], f"{tensor}/count", to=TensorProto.FLOAT)
        mean = op("Div", [norm, op("Sqrt", [count], f"{tensor}/root")], f"{tensor}/mean")
        self._rms = op("Max", [mean, self.constant("least", np.float32(1e-12))], f"{tensor}/rms")

    def _target(self, tensor: str) -> CodeNames:
        """The codes of the gradient at `tensor`. All parts of it have the same."""
        if tensor not in self._targets:
            ratio = self.constant(f"{tensor}/range", np.float32(self.ranges.gradients[tensor] / SYMMETRIC_LEVELS))
            scale = self.op("Mul", [self._rms, ratio], f"{tensor}/gradient_scale")
            self._targets[tensor] = CodeNames(scale, self.middle)
        return self._targets[tensor]


def shares_of(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """The shares of the channels after and before the block's depthwise convolution: about their gradients' RMS,
    relative to that of all, judged by the weights that the gradients come through."""
    filtered = np.sqrt(np.square(block.project.kernel.astype(np.float64)).sum((0, 2, 3)))
    expanded = filtered * np.sqrt(np.square(block.depthwise.kernel.astype(np.float64)).sum((1, 2, 3)))
    return _relative(filtered, LEAST_SHARE["filtered"]), _relative(expanded, LEAST_SHARE["expanded"])


def _relative(sizes: np.ndarray, least: float) -> np.ndarray:
    return np.maximum(sizes / np.sqrt(np.square(sizes).mean()), least)
