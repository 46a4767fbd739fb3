"""Build the int8 dream graphs of networks of inverted-residual blocks for CPUs, both passes.

Backward, a code is 128 + gradient / scale. The scale is a calibrated multiple of the RMS of the gradient at the last
block's output, where there are few channels, or at the dreamed layer; the RMS is measured at run time. A gradient
passes where the forward pass's code is neither 0 nor 255, the two ends of a ReLU6.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from kiosk.forge.precisions.codes import SYMMETRIC_LEVELS
from kiosk.forge.precisions.dream_ranges import Ranges
from kiosk.forge.precisions.int8_gradient import interleaved
from kiosk.forge.precisions.int8_writer import MICROSOFT, CodeNames, dream_values
from kiosk.forge.precisions.inverted.gradient import Backward, CodedGradient, shares_of
from kiosk.forge.precisions.inverted.network import CLASSES, HEAD, STEM, Block, Convolution, Inverted, read_inverted
from kiosk.forge.precisions.inverted.phases import phases_of

OPSET = 18


def quantize_inverted(forward: onnx.ModelProto, layer: str, ranges: Ranges, residual: float = 1.0) -> onnx.ModelProto:
    """Build the int8 dream graph of `layer`: `stem`, `expandN`, `blockN`, `head` or `classes`. `forward`: the float32
    graph that `efficientnet.forward` makes. `residual`: as in `kiosk.forge.gradient.backward.add_gradient`; `ranges`
    are those of its gradients."""
    return _Dream(read_inverted(forward), layer, ranges, residual).dream()


class _Dream(Backward):
    """Writes the graph in the order of its computation."""

    def __init__(self, network: Inverted, layer: str, ranges: Ranges, residual: float) -> None:
        super().__init__(network, layer, ranges)
        self._channels = len(self._dreamed().bias)
        self._residual = residual

    def dream(self) -> onnx.ModelProto:
        self.forward()
        self._backward(self._objective())
        inputs, outputs = dream_values(self._channels)
        return self.model("inverted", inputs, outputs, [helper.make_opsetid("", OPSET)], producer_name="dreamkiosk")

    # The objective and its gradient at the layer.

    def _dreamed(self) -> Convolution:
        """The convolution that gives the layer."""
        layer, network = self.layer, self.network
        found = {STEM: network.stem, HEAD: network.head, CLASSES: network.classes}
        for block in network.blocks:
            found[block.name] = block.project
            if block.expand:
                found[block.expanded] = block.expand
        return found[layer]

    def _objective(self) -> CodedGradient:
        """Write the objective. Returns the gradient at the layer, before its activation, and measures it."""
        op, layer = self.op, self.layer
        scales = np.broadcast_to(self.scale_of(layer), self._channels).astype(np.float32)
        self.constant("channel_weights", np.ones(self._channels, np.float32))
        values = self.dequantize(self.activations[layer], self.codes_of(layer), "layer/codes")
        activation = op("Mul", [values, self.constant("layer/scales", scales)], "layer/activation")
        weighted = op("Mul", [activation, "channel_weights"], "layer/weighted")
        op("ReduceMean", [op("Mul", [weighted, activation], "layer/squares")], "objective", keepdims=0)
        count = op("Cast", [op("Size", [weighted], "layer/size")], "layer/count", to=TensorProto.FLOAT)
        # The gradient is 2 / count times `weighted`. The factor is applied at the end.
        self._factor = op("Div", [self.constant("twice", np.float32(2)), count], "layer/factor")
        largest = op("ReduceMax", [op("Abs", [weighted], "seed/abs")], "seed/largest", keepdims=0)
        largest = op("Max", [largest, self.constant("least", np.float32(1e-12))], "seed/most")
        scale = op("Div", [largest, self.constant("seed/levels", np.float32(SYMMETRIC_LEVELS))], "seed/scale")
        names = CodeNames(scale, self.middle)
        seed = CodedGradient(self.quantize(weighted, names, "seed"), names, np.ones(1))
        if self.is_clipped(layer):
            seed = self.passed(seed, self.inside(layer), "seed/passed")
        self.measure("seed", seed)
        return seed

    # Backward.

    def _backward(self, gradient: CodedGradient) -> None:
        """From the gradient at the layer to the picture."""
        layer, network = self.layer, self.network
        if layer == CLASSES:
            gradient = self.gradient_at(HEAD, gradient, _turned(network.classes.kernel))
            gradient = self.passed(gradient, self.inside(HEAD), f"{HEAD}/passed")
        last = self.blocks[-1].name if self.blocks else STEM
        if layer not in (last, STEM):
            kernel = network.head.kernel if layer in (HEAD, CLASSES) else self._dreamed().kernel
            gradient = self.gradient_at(last, gradient, _turned(kernel))
            self.measure(last, gradient)
        for block in reversed(self.blocks):
            gradient = self._through(block, gradient)
        self._picture(gradient)

    def _through(self, block: Block, gradient: CodedGradient) -> CodedGradient:
        """The gradient of a block's input from that of its output. Measures it, unless it is the stem's."""
        if block.adds and not self._residual:
            return gradient
        shares, expanded_shares = shares_of(block)
        project = block.project.kernel * (self._residual if block.adds else 1)
        filtered = self.gradient_at(block.filtered, gradient, _turned(project), shares)
        filtered = self.passed(filtered, self.inside(block.filtered), f"{block.filtered}/passed")
        if block.depthwise.stride == 2:
            result = self._through_phases(block, filtered, expanded_shares)
        else:
            kernel = block.depthwise.kernel[:, :, ::-1, ::-1]
            pads = list(block.depthwise.pads)
            expanded = self.gradient_at(block.expanded, filtered, kernel, expanded_shares, pads=pads)
            expanded = self.passed(expanded, self.inside(block.expanded), f"{block.expanded}/passed")
            if not block.expand:
                return expanded
            result = self.gradient_at(block.before, expanded, _turned(block.expand.kernel))
        if block.adds:
            inputs = [gradient.codes, *gradient.names, result.codes, *result.names, *result.names]
            total = self.op("QLinearAdd", inputs, f"{block.before}/total", domain=MICROSOFT)
            result = CodedGradient(total, result.names, result.shares)
        self.measure(block.before, result)
        return result

    def _through_phases(self, block: Block, filtered: CodedGradient, shares: np.ndarray) -> CodedGradient:
        """The gradient of the input of a block with stride 2. That of the many expanded channels stays in phases, and
        only the few channels of the input are interleaved."""
        assert block.expand, "the first block has stride 1"
        inside = self._padded(self.inside(block.expanded), block.expanded)
        far, axes, two = self.ints("far", [1 << 30, 1 << 30]), self.ints("rows_columns", [1, 2]), self._two()
        made = []
        for phase in phases_of(block.depthwise):
            part = self.gradient_at(block.expanded, filtered, phase.kernel, shares, phase.name, pads=phase.pads)
            start = self.ints(f"from{phase.row}{phase.column}", [phase.row, phase.column])
            name = f"{block.expanded}/{phase.name}"
            seen = self.op("Slice", [inside, start, far, axes, two], f"{name}/inside")
            part = self.passed(part, seen, f"{name}/passed")
            made.append(self.gradient_at(block.before, part, _turned(block.expand.kernel), part=phase.name))
        whole = [part.codes for part in made]
        channels = block.expand.kernel.shape[1]
        codes = interleaved(self, f"{block.before}/whole", whole, self.activations[block.before], channels)
        return CodedGradient(codes, made[0].names, made[0].shares)

    def _padded(self, inside: str, name: str) -> str:
        """`inside` with rows and columns of 1 at its end, for phases of floor(H / 2) + 1 rows."""
        size = self.op("Shape", [inside], f"{name}/extent", start=1, end=3)
        more = self.op("Sub", [self._two(), self.op("Mod", [size, self._two()], f"{name}/odd")], f"{name}/more")
        pads = self.op("Concat", [self.ints("origin", [0, 0]), more], f"{name}/pads", axis=0)
        one, axes = self.u8("code_one", 1), self.ints("rows_columns", [1, 2])
        return self.op("Pad", [inside, pads, one, axes], f"{name}/padded")

    def _two(self) -> str:
        return self.ints("two_two", [2, 2])

    def _picture(self, gradient: CodedGradient) -> None:
        """The backward pass of the first convolution, to cells of 4x4 pixels, and the graph's outputs."""
        op, kernel = self.op, self.network.stem.kernel
        taps = np.zeros((4, 3, 4, len(kernel), 3, 3))
        for q, p, down, right in np.ndindex(4, 4, 3, 3):
            # Row 4m + q of the picture is read by row 2m + down - 1 of the stem through tap q - 2 (down - 1).
            i, j = q - 2 * (down - 1), p - 2 * (right - 1)
            if i in (0, 1, 2) and j in (0, 1, 2):
                taps[q, :, p, :, down, right] = kernel[:, :, i, j].T
        taps = taps.reshape(48, len(kernel), 3, 3)
        blocks = self.gradient_at("picture", gradient, taps, part="blocks", strides=[2, 2], pads=[1, 1, 2, 2])
        cells = op("Reshape", [blocks.codes, self.ints("pixels", [0, 0, 0, 12, 4])], "picture/cells")
        # Two transposes that move one axis each, for which ONNX Runtime has fast kernels.
        rows = op("Transpose", [cells], "picture/rows", perm=[0, 1, 3, 2, 4])
        rows = op("Reshape", [rows, self.ints("rows", [0, 0, 4, 3, -1])], "picture/colors")
        planes = op("Transpose", [rows], "picture/planes", perm=[0, 3, 1, 2, 4])
        counts = op("Shape", [blocks.codes], "picture/counts", start=1, end=3)
        sizes = op("Mul", [counts, self.ints("fours", [4, 4])], "picture/sizes")
        shape = op("Concat", [self.ints("planes", [1, 3]), sizes], "picture/shape", axis=0)
        codes = op("Reshape", [planes, shape], "picture/codes")
        wanted = op("Shape", ["image"], "picture/wanted", start=2)
        cut = op("Slice", [codes, self.ints("origin", [0, 0]), wanted, self.ints("high_wide", [2, 3])], "picture/cut")
        factor = op("Mul", [blocks.names.scale, self._factor], "picture/scale")
        self.dequantize(cut, CodeNames(factor, self.middle), "gradient")


def _turned(kernel: np.ndarray) -> np.ndarray:
    """The kernel of the transposed 1x1 convolution: inputs and outputs swapped."""
    return kernel.transpose(1, 0, 2, 3)
