"""Build SqueezeNet's dream graphs in static int8 (u8 activations, s8 weights per channel) for CPUs, both passes.

Everything between the picture and its gradient is 8-bit codes in channels-last order, the layout of ONNX Runtime's
integer kernels, so nothing is reordered or converted to float in between.

Forward, a code is value / scale. Each channel has its own scale, which is folded into the weights on both sides;
clipping codes at 0 is the ReLU. Backward, a code is 128 + gradient / scale. The magnitude of gradients depends on photo
and layer, so their scale is a calibrated multiple of the RMS of a preceding gradient, at the dreamed layer or at a
squeeze, which has few channels; the RMS is measured at run time. Masks compare the codes of the forward pass, so they
are exact for the quantized network.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.forge.precisions.codes import LEVELS, SYMMETRIC_LEVELS
from kiosk.forge.precisions.dream_ranges import EXPANDS, FIRES, SCORES, Ranges
from kiosk.forge.precisions.int8_gradient import GradientWriter, interleaved, unpooled
from kiosk.forge.precisions.int8_writer import MICROSOFT, CodeNames, dream_values
from kiosk.forge.precisions.rounding import round_nearest
from kiosk.forge.readers.squeezenet import CAFFE_MEAN_BGR, CLASS_SHIFT, POOL_BEFORE, Weights

OPSET = 18
PADDING = 114
"""Padding code of the first convolution: the mean of the training pictures, averaged over the channels."""


def quantize_dream(weights: Weights, layer: str, ranges: Ranges) -> onnx.ModelProto:
    """Build the int8 dream graph of `layer`, one of LAYERS. `weights`: from `squeezenet.read_weights`."""
    return _Dream(weights, layer, ranges).dream()


class _Dream(GradientWriter):
    """Writes the graph in the order of its computation."""

    def __init__(self, weights: Weights, layer: str, ranges: Ranges) -> None:
        super().__init__()
        self._weights, self._layer, self._ranges = weights, layer, ranges
        self._codes: dict[str, str] = {}
        """activation -> its codes"""
        self._pooled: dict[str, str] = {}
        """activation -> the codes after its pool"""

    def dream(self) -> onnx.ModelProto:
        fires = FIRES if self._layer == SCORES else FIRES[: FIRES.index(self._layer) + 1]
        self._forward(fires)
        gradients, seed = self._objective(fires[-1])
        self._backward(fires, gradients, seed)
        inputs, outputs = dream_values(self._channels)
        opsets = [helper.make_opsetid("", OPSET)]
        return self.model("squeezenet", inputs, outputs, opsets, producer_name="dreamkiosk")

    # Forward.

    def _forward(self, fires: tuple[str, ...]) -> None:
        # A dream in progress has fractional levels. Rounding changes much less than a step does.
        levels = self.quantize("image", self.steps, "image/levels")
        kernel, bias = self._weights["conv1"]
        kernel = kernel[:, ::-1]  # the photo is RGB, the network BGR
        # The zero point is PADDING; the network's zero is its mean.
        offset = PADDING - np.array(CAFFE_MEAN_BGR[::-1])
        bias = bias + (kernel * offset.reshape(1, 3, 1, 1)).sum((1, 2, 3))
        # Turn blocks of 2x2 pixels into channels: integer kernels are slow with three channels, and the stride goes.
        taps = np.zeros((len(bias), 2, 2, 4, 2, 2))
        for i in range(3):
            for j in range(3):
                taps[:, i % 2, j % 2, :3, i // 2, j // 2] = kernel[:, :, i, j]
        taps = taps.reshape(len(bias), 16, 2, 2)
        padding = self.u8("padding", PADDING)
        self._convolve("conv1", self._blocks(levels), padding, taps, bias, np.ones(16), pads=[0, 0, 1, 1])
        parts = ["conv1"]
        for fire in fires:
            sources = parts
            inputs = [self._pool(part) if fire in POOL_BEFORE else self._codes[part] for part in sources]
            joined = inputs[0] if len(inputs) == 1 else self.op("Concat", inputs, f"{fire}/input", axis=3)
            scales = np.concatenate([self._scale(part) for part in sources])
            squeeze = f"{fire}/squeeze"
            self._convolve(squeeze, joined, self.zero, *self._weights[f"{fire}/squeeze1x1"], scales)
            parts = [f"{fire}/expand1", f"{fire}/expand3"]
            scales = self._scale(squeeze)
            for part, key, pads in zip(parts, ("expand1x1", "expand3x3"), (0, 1), strict=True):
                kernel = self._weights[f"{fire}/{key}"]
                self._convolve(part, self._codes[squeeze], self.zero, *kernel, scales, pads=[pads] * 4)
        if self._layer == SCORES:
            joined = self.op("Concat", [self._codes[part] for part in parts], "conv10/input", axis=3)
            kernel, bias = self._weights[SCORES]
            scales = np.concatenate([self._scale(part) for part in parts])
            self._convolve(SCORES, joined, self.zero, kernel, bias + CLASS_SHIFT, scales)

    def _blocks(self, picture: str) -> str:
        """[1, 3, H, W] -> [1, ceil(H / 2), ceil(W / 2), 16]. A fourth color channel makes two pixels eight bytes, which
        ONNX Runtime moves with a fast kernel."""
        op = self.op
        size = op("Shape", ["image"], "image/size", start=2)
        odd = op("Mod", [size, self.ints("two_two", [2, 2])], "image/odd")
        pads = op("Concat", [self.ints("fourth", [0, 0, 0, 0, 0, 1]), odd], "image/pads", axis=0)
        padded = op("Pad", [picture, pads, self.u8("padding", PADDING)], "image/even")
        pixels = op("Transpose", [padded], "image/pixels", perm=[0, 2, 3, 1])
        width = op("Shape", [pixels], "image/width", start=2, end=3)
        half = op("Div", [width, self.ints("two", [2])], "image/half")
        parts = [self.ints("pairs", [-1, 2]), half, self.ints("eight", [8])]
        rows = op("Reshape", [pixels, op("Concat", parts, "image/pairs", axis=0)], "image/rows")
        blocks = op("Transpose", [rows], "image/blocks", perm=[0, 2, 1, 3])
        parts = [self.ints("picture", [1, -1]), half, self.ints("sixteen", [16])]
        return op("Reshape", [blocks, op("Concat", parts, "image/cells", axis=0)], "image/codes")

    def _scale(self, name: str) -> np.ndarray:
        """The value of one code per channel."""
        return np.maximum(np.asarray(self._ranges.activations[name], np.float64), 1e-6) / LEVELS

    def _pool(self, part: str) -> str:
        attributes = {"kernel_shape": [3, 3], "strides": [2, 2]}
        pooled = self.op("NhwcMaxPool", [self._codes[part]], f"{part}/pool", domain=MICROSOFT, **attributes)
        self._pooled[part] = pooled
        return pooled

    def _convolve(
        self,
        name: str,
        x: str,
        zero: str,
        kernel: np.ndarray,
        bias: np.ndarray,
        scales: np.ndarray,
        **attributes: object,
    ) -> None:
        """A forward convolution of codes with `scales` [in]. Its output codes have the scales `_scale(name)`."""
        folded = kernel * scales.reshape(1, -1, 1, 1) / self._scale(name).reshape(-1, 1, 1, 1)
        bias = bias / self._scale(name)
        read = CodeNames(self.one, zero)
        self._codes[name] = self.convolution(name, x, round_nearest(folded), bias, read, self.steps, **attributes)

    # The objective and its gradient at the layer.

    def _objective(self, fire: str) -> tuple[list[str], str]:
        """Write the objective. Returns the gradient's codes at each part of the layer, and the name of their scale,
        which is computed at run time."""
        parts = [SCORES] if self._layer == SCORES else [f"{fire}/expand1", f"{fire}/expand3"]
        scales = np.concatenate([self._scale(part) for part in parts]).astype(np.float32)
        self._channels = len(scales)
        self.constant("channel_weights", np.ones(len(scales), np.float32))
        joined = parts[0] if len(parts) == 1 else self.op("Concat", parts, "layer/codes", axis=3)
        joined = self._codes[SCORES] if len(parts) == 1 else joined
        values = self.dequantize(joined, self.steps, "layer/whole")
        activation = self.op("Mul", [values, self.constant("layer/steps", scales)], "layer")
        weighted = self.op("Mul", [activation, "channel_weights"], "layer/weighted")
        self.op("ReduceMean", [self.op("Mul", [weighted, activation], "layer/squares")], "objective", keepdims=0)
        count = self.op("Cast", [self.op("Size", [weighted], "layer/size")], "layer/count", to=TensorProto.FLOAT)
        # The gradient is 2 / count times `weighted`. The factor is applied at the end.
        self._factor = self.op("Div", [self.constant("twice", np.float32(2)), count], "layer/factor")
        square = self.op(
            "ReduceMean", [self.op("Mul", [weighted, weighted], "seed/squares")], "seed/square", keepdims=0
        )
        least = self.constant("least", np.float32(1e-12))
        self._rms = self.op("Sqrt", [self.op("Max", [square, least], "seed/positive")], "seed/rms")
        largest = self.op("ReduceMax", [self.op("Abs", [weighted], "seed/abs")], "seed/largest", keepdims=0)
        largest = self.op("Max", [largest, least], "seed/most")
        scale = self.op("Div", [largest, self.constant("seed/levels", np.float32(SYMMETRIC_LEVELS))], "seed/scale")
        codes = self.quantize(weighted, CodeNames(scale, self.middle), "seed")
        if len(parts) == 1:
            return [codes], scale
        sizes = self.ints("seed/sizes", [len(self._scale(part)) for part in parts])
        halves = [f"seed/{part}" for part in parts]
        self.nodes.append(helper.make_node("Split", [codes, sizes], halves, "seed/split", axis=3))
        return halves, scale

    # Backward.

    def _gradient_codes(self, tensor: str) -> CodeNames:
        """The codes of the gradient of `tensor`, with a scale computed at run time."""
        ratio = self.constant(f"{tensor}/range", np.float32(self._ranges.gradients[tensor] / SYMMETRIC_LEVELS))
        return CodeNames(self.op("Mul", [self._rms, ratio], f"{tensor}/gradient_scale"), self.middle)

    def _backward(self, fires: tuple[str, ...], gradients: list[str], seed: str) -> None:
        source = CodeNames(seed, self.middle)
        if self._layer == SCORES:
            kernel = self._weights[SCORES][0]
            gradients, source = self._spread_to(fires[-1], kernel, gradients[0], source)
            gradients = [self._masked(g, f"{fires[-1]}/{part}") for g, part in zip(gradients, EXPANDS, strict=True)]
        for index in range(len(fires) - 1, -1, -1):
            fire = fires[index]
            squeeze = f"{fire}/squeeze"
            target = self._gradient_codes(squeeze)
            made = [
                self._turned(f"{squeeze}/from{k}", g, self._weights[f"{fire}/{key}"][0], source, target, pads=[k] * 4)
                for k, (g, key) in enumerate(zip(gradients, ("expand1x1", "expand3x3"), strict=True))
            ]
            total = self.sum_of(f"{squeeze}/gradient", *made)
            total = self._masked(total, squeeze)
            self._rms = self._root_mean_square(squeeze, total, target)
            kernel = self._weights[f"{fire}/squeeze1x1"][0]
            before = fires[index - 1] if index else "conv1"
            gradients, source = self._spread_to(before, kernel, total, target)
            parts = [f"{before}/{part}" for part in EXPANDS] if index else ["conv1"]
            if not index:
                phases = self._unpooled(parts[0], gradients[0])
                self._picture(self.op("Concat", phases, "conv1/phases", axis=3), source)
            elif fire in POOL_BEFORE:
                gradients = [self._interleaved(p, self._unpooled(p, g)) for p, g in zip(parts, gradients, strict=True)]
            else:
                gradients = [self._masked(g, part) for g, part in zip(gradients, parts, strict=True)]

    def _root_mean_square(self, name: str, gradient: str, codes: CodeNames) -> str:
        """The RMS of a gradient. Scales of the following gradients are multiples of it."""
        values = self.dequantize(gradient, codes, f"{name}/gradient_values")
        norm = self.op("ReduceL2", [values], f"{name}/norm", keepdims=0)
        count = self.op("Cast", [self.op("Size", [values], f"{name}/size")], f"{name}/count", to=TensorProto.FLOAT)
        mean = self.op("Div", [norm, self.op("Sqrt", [count], f"{name}/root")], f"{name}/mean")
        return self.op("Max", [mean, self.constant("least", np.float32(1e-12))], f"{name}/rms")

    def _spread_to(
        self, before: str, kernel: np.ndarray, gradient: str, source: CodeNames
    ) -> tuple[list[str], CodeNames]:
        """The backward pass of a 1x1 convolution, to each part of the layer `before`."""
        parts = [f"{before}/{part}" for part in EXPANDS] if before != "conv1" else ["conv1"]
        target = self._gradient_codes(before)
        made, first = [], 0
        for part in parts:
            channels = len(self._scale(part))
            piece = kernel[:, first : first + channels]
            made.append(self._turned(f"{part}/gradient", gradient, piece, source, target))
            first += channels
        return made, target

    def _turned(
        self, name: str, gradient: str, kernel: np.ndarray, source: CodeNames, target: CodeNames, **attributes: object
    ) -> str:
        """The transposed convolution: inputs and outputs of `kernel` swapped, taps rotated by 180 degrees."""
        weights = round_nearest(kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])
        return self.convolution(name, gradient, weights, None, source, target, **attributes)

    def _masked(self, gradient: str, activation: str) -> str:
        return self.masked(activation, gradient, self._codes[activation])

    def _unpooled(self, part: str, gradient: str) -> list[str]:
        return unpooled(self, f"{part}/unpool", gradient, self._codes[part], self._pooled[part])

    def _interleaved(self, part: str, phases: list[str]) -> str:
        return interleaved(self, f"{part}/unpool", phases, self._codes[part], len(self._scale(part)))

    def _picture(self, phases: str, source: CodeNames) -> None:
        """The backward pass of the first convolution, from phases to blocks of 4x4 pixels, and the graph's outputs."""
        kernel = self._weights["conv1"][0][:, ::-1]
        made = kernel.shape[0]
        taps = np.zeros((4, 3, 4, 2, 2, made, 2, 2))
        for a in (0, 1):
            for b in (0, 1):
                for i in range(3):
                    for j in range(3):
                        # Row 2 (2 m + a) + i of the picture is row q of cell m + down; cell m reads the one before.
                        (down, q), (right, p) = divmod(2 * a + i, 4), divmod(2 * b + j, 4)
                        taps[q, :, p, a, b, :, 1 - down, 1 - right] = kernel[:, :, i, j].T
        target = self._gradient_codes("picture")
        weights = round_nearest(taps.reshape(48, 4 * made, 2, 2))
        blocks = self.convolution("picture/blocks", phases, weights, None, source, target, pads=[1, 1, 0, 0])
        cells = self.op("Reshape", [blocks, self.ints("pixels", [0, 0, 0, 12, 4])], "picture/cells")
        # Two transposes that move one axis each, for which ONNX Runtime has fast kernels.
        rows = self.op("Transpose", [cells], "picture/rows", perm=[0, 1, 3, 2, 4])
        rows = self.op("Reshape", [rows, self.ints("rows", [0, 0, 4, 3, -1])], "picture/colors")
        planes = self.op("Transpose", [rows], "picture/planes", perm=[0, 3, 1, 2, 4])
        sizes = self.op(
            "Mul",
            [self.op("Shape", [blocks], "picture/counts", start=1, end=3), self.ints("fours", [4, 4])],
            "picture/sizes",
        )
        shape = self.op("Concat", [self.ints("planes", [1, 3]), sizes], "picture/shape", axis=0)
        codes = self.op("Reshape", [planes, shape], "picture/codes")
        wanted = self.op("Shape", ["image"], "picture/wanted", start=2)
        axes, origin = self.ints("high_wide", [2, 3]), self.ints("origin", [0, 0])
        missing = self.op("Max", [self.op("Sub", [wanted, sizes], "picture/beyond"), origin], "picture/missing")
        pads = self.op("Concat", [origin, missing], "picture/pads", axis=0)
        codes = self.op("Pad", [codes, pads, self.middle, axes], "picture/padded")
        codes = self.op("Slice", [codes, origin, wanted, axes], "picture/cut")
        factor = self.op("Mul", [target.scale, self._factor], "picture/scale")
        self.dequantize(codes, CodeNames(factor, self.middle), "gradient")
