"""The forward pass of inverted-residual blocks in int8 (u8 activations, s8 weights per channel), channels last.

After a ReLU6, a code is value / (6 / 255): clipping codes to 0..255 is the ReLU6. A block's output has no activation;
its code is 128 + value / scale, with a scale of its own for each channel, which is folded into the weights on both
sides. All blocks of a stage, which are added to each other, have the same scales.
"""

from __future__ import annotations

import numpy as np

from kiosk.forge.precisions.codes import LEVELS, SYMMETRIC_LEVELS, QuantizedWeights
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.precisions.int8_gradient import GradientWriter
from kiosk.forge.precisions.int8_writer import CodeNames
from kiosk.forge.precisions.inverted.network import CLASSES, HEAD, STEM, Block, Convolution, Inverted
from kiosk.forge.precisions.rounding import weight_scale
from kiosk.forge.readers.efficientnet import MEAN

HIGHEST = 6.0
"""The bound of a ReLU6."""
LARGEST_BIAS = 1 << 30
"""Biases are 32-bit sums of products of codes."""


class Forward(GradientWriter):
    """Writes the forward pass up to a layer. In the graph, scales of codes are 1: the real ones are in the weights."""

    def __init__(self, network: Inverted, layer: str, ranges: Ranges) -> None:
        super().__init__()
        self.network, self.layer, self.ranges = network, layer, ranges
        self.blocks = network.until(layer)
        self.activations: dict[str, str] = {}
        """activation -> its codes"""
        self._scales: dict[str, np.ndarray] = {}
        """block output -> the scale of its codes, [C]"""
        stage: list[Block] = []
        for block in self.blocks:
            stage = [*stage, block] if block.adds else [block]
            widest = np.max([np.asarray(ranges.activations[one.name], np.float64) for one in stage], axis=0)
            for one in stage:
                self._scales[one.name] = np.maximum(widest, 1e-6) / SYMMETRIC_LEVELS

    def scale_of(self, name: str) -> np.ndarray:
        """The scale of an activation's codes per channel, [C], or [1] if all channels have the same."""
        if name == CLASSES:
            return np.maximum(np.asarray(self.ranges.activations[CLASSES], np.float64), 1e-6) / LEVELS
        return self._scales.get(name, np.array([HIGHEST / LEVELS]))

    def codes_of(self, name: str) -> CodeNames:
        """The codes of an activation, with scale 1."""
        return self.gradient_steps if name in self._scales else self.steps

    def is_clipped(self, name: str) -> bool:
        """Whether the activation follows a ReLU6. (The classes' ReLU needs no mask: the objective's gradient is 0 where
        the activation is.)"""
        return name not in self._scales and name != CLASSES

    def forward(self) -> None:
        """Write the forward pass up to the layer."""
        self._stem()
        before = STEM
        for block in self.blocks:
            inner = before
            if block.expand:
                inner = self._convolve(block.expanded, before, block.expand)
            filtered = self._convolve(block.filtered, inner, block.depthwise)
            self._project(block, filtered, before)
            before = block.name
        if self.layer in (HEAD, CLASSES):
            before = self._convolve(HEAD, before, self.network.head)
            if self.layer == CLASSES:
                self._convolve(CLASSES, before, self.network.classes)
        elif self.layer not in self.activations:
            expand = self.network.blocks[len(self.blocks)].expand
            assert expand, f"the network has no layer {self.layer}"
            self._convolve(self.layer, before, expand)

    def _project(self, block: Block, filtered: str, before: str) -> None:
        if not block.adds:
            self._convolve(block.name, filtered, block.project)
            return
        # The projection alone has the block's codes: what is beyond them would mostly be so in the sum.
        inside = self._write(f"{block.name}/z", filtered, block.project, self.scale_of(block.name), self.gradient_steps)
        self.activations[block.name] = self.sum_of(block.name, inside, self.activations[before])

    def _convolve(self, name: str, x: str, conv: Convolution) -> str:
        """A convolution of the activation `x`. Returns `name`."""
        self.activations[name] = self._write(name, x, conv, self.scale_of(name), self.codes_of(name))
        return name

    def _write(self, name: str, x: str, conv: Convolution, scales: np.ndarray, target: CodeNames) -> str:
        depthwise = conv.kernel.shape[1] == 1
        of_x = self.scale_of(x).reshape(-1, 1, 1, 1) if depthwise else self.scale_of(x).reshape(1, -1, 1, 1)
        return self._with_bias(
            *(name, self.activations[x], conv.kernel * of_x / scales.reshape(-1, 1, 1, 1), conv.bias / scales),
            *(self.codes_of(x), target),
            strides=[conv.stride, conv.stride],
            pads=list(conv.pads),
            group=len(conv.kernel) if depthwise else 1,
        )

    def _with_bias(
        self,
        name: str,
        x: str,
        kernel: np.ndarray,
        bias: np.ndarray,
        source: CodeNames,
        target: CodeNames,
        **attributes: object,
    ) -> str:
        """A convolution of codes with scale 1 to codes with scale 1."""
        # A channel that hardly reads anything has a bias that is huge beside its weights, which may then be 0.
        scale = np.maximum(weight_scale(kernel), np.abs(bias) / LARGEST_BIAS)
        weights = QuantizedWeights(np.rint(kernel / scale[:, None, None, None]).astype(np.int8), scale)
        return self.convolution(name, x, weights, bias, source, target, **attributes)

    def _stem(self) -> None:
        """The first convolution, 3x3 with stride 2, as a 2x2 one of blocks of 2x2 pixels: integer kernels are slow with
        three channels."""
        kernel = self.network.stem.kernel
        taps = np.zeros((len(kernel), 2, 2, 4, 2, 2))
        for i in range(3):
            for j in range(3):
                taps[:, i % 2, j % 2, :3, i // 2, j // 2] = kernel[:, :, i, j]
        scale = self.scale_of(STEM)
        taps = taps.reshape(len(kernel), 16, 2, 2) / scale.reshape(-1, 1, 1, 1)
        levels = CodeNames(self.one, self.u8("mean", int(MEAN)))
        self.activations[STEM] = self._with_bias(
            STEM, self._pixels(), taps, self.network.stem.bias / scale, levels, self.steps
        )

    def _pixels(self) -> str:
        """The picture [1, 3, H, W] as blocks [1, floor(H / 2) + 1, floor(W / 2) + 1, 16], with the network's zero
        beyond it and as a fourth color: two pixels are then eight bytes, which ONNX Runtime has a fast kernel for."""
        op = self.op
        # A dream in progress has fractional levels. Rounding changes much less than a step does.
        levels = self.quantize("image", self.steps, "image/levels")
        two = self.ints("two_two", [2, 2])
        size = op("Shape", ["image"], "image/size", start=2)
        more = op("Sub", [two, op("Mod", [size, two], "image/odd")], "image/more")
        pads = op("Concat", [self.ints("fourth", [0, 0, 0, 0, 0, 1]), more], "image/pads", axis=0)
        padded = op("Pad", [levels, pads, self.u8("mean", int(MEAN))], "image/even")
        pixels = op("Transpose", [padded], "image/pixels", perm=[0, 2, 3, 1])
        width = op("Shape", [pixels], "image/width", start=2, end=3)
        half = op("Div", [width, self.ints("two", [2])], "image/half")
        pairs = op("Concat", [self.ints("pairs", [-1, 2]), half, self.ints("eight", [8])], "image/pairs", axis=0)
        rows = op("Reshape", [pixels, pairs], "image/rows")
        blocks = op("Transpose", [rows], "image/blocks", perm=[0, 2, 1, 3])
        cells = [self.ints("picture", [1, -1]), half, self.ints("sixteen", [16])]
        return op("Reshape", [blocks, op("Concat", cells, "image/cells", axis=0)], "image/codes")
