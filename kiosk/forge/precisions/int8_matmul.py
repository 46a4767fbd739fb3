"""Convolutions as matrix products, channels last: from codes to float sums, and from floats to few outputs."""

from __future__ import annotations

import numpy as np

from kiosk.forge.precisions.codes import Codes, Kernel, QuantizedWeights
from kiosk.forge.precisions.int8_writer import MICROSOFT, Int8Writer
from kiosk.forge.precisions.rounding import round_kernels


class MatMulWriter(Int8Writer):
    """Writes convolutions whose sums are needed as floats."""

    def float_convolution(
        self,
        name: str,
        codes: str,
        kernel: Kernel,
        source: Codes,
        stride: int = 1,
        *,
        weights: QuantizedWeights | None = None,
        band: tuple[int, int] = (0, 1),
    ) -> str:
        """Codes to float sums, channels last: im2col, then one matrix product.

        `weights`: the quantized weights, if already known. `band`: (number, count) of the band of rows to compute.
        Bands of a picture with few rows may be empty.
        """
        weights = weights or round_kernels(kernel.weight)
        out, channels, height, width = weights.codes.shape
        whole, name = name, name if band[1] == 1 else f"{name}.{band[0]}"
        columns = self.neighborhoods(name, codes, channels, (height, width), stride, band)
        read = self.codes(f"{whole}.input", source)
        matrix = weights.codes.transpose(2, 3, 1, 0).reshape(-1, out)
        weight, by = self.weights(whole, matrix, weights.scale)
        bias = self.constant(f"{whole}.bias", kernel.bias)
        inputs = [columns, weight, read.scale, by.scale, read.zero, by.zero, bias]
        return self.op("MatMulIntegerToFloat", inputs, name, domain=MICROSOFT)

    def tap_convolution(self, name: str, tensor: str, kernel: Kernel) -> str:
        """Float to float, channels last, for few outputs: each tap's product at every position, then a sum of shifted
        products."""
        return self.shifted_sums(name, self.taps(name, tensor, kernel, f"{name}.taps"), kernel)

    def taps(self, name: str, tensor: str, kernel: Kernel, output: str) -> str:
        """[1, H, W, C] -> [1, H, W, taps x out]."""
        weight = kernel.weight.transpose(1, 2, 3, 0).reshape(kernel.weight.shape[1], -1).copy()
        return self.op("MatMul", [tensor, self.constant(f"{name}.weight", weight)], output)

    def shifted_sums(self, name: str, taps: str, kernel: Kernel) -> str:
        """Sum shifted taps and add the bias: [1, H, W, taps x out] -> [1, h, w, out]."""
        out, _, height, width = kernel.weight.shape
        axes = self.ints("rows_columns_channels", [1, 2, 3])
        whole = np.iinfo(np.int64).max
        sums = ""
        for tap, (row, column) in enumerate(np.ndindex(height, width)):
            starts = np.array([row, column, tap * out], np.int64)
            ends = np.array([row - height + 1 or whole, column - width + 1 or whole, (tap + 1) * out], np.int64)
            limits = [self.constant(f"{name}.{row}.{column}.{end}", v) for end, v in (("from", starts), ("to", ends))]
            part = self.op("Slice", [taps, *limits, axes], f"{name}.tap{tap}")
            sums = self.op("Add", [sums, part], f"{name}.sum{tap}") if sums else part
        return self.op("Add", [sums, self.constant(f"{name}.bias", kernel.bias.astype(np.float32))], name)

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
        shape = self.op("Shape", [codes], f"{name}.shape")
        extents, indices = [], []
        for axis, reach, other in (("row", height, [1, 2]), ("column", width, [0, 2])):
            extent = self.op("Gather", [shape, scalar[f"{axis}_axis"]], f"{name}.{axis}s")
            # The last position is the one whose taps still fit, rounded down by the stride.
            lost = self.constant(f"lost{reach}.{stride}", np.asarray(reach - stride, np.int64))
            room = self.op("Sub", [extent, lost], f"{name}.{axis}s_room")
            jump = self.constant(f"stride{stride}", np.asarray(stride, np.int64))
            kept = self.op("Div", [room, jump], f"{name}.{axis}s_out")
            if axis == "row" and band[1] > 1:
                first, end = (
                    self._part(kept, number, band[1], f"{name}.{number}") for number in (band[0], band[0] + 1)
                )
                places = self.op("Range", [first, end, scalar["one"]], f"{name}.{axis}_range")
                kept = self.op("Sub", [end, first], f"{name}.{axis}s_here")
            else:
                places = self.op("Range", [scalar["zero"], kept, scalar["one"]], f"{name}.{axis}_range")
            if stride > 1:
                places = self.op("Mul", [places, jump], f"{name}.{axis}_starts")
            axes = self.constant(f"{axis}_others", np.array(other, np.int64))
            places = self.op("Unsqueeze", [places, axes], f"{name}.{axis}_places")
            offsets = np.repeat(np.arange(height), width) if axis == "row" else np.tile(np.arange(width), height)
            steps = self.constant(f"{axis}_taps{height}x{width}", offsets.astype(np.int64))
            indices.append(self.op("Add", [places, steps], f"{name}.{axis}_index"))
            vector = self.ints("vector_axis", [0])
            extents.append((extent, self.op("Unsqueeze", [kept, vector], f"{name}.{axis}s_vector")))
        above = self.op("Mul", [indices[0], extents[1][0]], f"{name}.above")
        index = self.op("Add", [above, indices[1]], f"{name}.index")
        pixels = self.ints(f"pixels{channels}", [-1, channels])
        flat = self.op("Reshape", [codes, pixels], f"{name}.pixels")
        gathered = self.op("Gather", [flat, index], f"{name}.gathered", axis=0)
        ends = [
            self.ints("batch", [1]),
            self.ints(f"{name}.neighbors", [height * width * channels]),
        ]
        target = self.op("Concat", [ends[0], extents[0][1], extents[1][1], ends[1]], f"{name}.target", axis=0)
        return self.op("Reshape", [gathered, target], f"{name}.neighborhoods", allowzero=1)

    def _part(self, whole: str, number: int, count: int, name: str) -> str:
        """The scalar `whole` * number // count."""
        times = self.constant(f"times{number}", np.asarray(number, np.int64))
        over = self.constant(f"over{count}", np.asarray(count, np.int64))
        return self.op("Div", [self.op("Mul", [whole, times], f"{name}.times"), over], f"{name}.part")
