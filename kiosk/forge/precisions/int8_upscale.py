"""Quantize upconv_7 to static int8 (u8 activations, s8 weights per channel), for CPUs.

The input is a picture of 256 levels, so its codes are exact. The last convolution, 2% of the work, stays float, because
rounding its input caused two thirds of the result's noise. forge/precisions/activation_windows.py explains the codes in
between.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kiosk.forge.precisions.activation_windows import (
    SLOPE,
    Kernel,
    Window,
    after_window,
    code_step,
    rounded_weights,
    windowed,
)
from kiosk.forge.precisions.rounding import ChainRounding, Rounded

MICROSOFT = "com.microsoft"

Codes = tuple[np.float32, int]
"""Scale and zero point of unsigned 8-bit codes."""

LEVEL: Codes = (np.float32(1 / 255), 0)
BANDS = 8
"""Bands of rows that a layer is computed in, so that intermediate results stay in the L2 cache."""
_TRIM = {"starts": [1, 1], "ends": [-1, -1], "axes": [2, 3]}


def quantize_chain(model: onnx.ModelProto, windows: list[Window]) -> onnx.ModelProto:
    """Quantize upconv_7's float graph. `windows`: one for each layer except the last."""
    graph = Int8Graph()
    # Channels last throughout: the layout of the integer kernels, in which a pixel's channels are copied as a block.
    image = graph.add("Transpose", ["image"], "image_last", perm=[0, 2, 3, 1])
    codes = graph.add("QuantizeLinear", [image, *graph.code_names("image", LEVEL)], "image_codes")
    source: Codes = LEVEL
    *inner, (last, kernel) = chain_kernels(model)
    rounding = ChainRounding()
    before: Window | None = None
    phases = ""
    for index, ((name, own), window) in enumerate(zip(inner, windows, strict=True)):
        reading = windowed(after_window(own, before) if before else own, window)
        rounded = rounding.round(reading)
        target = code_step(window)
        if window.after:
            parts = []
            for band in range(BANDS):
                sums = graph.float_convolution(name, codes, reading, source, rounded=rounded, band=(band, BANDS))
                active = graph.add("LeakyRelu", [sums], f"{name}_leaky{band}", alpha=SLOPE)
                if index == len(inner) - 1:
                    parts.append(graph.taps(last, active, after_window(kernel, window), f"{last}.taps{band}"))
                else:
                    pair = graph.code_names(name, target)
                    parts.append(graph.add("QuantizeLinear", [active, *pair], f"{name}_codes{band}"))
            codes = graph.add("Concat", parts, f"{name}_rows", axis=1)
        else:
            sums = graph.convolution(name, codes, reading, source, target, rounded=rounded)
            step, zero = target
            target = step, round(zero * SLOPE)
            codes = graph.leaky(name, sums, (step, zero), target)
        if index == len(inner) - 1:
            phases = graph.shifted_sums(last, codes, kernel)
        else:
            rounding.advance(reading, rounded, window)
        source, before = target, window
    first = graph.add("Transpose", [phases], "phases", perm=[0, 3, 1, 2])
    pixels = graph.add("DepthToSpace", [first], "pixels", blocksize=2, mode="DCR")
    graph.add("Slice", [pixels, *graph.trim()], "upscaled")
    return graph.model(model)


def chain_kernels(model: onnx.ModelProto) -> list[tuple[str, Kernel]]:
    """The names and kernels of the convolutions of a plain chain, in order."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return [
        (node.name, Kernel(values[node.input[1]], values[node.input[2]]))
        for node in model.graph.node
        if node.op_type == "Conv"
    ]


class Int8Graph:
    """The nodes and initializers of an int8 graph, channels last unless noted."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: np.ndarray) -> str:
        self.initializers.setdefault(name, numpy_helper.from_array(values, name))
        return name

    def code_names(self, name: str, codes: Codes) -> list[str]:
        return [
            self.constant(f"{name}.scale", np.asarray(codes[0], np.float32)),
            self.constant(f"{name}.zero", np.asarray(codes[1], np.uint8)),
        ]

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def convolution(
        self, name: str, codes: str, kernel: Kernel, source: Codes, target: Codes, *, rounded: Rounded | None = None
    ) -> str:
        """Codes to codes, channels last. `rounded`: the quantized weights, if already known."""
        weight, scale = rounded or rounded_weights(kernel.weight)
        bias = np.rint(kernel.bias.astype(np.float64) / (scale.astype(np.float64) * source[0])).astype(np.int32)
        inputs = [
            codes,
            *self.code_names(f"{name}.input", source),
            self.constant(f"{name}.weight", weight),
            self.constant(f"{name}.weight_scale", scale),
            self.constant(f"{name}.weight_zero", np.zeros(len(scale), np.int8)),
            *self.code_names(f"{name}.output", target),
            self.constant(f"{name}.bias", bias),
        ]
        shape = list(weight.shape[2:])
        return self.add("QLinearConv", inputs, name, domain=MICROSOFT, channels_last=1, kernel_shape=shape)

    def float_convolution(
        self,
        name: str,
        codes: str,
        kernel: Kernel,
        source: Codes,
        stride: int = 1,
        *,
        rounded: Rounded | None = None,
        band: tuple[int, int] = (0, 1),
    ) -> str:
        """Codes to float sums, channels last: im2col, then one matrix product.

        `band`: (number, count) of the band of rows to compute. Bands of a picture with few rows may be empty.
        """
        weight, scale = rounded or rounded_weights(kernel.weight)
        out, channels, height, width = weight.shape
        whole, name = name, name if band[1] == 1 else f"{name}.{band[0]}"
        columns = self.neighborhoods(name, codes, channels, (height, width), stride, band)
        step, zero = self.code_names(f"{whole}.input", source)
        inputs = [
            columns,
            self.constant(f"{whole}.weight", np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, out))),
            step,
            self.constant(f"{whole}.weight_scale", scale),
            zero,
            self.constant(f"{whole}.weight_zero", np.zeros(out, np.int8)),
            self.constant(f"{whole}.bias", kernel.bias),
        ]
        return self.add("MatMulIntegerToFloat", inputs, name, domain=MICROSOFT)

    def tap_convolution(self, name: str, tensor: str, kernel: Kernel) -> str:
        """Float to float, channels last, for few outputs: each tap's product at every position, then a sum of shifted
        products."""
        return self.shifted_sums(name, self.taps(name, tensor, kernel, f"{name}.taps"), kernel)

    def taps(self, name: str, tensor: str, kernel: Kernel, output: str) -> str:
        """[1, H, W, C] -> [1, H, W, taps x out]."""
        weight = kernel.weight.transpose(1, 2, 3, 0).reshape(kernel.weight.shape[1], -1).copy()
        return self.add("MatMul", [tensor, self.constant(f"{name}.weight", weight)], output)

    def shifted_sums(self, name: str, taps: str, kernel: Kernel) -> str:
        """Sum shifted taps and add the bias: [1, H, W, taps x out] -> [1, h, w, out]."""
        out, _, height, width = kernel.weight.shape
        axes = self.constant("rows_columns_channels", np.array([1, 2, 3], np.int64))
        whole = np.iinfo(np.int64).max
        sums = ""
        for tap, (row, column) in enumerate(np.ndindex(height, width)):
            starts = np.array([row, column, tap * out], np.int64)
            ends = np.array([row - height + 1 or whole, column - width + 1 or whole, (tap + 1) * out], np.int64)
            limits = [self.constant(f"{name}.{row}.{column}.{end}", v) for end, v in (("from", starts), ("to", ends))]
            part = self.add("Slice", [taps, *limits, axes], f"{name}.tap{tap}")
            sums = self.add("Add", [sums, part], f"{name}.sum{tap}") if sums else part
        return self.add("Add", [sums, self.constant(f"{name}.bias", kernel.bias.astype(np.float32))], name)

    def neighborhoods(
        self,
        name: str,
        codes: str,
        channels: int,
        taps: tuple[int, int],
        stride: int = 1,
        band: tuple[int, int] = (0, 1),
    ) -> str:
        """im2col: [1, H, W, C] -> [1, h, w, taps x C], or one band of its rows. A session's shapes are fixed, so ONNX
        Runtime folds the indices."""
        if taps == (1, 1):
            return codes
        height, width = taps
        numbers = {"zero": 0, "one": 1, "row_axis": 1, "column_axis": 2}
        scalar = {key: self.constant(key, np.asarray(value, np.int64)) for key, value in numbers.items()}
        shape = self.add("Shape", [codes], f"{name}.shape")
        extents, indices = [], []
        for axis, reach, other in (("row", height, [1, 2]), ("column", width, [0, 2])):
            extent = self.add("Gather", [shape, scalar[f"{axis}_axis"]], f"{name}.{axis}s")
            # The last position is the one whose taps still fit, rounded down by the stride.
            lost = self.constant(f"lost{reach}.{stride}", np.asarray(reach - stride, np.int64))
            room = self.add("Sub", [extent, lost], f"{name}.{axis}s_room")
            jump = self.constant(f"stride{stride}", np.asarray(stride, np.int64))
            kept = self.add("Div", [room, jump], f"{name}.{axis}s_out")
            if axis == "row" and band[1] > 1:
                first, end = (
                    self._part(kept, number, band[1], f"{name}.{number}") for number in (band[0], band[0] + 1)
                )
                places = self.add("Range", [first, end, scalar["one"]], f"{name}.{axis}_range")
                kept = self.add("Sub", [end, first], f"{name}.{axis}s_here")
            else:
                places = self.add("Range", [scalar["zero"], kept, scalar["one"]], f"{name}.{axis}_range")
            if stride > 1:
                places = self.add("Mul", [places, jump], f"{name}.{axis}_starts")
            axes = self.constant(f"{axis}_others", np.array(other, np.int64))
            places = self.add("Unsqueeze", [places, axes], f"{name}.{axis}_places")
            offsets = np.repeat(np.arange(height), width) if axis == "row" else np.tile(np.arange(width), height)
            steps = self.constant(f"{axis}_taps{height}x{width}", offsets.astype(np.int64))
            indices.append(self.add("Add", [places, steps], f"{name}.{axis}_index"))
            vector = self.constant("vector_axis", np.array([0], np.int64))
            extents.append((extent, self.add("Unsqueeze", [kept, vector], f"{name}.{axis}s_vector")))
        above = self.add("Mul", [indices[0], extents[1][0]], f"{name}.above")
        index = self.add("Add", [above, indices[1]], f"{name}.index")
        pixels = self.constant(f"pixels{channels}", np.array([-1, channels], np.int64))
        flat = self.add("Reshape", [codes, pixels], f"{name}.pixels")
        gathered = self.add("Gather", [flat, index], f"{name}.gathered", axis=0)
        ends = [
            self.constant("batch", np.array([1], np.int64)),
            self.constant(f"{name}.neighbors", np.array([height * width * channels], np.int64)),
        ]
        target = self.add("Concat", [ends[0], extents[0][1], extents[1][1], ends[1]], f"{name}.target", axis=0)
        return self.add("Reshape", [gathered, target], f"{name}.neighborhoods", allowzero=1)

    def _part(self, whole: str, number: int, count: int, name: str) -> str:
        """The scalar `whole` * number // count."""
        times = self.constant(f"times{number}", np.asarray(number, np.int64))
        over = self.constant(f"over{count}", np.asarray(count, np.int64))
        return self.add("Div", [self.add("Mul", [whole, times], f"{name}.times"), over], f"{name}.part")

    def trim(self) -> list[str]:
        """Slice arguments that remove the extra rim of one pixel that phases write."""
        return [self.constant(f"trim.{key}", np.array(value, np.int64)) for key, value in _TRIM.items()]

    def leaky(self, name: str, codes: str, source: Codes, target: Codes) -> str:
        """The LeakyReLU from codes to codes, as a lookup table."""
        inputs = [
            codes,
            *self.code_names(f"{name}_leaky.input", source),
            *self.code_names(f"{name}_leaky.output", target),
        ]
        return self.add("QLinearLeakyRelu", inputs, f"{name}_leaky", domain=MICROSOFT, alpha=SLOPE)

    def model(self, source: onnx.ModelProto) -> onnx.ModelProto:
        """The finished model, with the inputs and outputs of `source`."""
        graph = helper.make_graph(
            self.nodes,
            source.graph.name,
            list(source.graph.input),
            list(source.graph.output),
            list(self.initializers.values()),
        )
        opsets = [*source.opset_import, helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=source.ir_version)
