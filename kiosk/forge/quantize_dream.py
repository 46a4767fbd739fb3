"""SqueezeNet's dream graphs in static int8 (u8 activations, s8 weights per channel), for CPUs: both passes, end to end.

Everything between the picture and its gradient is 8-bit codes in channels-last order, the one that ONNX Runtime's
integer kernels work in, so nothing is reordered or turned into floats on the way.

Forward, a code is value / scale, with a scale of its own for every channel, which is folded into the weights on both
sides; that codes end at 0 is the ReLU. Backward, a code is 128 + gradient / scale. A gradient's size changes with photo
and layer, so its scale is a multiple, found by calibration, of the root mean square of a gradient before it, at the
dreamed layer or at a squeeze, where channels are few; that is measured as the graph runs. Masks compare the very codes
that the forward pass used: they are exact for the network that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tomlkit
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import Unavailable
from kiosk.forge.squeezenet import CAFFE_MEAN_BGR, CLASS_SHIFT, POOL_BEFORE

MICROSOFT = "com.microsoft"
OPSET = 18
LEVELS = 255
MIDDLE = 128
"""The code of a gradient of 0, which has 127 codes on either side."""
EXPANDS = ("expand1", "expand3")
SCORES = "conv10"
FIRES = tuple(f"fire{number}" for number in range(2, 10))
LAYERS = (*FIRES, SCORES)
PADDING = 114
"""The code that the first convolution pads with: the mean of the training pictures, in the middle of the channels."""

Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Ranges:
    """What calibration found.

    `activations`: tensor -> the value of code 255 of each channel. `gradients`: tensor -> the gradient that has code
    255, as a multiple of the root mean square of the last gradient before it at a squeeze or the dreamed layer.
    """

    activations: Mapping[str, np.ndarray]
    gradients: Mapping[str, float]


def read_ranges(path: Path) -> Ranges:
    """Ranges from a file; Unavailable where there is none."""
    try:
        found = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except OSError as error:
        raise Unavailable(f"there are no int8 ranges for {path.stem}", "precision") from error
    return Ranges({name: np.array(row, np.float64) for name, row in found["activations"].items()}, found["gradients"])


def tensor_ranges(ranges: Ranges) -> dict[str, float]:
    """The largest value of each tensor that SqueezeNet's float graph convolves, for symmetric codes.

    A channel's range fits that channel alone; one scale for all of them serves most where the highest tenth is clipped.
    """
    found = {"centred": max(CAFFE_MEAN_BGR[-1], 255 - CAFFE_MEAN_BGR[0])}
    for name, values in ranges.activations.items():
        limit = float(np.quantile(values, 0.9)) * 2
        found[name] = limit
        for fire in POOL_BEFORE:
            for part, source in enumerate(_sources(fire)):
                if source == name:
                    found[f"{fire}/pool{part}/relu"] = found[f"{fire}/pool{part}"] = limit
    return found


def _sources(fire: str) -> list[str]:
    """The tensors that a fire module reads."""
    number = FIRES.index(fire)
    return [f"{FIRES[number - 1]}/{part}" for part in EXPANDS] if number else ["conv1"]


def write_ranges(path: Path, ranges: Ranges) -> None:
    """Write `ranges` with three digits, which is more than calibration can tell."""
    rows = [f'"{name}" = [{", ".join(f"{v:.3g}" for v in values)}]' for name, values in ranges.activations.items()]
    limits = [f'"{name}" = {value:.3g}' for name, value in ranges.gradients.items()]
    path.write_text("\n".join(["[gradients]", *limits, "", "[activations]", *rows, ""]), encoding="utf-8")


def quantize_dream(weights: Weights, layer: str, ranges: Ranges) -> onnx.ModelProto:
    """The int8 dream graph of one layer (one of LAYERS); `weights` as `squeezenet.read_weights` gives them."""
    return _Dream(weights, layer, ranges).model()


def has_activations(layer: str) -> list[str]:
    """The tensors that need ranges of activations when `layer` is dreamed."""
    names = ["conv1"]
    for fire in FIRES[: FIRES.index(layer) + 1] if layer != SCORES else FIRES:
        names += [f"{fire}/squeeze", f"{fire}/expand1", f"{fire}/expand3"]
    return [*names, SCORES] if layer == SCORES else names


@dataclass(frozen=True)
class _Scale:
    """How codes stand for values: the names of scale and zero point."""

    scale: str
    zero: str


class _Dream:
    """The graph while it is written, in the order of its computation."""

    def __init__(self, weights: Weights, layer: str, ranges: Ranges) -> None:
        self._weights, self._layer, self._ranges = weights, layer, ranges
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._zero = self._u8("zero", 0)
        self._middle = self._u8("middle", MIDDLE)
        self._one = self._constant("scale_one", np.float32(1))
        self._codes: dict[str, str] = {}
        """activation -> its codes"""
        self._pooled: dict[str, str] = {}
        """activation -> the codes after the pool behind it"""

    def model(self) -> onnx.ModelProto:
        fires = FIRES if self._layer == SCORES else FIRES[: FIRES.index(self._layer) + 1]
        self._forward(fires)
        gradients, seed = self._objective(fires[-1])
        self._backward(fires, gradients, seed)
        inputs = [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"]),
            helper.make_tensor_value_info("channel_weights", TensorProto.FLOAT, [self._channels]),
        ]
        outputs = [
            helper.make_tensor_value_info("gradient", TensorProto.FLOAT, [1, 3, "height", "width"]),
            helper.make_tensor_value_info("objective", TensorProto.FLOAT, []),
        ]
        graph = helper.make_graph(self._nodes, "squeezenet", inputs, outputs, list(self._constants.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="dreamkiosk")

    # Forward.

    def _forward(self, fires: tuple[str, ...]) -> None:
        # A dream in progress has fractions of a level; half of one is far below what a step changes.
        levels = self._op("QuantizeLinear", ["image", self._one, self._zero], "image/levels")
        kernel, bias = self._weights["conv1"]
        kernel = kernel[:, ::-1]  # the photo is RGB, the network BGR
        # Codes count from PADDING, the network's values from its mean.
        offset = PADDING - np.array(CAFFE_MEAN_BGR[::-1])
        bias = bias + (kernel * offset.reshape(1, 3, 1, 1)).sum((1, 2, 3))
        # Blocks of 2x2 pixels count as channels: the integer kernels are slow with three, and a stride goes.
        taps = np.zeros((len(bias), 2, 2, 4, 2, 2))
        for i in range(3):
            for j in range(3):
                taps[:, i % 2, j % 2, :3, i // 2, j // 2] = kernel[:, :, i, j]
        taps = taps.reshape(len(bias), 16, 2, 2)
        padding = self._u8("padding", PADDING)
        self._convolve("conv1", self._blocks(levels), padding, taps, bias, np.ones(16), pads=[0, 0, 1, 1])
        parts = ["conv1"]
        for fire in fires:
            sources = parts
            inputs = [self._pool(part) if fire in POOL_BEFORE else self._codes[part] for part in sources]
            joined = inputs[0] if len(inputs) == 1 else self._op("Concat", inputs, f"{fire}/input", axis=3)
            steps = np.concatenate([self._step(part) for part in sources])
            squeeze = f"{fire}/squeeze"
            self._convolve(squeeze, joined, self._zero, *self._weights[f"{fire}/squeeze1x1"], steps)
            parts = [f"{fire}/expand1", f"{fire}/expand3"]
            steps = self._step(squeeze)
            for part, key, pads in zip(parts, ("expand1x1", "expand3x3"), (0, 1), strict=True):
                kernel = self._weights[f"{fire}/{key}"]
                self._convolve(part, self._codes[squeeze], self._zero, *kernel, steps, pads=[pads] * 4)
        if self._layer == SCORES:
            joined = self._op("Concat", [self._codes[part] for part in parts], "conv10/input", axis=3)
            kernel, bias = self._weights[SCORES]
            steps = np.concatenate([self._step(part) for part in parts])
            self._convolve(SCORES, joined, self._zero, kernel, bias + CLASS_SHIFT, steps)

    def _blocks(self, picture: str) -> str:
        """[1, 3, H, W] -> [1, H / 2, W / 2, 16], a row or column more where H or W is odd. A fourth colour makes the
        two pixels that are moved at a time eight bytes, for which ONNX Runtime has a fast kernel."""
        op = self._op
        size = op("Shape", ["image"], "image/size", start=2)
        odd = op("Mod", [size, self._ints("two_two", [2, 2])], "image/odd")
        pads = op("Concat", [self._ints("fourth", [0, 0, 0, 0, 0, 1]), odd], "image/pads", axis=0)
        padded = op("Pad", [picture, pads, self._u8("padding", PADDING)], "image/even")
        pixels = op("Transpose", [padded], "image/pixels", perm=[0, 2, 3, 1])
        width = op("Shape", [pixels], "image/width", start=2, end=3)
        half = op("Div", [width, self._ints("two", [2])], "image/half")
        parts = [self._ints("pairs", [-1, 2]), half, self._ints("eight", [8])]
        rows = op("Reshape", [pixels, op("Concat", parts, "image/pairs", axis=0)], "image/rows")
        blocks = op("Transpose", [rows], "image/blocks", perm=[0, 2, 1, 3])
        parts = [self._ints("picture", [1, -1]), half, self._ints("sixteen", [16])]
        return op("Reshape", [blocks, op("Concat", parts, "image/cells", axis=0)], "image/codes")

    def _step(self, name: str) -> np.ndarray:
        """The value of one code, for every channel."""
        return np.maximum(np.asarray(self._ranges.activations[name], np.float64), 1e-6) / LEVELS

    def _pool(self, part: str) -> str:
        attributes = {"kernel_shape": [3, 3], "strides": [2, 2]}
        pooled = self._op("NhwcMaxPool", [self._codes[part]], f"{part}/pool", domain=MICROSOFT, **attributes)
        self._pooled[part] = pooled
        return pooled

    def _convolve(
        self,
        name: str,
        x: str,
        zero: str,
        kernel: np.ndarray,
        bias: np.ndarray,
        steps: np.ndarray,
        **attributes: object,
    ) -> None:
        """A forward convolution of codes with `steps`; its own codes are of `_step(name)`."""
        folded = kernel * steps.reshape(1, -1, 1, 1) / self._step(name).reshape(-1, 1, 1, 1)
        bias = bias / self._step(name)
        scales = _Scale(self._one, zero), _Scale(self._one, self._zero)
        self._codes[name] = self._integer_conv(name, x, folded, bias, *scales, **attributes)

    def _integer_conv(
        self,
        name: str,
        x: str,
        kernel: np.ndarray,
        bias: np.ndarray | None,
        source: _Scale,
        target: _Scale,
        **attributes: object,
    ) -> str:
        """`bias` only where the scale of `source` is 1."""
        scale = np.maximum(np.abs(kernel).max((1, 2, 3)), 1e-12) / 127
        codes = np.rint(kernel / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
        inputs = [
            *(x, source.scale, source.zero),
            self._constant(f"{name}.weight", codes),
            self._constant(f"{name}.weight_scale", scale.astype(np.float32)),
            self._constant(f"{name}.weight_zero", np.zeros(len(scale), np.int8)),
            *(target.scale, target.zero),
        ]
        if bias is not None:
            inputs.append(self._constant(f"{name}.bias", np.rint(bias / scale).astype(np.int32)))
        shape = list(kernel.shape[2:])
        return self._op(
            "QLinearConv", inputs, name, domain=MICROSOFT, channels_last=1, kernel_shape=shape, **attributes
        )

    # The objective and its gradient at the layer.

    def _objective(self, fire: str) -> tuple[list[str], str]:
        """Codes of the gradient at each part of the layer, and the name of their scale; both at run time."""
        parts = [SCORES] if self._layer == SCORES else [f"{fire}/expand1", f"{fire}/expand3"]
        steps = np.concatenate([self._step(part) for part in parts]).astype(np.float32)
        self._channels = len(steps)
        self._constant("channel_weights", np.ones(len(steps), np.float32))
        joined = parts[0] if len(parts) == 1 else self._op("Concat", parts, "layer/codes", axis=3)
        joined = self._codes[SCORES] if len(parts) == 1 else joined
        values = self._op("DequantizeLinear", [joined, self._one, self._zero], "layer/whole")
        activation = self._op("Mul", [values, self._constant("layer/steps", steps)], "layer")
        weighted = self._op("Mul", [activation, "channel_weights"], "layer/weighted")
        self._op("ReduceMean", [self._op("Mul", [weighted, activation], "layer/squares")], "objective", keepdims=0)
        count = self._op("Cast", [self._op("Size", [weighted], "layer/size")], "layer/count", to=TensorProto.FLOAT)
        # The gradient is 2 / count times `weighted`; that factor waits until the end.
        self._factor = self._op("Div", [self._constant("twice", np.float32(2)), count], "layer/factor")
        square = self._op(
            "ReduceMean", [self._op("Mul", [weighted, weighted], "seed/squares")], "seed/square", keepdims=0
        )
        least = self._constant("least", np.float32(1e-12))
        self._rms = self._op("Sqrt", [self._op("Max", [square, least], "seed/positive")], "seed/rms")
        largest = self._op("ReduceMax", [self._op("Abs", [weighted], "seed/abs")], "seed/largest", keepdims=0)
        largest = self._op("Max", [largest, least], "seed/most")
        scale = self._op("Div", [largest, self._constant("seed/levels", np.float32(127))], "seed/scale")
        codes = self._op("QuantizeLinear", [weighted, scale, self._middle], "seed")
        if len(parts) == 1:
            return [codes], scale
        sizes = self._constant("seed/sizes", np.array([len(self._step(part)) for part in parts], np.int64))
        halves = [f"seed/{part}" for part in parts]
        self._nodes.append(helper.make_node("Split", [codes, sizes], halves, "seed/split", axis=3))
        return halves, scale

    # Backward.

    def _scale_of(self, tensor: str) -> _Scale:
        ratio = self._constant(f"{tensor}/range", np.float32(self._ranges.gradients[tensor] / 127))
        name = f"{tensor}/gradient_scale"
        self._op("Mul", [self._rms, ratio], name)
        return _Scale(name, self._middle)

    def _backward(self, fires: tuple[str, ...], gradients: list[str], seed: str) -> None:
        scale = _Scale(seed, self._middle)
        if self._layer == SCORES:
            kernel = self._weights[SCORES][0]
            gradients, scale = self._spread_to(fires[-1], kernel, gradients[0], scale)
            gradients = [self._masked(g, f"{fires[-1]}/{part}") for g, part in zip(gradients, EXPANDS, strict=True)]
        for index in range(len(fires) - 1, -1, -1):
            fire = fires[index]
            squeeze = f"{fire}/squeeze"
            target = self._scale_of(squeeze)
            made = [
                self._integer_conv(
                    f"{squeeze}/from{k}",
                    g,
                    _turned(self._weights[f"{fire}/{key}"][0]),
                    None,
                    scale,
                    target,
                    pads=[k] * 4,
                )
                for k, (g, key) in enumerate(zip(gradients, ("expand1x1", "expand3x3"), strict=True))
            ]
            total = self._add(f"{squeeze}/gradient", *made)
            total = self._masked(total, squeeze)
            self._rms = self._root_mean_square(squeeze, total, target)
            kernel = self._weights[f"{fire}/squeeze1x1"][0]
            before = fires[index - 1] if index else "conv1"
            gradients, scale = self._spread_to(before, kernel, total, target)
            parts = [f"{before}/{part}" for part in EXPANDS] if index else ["conv1"]
            if not index:
                phases = self._unpooled(parts[0], gradients[0])
                self._picture(self._op("Concat", phases, "conv1/phases", axis=3), scale)
            elif fire in POOL_BEFORE:
                gradients = [self._interleaved(p, self._unpooled(p, g)) for p, g in zip(parts, gradients, strict=True)]
            else:
                gradients = [self._masked(g, part) for g, part in zip(gradients, parts, strict=True)]

    def _root_mean_square(self, name: str, codes: str, scale: _Scale) -> str:
        """Of a gradient; what the scales of the next ones are multiples of."""
        values = self._op("DequantizeLinear", [codes, scale.scale, scale.zero], f"{name}/gradient_values")
        norm = self._op("ReduceL2", [values], f"{name}/norm", keepdims=0)
        count = self._op("Cast", [self._op("Size", [values], f"{name}/size")], f"{name}/count", to=TensorProto.FLOAT)
        mean = self._op("Div", [norm, self._op("Sqrt", [count], f"{name}/root")], f"{name}/mean")
        return self._op("Max", [mean, self._constant("least", np.float32(1e-12))], f"{name}/rms")

    def _spread_to(self, before: str, kernel: np.ndarray, codes: str, scale: _Scale) -> tuple[list[str], _Scale]:
        """A 1x1 convolution backwards, to each part of the layer `before`."""
        parts = [f"{before}/{part}" for part in EXPANDS] if before != "conv1" else ["conv1"]
        target = self._scale_of(before)
        made, first = [], 0
        for part in parts:
            channels = len(self._step(part))
            piece = _turned(kernel[:, first : first + channels])
            made.append(self._integer_conv(f"{part}/gradient", codes, piece, None, scale, target))
            first += channels
        return made, target

    def _add(self, name: str, a: str, b: str) -> str:
        codes = [self._one, self._middle]
        return self._op("QLinearAdd", [a, *codes, b, *codes, *codes], name, domain=MICROSOFT)

    def _masked(self, gradient: str, activation: str) -> str:
        """`gradient` where the activation's code is not 0."""
        lit = self._op("Clip", [self._codes[activation], self._zero, self._u8("lit", 1)], f"{activation}/lit")
        codes = [self._one, self._middle]
        inputs = [gradient, *codes, lit, self._one, self._zero, *codes]
        return self._op("QLinearMul", inputs, f"{activation}/masked", domain=MICROSOFT)

    def _unpooled(self, part: str, gradient: str) -> list[str]:
        """Through ReLU and max pool: the gradient's four phases, (0, 0), (0, 1), (1, 0), (1, 1), each with a cell more
        than there are windows."""
        x, y = self._codes[part], self._pooled[part]
        name = f"{part}/unpool"
        op = self._op
        signed = op(
            "Cast", [op("Sub", [gradient, self._middle], f"{name}/wrapped")], f"{name}/signed", to=TensorProto.INT8
        )
        lit = op("Cast", [op("Cast", [y], f"{name}/lit", to=TensorProto.BOOL)], f"{name}/mask", to=TensorProto.INT8)
        left = op("Mul", [signed, lit], f"{name}/masked")
        axes, steps = self._ints("rows_columns", [1, 2]), self._ints("two_two", [2, 2])
        windows = op("Shape", [y], f"{name}/windows", start=1, end=3)
        far = self._ints("far", [1 << 30, 1 << 30])
        seen = {
            (a, b): op("Slice", [x, self._ints(f"from{a}{b}", [a, b]), far, axes, steps], f"{name}/seen{a}{b}")
            for a in (0, 1)
            for b in (0, 1)
        }
        reached: dict[tuple[int, int], str] = {}
        for i in range(3):
            for j in range(3):
                tap = f"{name}/{i}{j}"
                if (i, j) == (2, 2):
                    reached[i, j] = left
                    break
                begin = self._ints(f"from{i // 2}{j // 2}", [i // 2, j // 2])
                ends = op("Add", [windows, begin], f"{tap}/ends")
                pixels = op("Slice", [seen[i % 2, j % 2], begin, ends, axes], f"{tap}/seen")
                equal = op("Cast", [op("Equal", [pixels, y], f"{tap}/equal")], f"{tap}/largest", to=TensorProto.INT8)
                # Of equals the first gets all.
                reached[i, j] = op("Mul", [left, equal], f"{tap}/gradient")
                left = op("Sub", [left, reached[i, j]], f"{tap}/left")

        def cells(i: int, j: int) -> str:
            """What tap (i, j) gives, where its pixels lie in their phase."""
            before, after = [i // 2, j // 2], [1 - i // 2, 1 - j // 2]
            pads = self._ints(f"cells{i}{j}", [*before, *after])
            return op("Pad", [reached[i, j], pads, self._constant("nothing", np.int8(0)), axes], f"{name}/{i}{j}/cells")

        nothing = [self._one, self._constant("nothing", np.int8(0))]
        phases = []
        for a in (0, 1):
            for b in (0, 1):
                taps = [(i, j) for i in ((0, 2) if a == 0 else (1,)) for j in ((0, 2) if b == 0 else (1,))]
                total = cells(*taps[0])
                for tap in taps[1:]:
                    inputs = [total, *nothing, cells(*tap), *nothing, *nothing]
                    total = op("QLinearAdd", inputs, f"{name}/{a}{b}/to{tap[0]}{tap[1]}", domain=MICROSOFT)
                codes = op("Cast", [total], f"{name}/{a}{b}/codes", to=TensorProto.UINT8)
                phases.append(op("Add", [codes, self._middle], f"{name}/{a}{b}"))
        return phases

    def _interleaved(self, part: str, phases: list[str]) -> str:
        """Four phases as one gradient of the size of `part`."""
        channels = len(self._step(part))
        name = f"{part}/unpool"
        joined = self._op("Concat", phases, f"{name}/phases", axis=3)
        blocks = self._op(
            "Reshape", [joined, self._ints(f"blocks{channels}", [0, 0, 0, 2, 2, channels])], f"{name}/blocks"
        )
        rows = self._op("Transpose", [blocks], f"{name}/rows", perm=[0, 1, 3, 2, 4, 5])
        cells = self._op("Shape", [joined], f"{name}/cells", start=1, end=3)
        sizes = self._op("Mul", [cells, self._ints("twos", [2, 2])], f"{name}/sizes")
        ends = [self._ints("one_picture", [1]), sizes, self._ints(f"channels{channels}", [channels])]
        shape = self._op("Concat", ends, f"{name}/shape", axis=0)
        whole = self._op("Reshape", [rows, shape], f"{name}/whole")
        size = self._op("Shape", [self._codes[part]], f"{name}/size", start=1, end=3)
        axes = self._ints("rows_columns", [1, 2])
        return self._op("Slice", [whole, self._ints("origin", [0, 0]), size, axes], f"{name}/gradient")

    def _picture(self, phases: str, scale: _Scale) -> None:
        """The first convolution backwards, from phases to blocks of 4x4 pixels, and the result."""
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
        target = self._scale_of("picture")
        blocks = self._integer_conv(
            "picture/blocks", phases, taps.reshape(48, 4 * made, 2, 2), None, scale, target, pads=[1, 1, 0, 0]
        )
        cells = self._op("Reshape", [blocks, self._ints("pixels", [0, 0, 0, 12, 4])], "picture/cells")
        # In two moves of one axis each, for which ONNX Runtime has fast kernels.
        rows = self._op("Transpose", [cells], "picture/rows", perm=[0, 1, 3, 2, 4])
        rows = self._op("Reshape", [rows, self._ints("rows", [0, 0, 4, 3, -1])], "picture/colours")
        planes = self._op("Transpose", [rows], "picture/planes", perm=[0, 3, 1, 2, 4])
        sizes = self._op(
            "Mul",
            [self._op("Shape", [blocks], "picture/counts", start=1, end=3), self._ints("fours", [4, 4])],
            "picture/sizes",
        )
        shape = self._op("Concat", [self._ints("planes", [1, 3]), sizes], "picture/shape", axis=0)
        codes = self._op("Reshape", [planes, shape], "picture/codes")
        wanted = self._op("Shape", ["image"], "picture/wanted", start=2)
        axes, origin = self._ints("high_wide", [2, 3]), self._ints("origin", [0, 0])
        missing = self._op("Max", [self._op("Sub", [wanted, sizes], "picture/beyond"), origin], "picture/missing")
        pads = self._op("Concat", [origin, missing], "picture/pads", axis=0)
        codes = self._op("Pad", [codes, pads, self._middle, axes], "picture/padded")
        codes = self._op("Slice", [codes, origin, wanted, axes], "picture/cut")
        factor = self._op("Mul", [target.scale, self._factor], "picture/scale")
        self._op("DequantizeLinear", [codes, factor, self._middle], "gradient")

    # Nodes and constants.

    def _op(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], output, domain=domain, **attributes))
        return output

    def _constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self._constants.setdefault(name, numpy_helper.from_array(np.asarray(value), name))
        return name

    def _u8(self, name: str, value: int) -> str:
        return self._constant(name, np.uint8(value))

    def _ints(self, name: str, values: list[int]) -> str:
        return self._constant(name, np.array(values, np.int64))


def _turned(kernel: np.ndarray) -> np.ndarray:
    """The kernel of the transposed convolution: inputs and outputs change places, taps turn."""
    return kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
