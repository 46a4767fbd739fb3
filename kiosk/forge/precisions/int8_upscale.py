"""Quantize upconv_7 to static int8 (u8 activations, s8 weights per channel), for CPUs.

The input is a picture of 256 levels, so its codes are exact. The last convolution, 2% of the work, stays float, because
rounding its input caused two thirds of the result's noise. forge/precisions/activation_windows.py explains the codes in
between.
"""

from __future__ import annotations

import onnx
from onnx import numpy_helper

from kiosk.forge.precisions.activation_windows import SLOPE, Window, after_window, windowed
from kiosk.forge.precisions.codes import Codes, Kernel
from kiosk.forge.precisions.int8_matmul import MatMulWriter
from kiosk.forge.precisions.int8_writer import MICROSOFT
from kiosk.forge.precisions.rounding import ChainRounding

IMAGE = Codes.covering(0, 1)
"""The codes of a picture are its levels."""
BANDS = 8
"""Bands of rows that a layer is computed in, so that intermediate results stay in the L2 cache."""
_TRIM = {"starts": [1, 1], "ends": [-1, -1], "axes": [2, 3]}


def quantize_chain(model: onnx.ModelProto, windows: list[Window]) -> onnx.ModelProto:
    """Quantize upconv_7's float graph. `windows`: one for each layer except the last."""
    writer = MatMulWriter()
    image = writer.op("Transpose", ["image"], "image_last", perm=[0, 2, 3, 1])
    codes = writer.quantize(image, writer.codes("image", IMAGE), "image_codes")
    source = IMAGE
    *inner, (last, kernel) = chain_kernels(model)
    rounding = ChainRounding()
    before: Window | None = None
    phases = ""
    for index, ((name, own), window) in enumerate(zip(inner, windows, strict=True)):
        reading = windowed(after_window(own, before) if before else own, window)
        weights = rounding.round(reading)
        target = window.codes
        if window.after:
            parts = []
            for band in range(BANDS):
                sums = writer.float_convolution(name, codes, reading, source, weights=weights, band=(band, BANDS))
                active = writer.op("LeakyRelu", [sums], f"{name}_leaky{band}", alpha=SLOPE)
                if index == len(inner) - 1:
                    parts.append(writer.taps(last, active, after_window(kernel, window), f"{last}.taps{band}"))
                else:
                    parts.append(writer.quantize(active, writer.codes(name, target), f"{name}_codes{band}"))
            codes = writer.op("Concat", parts, f"{name}_rows", axis=1)
        else:
            sums = writer.convolution(name, codes, weights, reading.bias, source, target)
            active = Codes(target.scale, round(target.zero * SLOPE))
            codes = _leaky(writer, name, sums, target, active)
            target = active
        if index == len(inner) - 1:
            phases = writer.shifted_sums(last, codes, kernel)
        else:
            rounding.advance(reading, weights, window)
        source, before = target, window
    first = writer.op("Transpose", [phases], "phases", perm=[0, 3, 1, 2])
    pixels = writer.op("DepthToSpace", [first], "pixels", blocksize=2, mode="DCR")
    # The phases write an extra rim of one pixel.
    trim = [writer.ints(f"trim.{key}", value) for key, value in _TRIM.items()]
    writer.op("Slice", [pixels, *trim], "upscaled")
    return writer.model_like(model)


def chain_kernels(model: onnx.ModelProto) -> list[tuple[str, Kernel]]:
    """The names and kernels of the convolutions of a plain chain, in order."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return [
        (node.name, Kernel(values[node.input[1]], values[node.input[2]]))
        for node in model.graph.node
        if node.op_type == "Conv"
    ]


def _leaky(writer: MatMulWriter, name: str, codes: str, source: Codes, target: Codes) -> str:
    """The LeakyReLU from codes to codes, as a lookup table."""
    pairs = [writer.codes(f"{name}_leaky.{side}", codes) for side, codes in (("input", source), ("output", target))]
    return writer.op("QLinearLeakyRelu", [codes, *pairs[0], *pairs[1]], f"{name}_leaky", domain=MICROSOFT, alpha=SLOPE)
