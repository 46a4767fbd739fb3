"""Every gradient rule against float64 central differences, and against itself in float32 through ONNX Runtime."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.forward import OPSET, prune
from kiosk.forge.rules import RULES

ORT_OPTIONS = ort.SessionOptions()
ORT_OPTIONS.log_severity_level = 3
ORT_OPTIONS.intra_op_num_threads = 1


class LRN(OpRun):
    """The reference evaluator's own normalizes only as many channels as there are pictures."""

    def _run(self, x, alpha=None, beta=None, bias=None, size=None):
        sums = np.zeros_like(x)
        for c in range(x.shape[1]):
            near = x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1]
            sums[:, c] = (near**2).sum(axis=1)
        return (x / (bias + alpha / size * sums) ** beta,)


class ConvTranspose(OpRun):
    """The reference evaluator's own is wrong for groups and for output_shape."""

    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, output_padding=None,
             output_shape=None, pads=None, strides=None):  # fmt: skip
        kernel, sizes = w.shape[2:], x.shape[2:]
        dilations, strides = dilations or (1, 1), strides or (1, 1)
        extra = output_padding or (0, 0)
        whole = [s * (n - 1) + e + d * (k - 1) + 1
                 for s, n, e, d, k in zip(strides, sizes, extra, dilations, kernel, strict=True)]  # fmt: skip
        if auto_pad in ("SAME_UPPER", "SAME_LOWER") and not output_shape:
            output_shape = [n * s for n, s in zip(sizes, strides, strict=True)]
        if output_shape:
            total = [a - b for a, b in zip(whole, output_shape, strict=True)]
            pads = [t // 2 if auto_pad == "SAME_UPPER" else t - t // 2 for t in total]
        else:
            pads = pads or (0, 0, 0, 0)
            output_shape = [n - pads[i] - pads[i + 2] for i, n in enumerate(whole)]
        inputs, outputs = x.shape[1] // group, w.shape[1]
        y = np.zeros((x.shape[0], outputs * group, *whole), x.dtype)
        for g in range(group):
            part = x[:, g * inputs : (g + 1) * inputs]
            for i, j in np.ndindex(*kernel):
                top, left = i * dilations[0], j * dilations[1]
                rows = slice(top, top + strides[0] * sizes[0], strides[0])
                columns = slice(left, left + strides[1] * sizes[1], strides[1])
                taps = w[g * inputs : (g + 1) * inputs, :, i, j]
                target = y[:, g * outputs : (g + 1) * outputs, rows, columns]
                target += np.einsum("nchw,cm->nmhw", part, taps)[:, :, : target.shape[2], : target.shape[3]]
        y = y[:, :, pads[0] : pads[0] + output_shape[0], pads[1] : pads[1] + output_shape[1]]
        return (y if b is None else y + b[:, None, None],)


class MaxPool(OpRun):
    """The reference evaluator's own pads SAME_LOWER like SAME_UPPER, and has no indices for dilated windows."""

    def _run(self, x, auto_pad=None, ceil_mode=None, dilations=None, kernel_shape=None, pads=None, storage_order=None,
             strides=None):  # fmt: skip
        dilations, strides, pads = dilations or (1, 1), strides or (1, 1), pads or (0, 0, 0, 0)
        before, counts, after = [], [], []
        for i, size in enumerate(x.shape[2:]):
            span = dilations[i] * (kernel_shape[i] - 1) + 1
            if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
                counts.append(-(-size // strides[i]))
                total = max(0, (counts[i] - 1) * strides[i] + span - size)
                before.append(total // 2 if auto_pad == "SAME_UPPER" else total - total // 2)
            else:
                before.append(pads[i])
                free = size + pads[i] + pads[i + 2] - span
                count = -(-free // strides[i]) + 1 if ceil_mode else free // strides[i] + 1
                # The last window must begin inside the picture or the padding before it.
                counts.append(count - (ceil_mode and (count - 1) * strides[i] >= size + pads[i]))
            after.append(max(0, (counts[i] - 1) * strides[i] + span - size - before[i]))
        margins = ((0, 0), (0, 0), *zip(before, after, strict=True))
        padded = np.pad(x, margins, constant_values=np.finfo(x.dtype).min)
        y = np.full((*x.shape[:2], *counts), -np.inf)
        indices = np.zeros(y.shape, np.int64)
        pixels = np.pad(np.arange(x.size).reshape(x.shape), margins)
        for i, j in np.ndindex(*kernel_shape):
            rows = slice(i * dilations[0], i * dilations[0] + (counts[0] - 1) * strides[0] + 1, strides[0])
            columns = slice(j * dilations[1], j * dilations[1] + (counts[1] - 1) * strides[1] + 1, strides[1])
            seen = padded[:, :, rows, columns]
            indices = np.where(seen > y, pixels[:, :, rows, columns], indices)
            y = np.maximum(y, seen)
        return (y, indices)[: len(self.onnx_node.output)]


class Erf(OpRun):
    """The reference evaluator's own is an approximation with seven digits."""

    def _run(self, x):
        return (np.vectorize(math.erf)(x).astype(x.dtype),)


class Gelu(OpRun):
    """The reference evaluator's own uses its Erf."""

    def _run(self, x, approximate=None):
        inner = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        return (x * (1 + (inner if approximate == "tanh" else np.vectorize(math.erf)(x / math.sqrt(2)))) / 2,)


def reference(model: onnx.ModelProto) -> ReferenceEvaluator:
    return ReferenceEvaluator(model, new_ops=[LRN, ConvTranspose, MaxPool, Erf, Gelu])


@dataclass
class Case:
    """One node `op(a, b, ..., constants...)`; a and b are made from the image, constants follow them.

    `before` are nodes that make "a" (and "b") from "image"; by default a = image.
    `after` are nodes that make "y" from "out"; by default y = out. `runs`: ONNX Runtime can run the node itself.
    `outputs`: the names of its outputs.
    """

    op: str
    attributes: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("image",)
    constants: dict[str, Any] = field(default_factory=dict)
    before: tuple[onnx.NodeProto, ...] = ()
    after: tuple[onnx.NodeProto, ...] = ()
    size: tuple[int, int] = (7, 6)
    free: bool = True
    runs: bool = True
    label: str = ""
    outputs: tuple[str, ...] = ("out",)
    opset: int = OPSET

    def __str__(self) -> str:
        return f"{self.op}-{self.label}" if self.label else self.op


def node(op: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], **attributes)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape) + len(shape)).normal(size=shape)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def conv(*shape: int, label: str, size: tuple[int, int] = (7, 6), **attributes: Any) -> Case:
    return Case(
        "Conv", attributes, ("image", "w", "b"), {"w": random(*shape), "b": random(shape[0])}, size=size, label=label
    )


def pool(op: str, label: str, size: tuple[int, int] = (7, 6), **attributes: Any) -> Case:
    return Case(op, attributes, size=size, label=label)


def resize(
    label: str, given: str, scales: tuple[float, ...] = (), sizes: tuple[int, ...] = (), **attributes: Any
) -> Case:
    values = np.array(scales, np.float32) if scales else ints(*sizes)
    inputs = ("image", "", "scales") if scales else ("image", "", "", "sizes")
    return Case("Resize", attributes, inputs, {given: values}, free=bool(scales), label=label)


# From the image: s [1,3,1,1], one number a channel; six [1,6,H,W], more channels; and so on.
SQUEEZED = node("GlobalAveragePool", "image", "s")
SIX = node("Conv", "image six_w", "six")
SIX_W = {"six_w": random(6, 3, 1, 1)}
EXP = node("Exp", "image", "e")
TWELVE = node("Conv", "image twelve_w", "twelve")
TWELVE_W = {"twelve_w": random(12, 3, 1, 1)}
ONE = (node("Reshape", "out one_shape", "y"),)
ONE_SHAPE = {"one_shape": ints(1, 1, 1, 1)}
ROWS = (node("Reshape", "image rows_shape", "rows"), {"rows_shape": ints(3, -1)})

CASES = [
    conv(4, 3, 3, 3, label="plain"),
    conv(4, 3, 3, 3, label="padded", pads=[1, 1, 1, 1]),
    conv(4, 3, 3, 2, label="uneven-pads", pads=[0, 1, 2, 1]),
    conv(4, 3, 1, 1, label="pads-beyond-the-kernel", pads=[1, 0, 1, 1]),
    conv(4, 3, 3, 3, label="stride-2", strides=[2, 2]),
    conv(4, 3, 3, 3, label="stride-2-padded", strides=[2, 2], pads=[1, 1, 1, 1], size=(8, 9)),
    conv(4, 3, 5, 3, label="stride-3", strides=[3, 3], pads=[2, 1, 0, 1], size=(9, 11)),
    conv(4, 3, 1, 1, label="stride-2-kernel-1", strides=[2, 2]),
    conv(4, 3, 7, 7, label="stride-2-kernel-7", strides=[2, 2], pads=[3, 3, 3, 3]),
    conv(4, 3, 3, 3, label="strides-differ", strides=[1, 2]),
    conv(4, 3, 3, 3, label="dilated", dilations=[2, 1], pads=[2, 1, 2, 1]),
    conv(4, 3, 2, 3, label="dilated-stride-2", dilations=[2, 2], strides=[2, 2]),
    conv(6, 1, 3, 3, label="depthwise", group=3),
    conv(6, 1, 3, 3, label="depthwise-stride-2", group=3, strides=[2, 2], pads=[1, 1, 1, 1]),
    conv(6, 1, 3, 2, label="groups-dilated-stride", group=3, strides=[2, 1], dilations=[1, 2]),
    conv(4, 3, 3, 2, label="same-upper", auto_pad="SAME_UPPER"),
    conv(4, 3, 3, 2, label="same-lower", auto_pad="SAME_LOWER"),
    conv(4, 3, 3, 3, label="same-upper-stride-2", auto_pad="SAME_UPPER", strides=[2, 2], size=(8, 7)),
    conv(4, 3, 3, 3, label="same-lower-stride-2", auto_pad="SAME_LOWER", strides=[2, 2], size=(8, 7)),
    conv(4, 3, 1, 1, label="same-upper-stride-beyond-kernel", auto_pad="SAME_UPPER", strides=[2, 2], size=(8, 7)),
    conv(4, 3, 3, 3, label="valid", auto_pad="VALID", strides=[2, 2]),
    Case("ConvTranspose", {}, ("image", "w", "b"), {"w": random(3, 4, 3, 3), "b": random(4)}),
    Case("ConvTranspose", {"strides": [2, 2], "pads": [1, 0, 1, 1], "output_padding": [1, 0]}, ("image", "w"),
         {"w": random(3, 4, 3, 3)}, label="stride-2"),
    Case("ConvTranspose", {"group": 3, "dilations": [2, 1], "strides": [1, 2], "output_padding": [0, 1]},
         ("image", "w"), {"w": random(3, 2, 3, 3)}, label="groups-dilated"),
    Case("ConvTranspose", {"dilations": [2, 1], "output_padding": [1, 0]}, ("image", "w"), {"w": random(3, 4, 2, 2)},
         runs=False, label="output-padding-beyond-stride"),
    Case("ConvTranspose", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, ("image", "w"), {"w": random(3, 4, 3, 3)},
         label="same-upper"),
    Case("ConvTranspose", {"strides": [2, 2], "auto_pad": "SAME_LOWER"}, ("image", "w"), {"w": random(3, 4, 4, 3)},
         label="same-lower"),
    Case("ConvTranspose", {"strides": [2, 2], "output_shape": [13, 12]}, ("image", "w"), {"w": random(3, 4, 3, 3)},
         free=False, label="output-shape"),
    Case("BatchNormalization", {"epsilon": 1e-3}, ("image", "scale", "bias", "mean", "variance"),
         {"scale": random(3), "bias": random(3), "mean": random(3), "variance": random(3) ** 2}),
    Case("Relu"),
    Case("LeakyRelu", {"alpha": 0.2}),
    Case("PRelu", {}, ("image", "slope"), {"slope": random(3, 1, 1)}),
    Case("Clip", {}, ("image", "low", "high"), {"low": np.array(-0.5), "high": np.array(0.8)}),
    Case("Clip", {}, ("image", "", "high"), {"high": np.array(0.3)}, label="only-above"),
    Case("Clip", label="without-bounds"),
    Case("Sigmoid"),
    Case("HardSigmoid", {"alpha": 0.6, "beta": 0.4}),
    Case("HardSwish", before=(node("Mul", "image four", "a"),), constants={"four": np.array(4.0)}, inputs=("a",)),
    Case("Tanh"),
    Case("Add", {}, ("image", "c"), {"c": random(3, 1, 1)}, label="constant"),
    Case("Add", {}, ("image", "s"), before=(SQUEEZED,), label="repeated-second"),
    Case("Add", {}, ("image", "image"), label="itself"),
    Case("Sub", {}, ("s", "image"), before=(SQUEEZED,), label="repeated-first"),
    Case("Sub", {}, ("c", "image"), constants={"c": random(1)}, label="from-constant"),
    Case("Mul", {}, ("image", "s"), before=(SQUEEZED,), label="repeated-second"),
    Case("Mul", {}, ("s", "image"), before=(SQUEEZED,), label="repeated-first"),
    Case("Mul", {}, ("image", "c"), {"c": random(2, 3, 1, 1)}, label="image-repeated"),
    Case("Mul", {}, ("image", "v"), {"flat": ints(3, 1, 1)}, (SQUEEZED, node("Reshape", "s flat", "v")),
         label="lower-rank"),
    Case("Sum", {}, ("image", "s", "c", "image"), {"c": random(1)}, before=(SQUEEZED,)),
    Case("Concat", {"axis": 1}, ("image", "six", "image"), SIX_W, before=(SIX,)),
    Case("Concat", {"axis": -2}, ("pooled", "image"), before=(node("MaxPool", "image", "pooled", kernel_shape=[2, 1]),),
         label="free-axis"),
    pool("MaxPool", "2x2-stride-2", kernel_shape=[2, 2], strides=[2, 2]),
    pool("MaxPool", "overlapping", kernel_shape=[3, 3], strides=[2, 2]),
    pool("MaxPool", "overlapping-even-size", kernel_shape=[3, 3], strides=[2, 2], size=(8, 10)),
    pool("MaxPool", "padded", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    pool("MaxPool", "padded-uneven", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 1], size=(8, 9)),
    pool("MaxPool", "ceil", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, size=(8, 8)),
    pool("MaxPool", "ceil-padded", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[1, 1, 0, 0], size=(7, 8)),
    pool("MaxPool", "stride-1", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    pool("MaxPool", "stride-beyond-the-window", kernel_shape=[2, 1], strides=[3, 3], size=(9, 10)),
    pool("MaxPool", "strides-differ", kernel_shape=[3, 2], strides=[2, 1]),
    pool("MaxPool", "strides-2-3", kernel_shape=[3, 3], strides=[2, 3], size=(8, 11)),
    pool("MaxPool", "dilated", kernel_shape=[2, 3], strides=[2, 1], dilations=[3, 2], size=(9, 9)),
    pool("MaxPool", "same-upper", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER", size=(8, 7)),
    pool("MaxPool", "same-lower", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER", size=(8, 7)),
    pool("MaxPool", "same-upper-stride-1", kernel_shape=[2, 3], auto_pad="SAME_UPPER"),
    pool("AveragePool", "2x2-stride-2", kernel_shape=[2, 2], strides=[2, 2]),
    pool("AveragePool", "stride-1-padded", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    pool("AveragePool", "counting-padding", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    pool("AveragePool", "stride-2-padded", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 1], size=(8, 9)),
    pool("AveragePool", "ceil", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, size=(8, 8)),
    pool("AveragePool", "ceil-counting-padding", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[1, 1, 1, 1],
         count_include_pad=1, size=(8, 8)),
    pool("AveragePool", "same-upper", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER", size=(8, 7)),
    pool("AveragePool", "same-lower-stride-1", kernel_shape=[2, 2], auto_pad="SAME_LOWER"),
    pool("AveragePool", "strides-differ", kernel_shape=[3, 2], strides=[2, 1]),
    Case("GlobalAveragePool"),
    Case("LRN", {"size": 3, "alpha": 0.5, "beta": 0.6, "bias": 1.5}, ("six",), SIX_W, before=(SIX,), label="odd"),
    Case("LRN", {"size": 4, "alpha": 0.5}, ("six",), SIX_W, before=(SIX,), runs=False, label="even"),
    Case("Pad", {}, ("image", "pads"), {"pads": ints(0, 0, 1, 2, 0, 1, 0, 3)}),
    Case("Pad", {}, ("image", "pads", "", "axes"), {"pads": ints(1, 2, 0, 3), "axes": ints(3, -2)}, label="axes"),
    Case("Pad", {"mode": "reflect"}, ("image", "pads"), {"pads": ints(0, 0, 1, 2, 0, 0, 3, 0)}, label="reflect"),
    Case("Pad", {"mode": "edge"}, ("image", "pads"), {"pads": ints(0, 0, 1, 2, 0, 0, 3, 0)}, label="edge"),
    Case("Reshape", {}, ("image", "shape"), {"shape": ints(0, -1, 2, 3)}, size=(4, 6), free=False),
    Case("Flatten", free=False),
    Case("Transpose", {"perm": [0, 3, 1, 2]}, free=False),
    Case("Transpose", free=False, label="default", after=(node("Squeeze", "out last", "y"),),
         constants={"last": ints(3)}),
    Case("Squeeze", {}, ("s", "axes"), {"axes": ints(2, 3)}, before=(SQUEEZED,)),
    Case("Unsqueeze", {}, ("image", "axes"), {"axes": ints(2)}),
    Case("Gemm", {"alpha": 0.5, "beta": 2.0}, ("flat", "w", "c"), {"w": random(126, 4), "c": random(4)},
         before=(node("Flatten", "image", "flat"),), free=False),
    Case("Gemm", {"transB": 1}, ("flat", "w"), {"w": random(4, 126)}, before=(node("Flatten", "image", "flat"),),
         free=False, label="second-transposed"),
    Case("Gemm", {"transA": 1, "transB": 1}, ("rows", "w"), {"w": random(4, 3), **ROWS[1]}, before=(ROWS[0],),
         free=False, label="both-transposed"),
    Case("Gemm", {"transA": 1}, ("w", "rows", "c"), {"w": random(3, 2), **ROWS[1], "c": random(2, 1)},
         before=(ROWS[0],), free=False, label="gradient-of-the-second"),
    Case("Gemm", {"transB": 1}, ("w", "rows"), {"w": random(2, 42), **ROWS[1]}, before=(ROWS[0],), free=False,
         label="gradient-of-the-second-transposed"),
    Case("Gemm", {"beta": 3.0}, ("u", "w", "s2"), {"u": random(4, 2), "w": random(2, 3), "two": ints(1, 3)},
         before=(SQUEEZED, node("Reshape", "s two", "s2")), label="gradient-of-the-third"),
    Case("MatMul", {}, ("image", "w"), {"w": random(6, 5)}, free=False),
    Case("MatMul", {}, ("w", "image"), {"w": random(2, 3, 5, 7)}, free=False, label="second-repeated"),
    Case("MatMul", {}, ("image", "w"), {"w": random(6)}, free=False, label="vector"),
    Case("MatMul", {}, ("v", "w"), {"w": random(2, 4, 126, 2), "all": ints(-1)},
         before=(node("Reshape", "image all", "v"),), free=False, label="vector-first"),
    Case("MatMul", {}, ("image", "t"), before=(node("Transpose", "image", "t", perm=[0, 1, 3, 2]),), free=False,
         label="both-from-the-image"),
    Case("Softmax", {"axis": 1}),
    Case("Softmax", label="last-axis"),
    Case("LayerNormalization", {"epsilon": 1e-2}, ("image", "scale", "bias"), {"scale": random(6), "bias": random(6)},
         free=False),
    Case("LayerNormalization", {"axis": 1}, ("image", "scale"), {"scale": random(3, 7, 6)}, free=False,
         label="several-axes"),
    Case("InstanceNormalization", {"epsilon": 1e-2}, ("image", "scale", "bias"),
         {"scale": random(3), "bias": random(3)}),
    Case("Elu", {"alpha": 0.7}),
    Case("Celu", {"alpha": 0.7}),
    Case("Selu"),
    Case("Softplus"),
    Case("Softsign"),
    Case("Mish"),
    Case("Erf"),
    Case("Gelu", opset=20),
    Case("Gelu", {"approximate": "tanh"}, opset=20, label="tanh"),
    Case("Div", {}, ("image", "c"), {"c": random(3, 1, 1)}, label="by-constant"),
    Case("Div", {}, ("c", "e"), {"c": random(1)}, before=(EXP,), label="of-constant"),
    Case("Div", {}, ("s", "e"), before=(SQUEEZED, EXP), label="repeated-first"),
    Case("Max", {}, ("image", "c"), {"c": random(3, 1, 1)}),
    Case("Max", {}, ("s", "image"), before=(SQUEEZED,), label="repeated-first"),
    Case("Max", label="of-one"),
    Case("Min", {}, ("image", "s"), before=(SQUEEZED,)),
    Case("Mean", {}, ("image", "s", "image"), before=(SQUEEZED,)),
    Case("Where", {}, ("c", "image", "s"), {"zero": np.array(0.0)}, before=(SQUEEZED, node("Less", "image zero", "c"))),
    Case("Pow", {}, ("image", "two"), {"two": np.array(2.0)}, label="square"),
    Case("Pow", {}, ("e", "c"), {"c": random(3, 1, 1)}, before=(EXP,)),
    Case("Neg"),
    Case("Abs"),
    Case("Sqrt", {}, ("e",), before=(EXP,)),
    Case("Reciprocal", {}, ("e",), before=(EXP,)),
    Case("Exp"),
    Case("Log", {}, ("e",), before=(EXP,)),
    Case("ReduceMean", {}, ("image", "axes"), {"axes": ints(2, 3)}),
    Case("ReduceMean", {"keepdims": 0}, ("image", "axes"), {"axes": ints(-1, 2)}, label="axes-gone"),
    Case("ReduceMean", {"keepdims": 0}, after=ONE, constants=ONE_SHAPE, label="everything"),
    Case("ReduceMean", {"noop_with_empty_axes": 1}, label="nothing"),
    Case("ReduceSum", {}, ("image", "axes"), {"axes": ints(1)}),
    Case("ReduceSum", {"keepdims": 0}, ("image", "axes"), {"axes": ints(2)}, label="axis-gone"),
    Case("ReduceMax", {}, ("image", "axes"), {"axes": ints(2, 3)}),
    Case("ReduceMax", {"keepdims": 0}, ("image", "axes"), {"axes": ints(1)}, free=False, label="axis-gone"),
    Case("ReduceMin", {}, ("image", "axes"), {"axes": ints(3)}),
    Case("GlobalMaxPool"),
    Case("Gather", {"axis": 1}, ("image", "i"), {"i": np.array(2)}, free=False, label="one"),
    Case("Gather", {"axis": 1}, ("image", "i"), {"i": ints(2, 0, -1)}),
    Case("Gather", {"axis": -1}, ("image", "i"), {"i": ints(-2, 1)}, label="last-axis"),
    Case("Slice", {}, ("image", "from", "to", "axes"), {"from": ints(1, 2), "to": ints(3, 99), "axes": ints(1, -1)}),
    Case("Slice", {}, ("image", "from", "to"), {"from": ints(0, 1, -4), "to": ints(1, -1, -1)}, label="from-the-end"),
    Case("Slice", {}, ("image", "from", "to", "axes", "steps"), {"from": ints(1, -1), "to": ints(99, -99),
         "axes": ints(3, 2), "steps": ints(2, -3)}, label="steps"),
    Case("Expand", {}, ("s", "shape"), {"shape": ints(2, 1, 4, 5)}, before=(SQUEEZED,)),
    Case("Split", {"axis": 1}, ("image", "n"), {"n": ints(1, 2)}, outputs=("a", "b"),
         after=(node("Mul", "a b", "y"),)),
    Case("Split", {"axis": -3, "num_outputs": 2}, outputs=("a", "b"), after=(node("Mul", "a b", "y"),),
         label="equal-but-the-last"),
    Case("Split", {"axis": 1, "num_outputs": 3}, outputs=("a", "b", "c"), after=(node("Relu", "b", "y"),),
         label="only-one-used"),
    Case("SpaceToDepth", {"blocksize": 2}, size=(4, 6)),
    Case("DepthToSpace", {"blocksize": 2}, ("twelve",), TWELVE_W, before=(TWELVE,)),
    Case("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, ("twelve",), TWELVE_W, before=(TWELVE,), label="crd"),
    resize("linear", "scales", scales=(1.0, 1.0, 2.0, 1.5), mode="linear"),
    resize("nearest", "scales", scales=(1.0, 1.0, 2.0, 3.0), mode="nearest", nearest_mode="floor",
           coordinate_transformation_mode="asymmetric"),
    resize("smaller", "scales", scales=(1.0, 1.0, 0.5, 0.6), mode="linear"),
    resize("cubic", "sizes", sizes=(1, 3, 9, 11), mode="cubic"),
    resize("corners", "sizes", sizes=(1, 3, 9, 4), mode="linear", coordinate_transformation_mode="align_corners"),
    Case("Resize", {"mode": "linear", "axes": [3, 2]}, ("image", "", "scales"),
         {"scales": np.array([2.0, 1.5], np.float32)}, runs=False, label="axes"),
    Case("Cast", {"to": TensorProto.DOUBLE}),
    Case("Dropout"),
    Case("Identity"),
    Case("Add", {}, ("image", "k"), before=(helper.make_node("Constant", [], ["k"], value_float=0.5),),
         label="of-a-Constant"),
    Case("Mul", {}, ("image", "k"), before=(
        node("Shape", "image", "sizes"),
        node("ConstantOfShape", "sizes", "k", value=helper.make_tensor("v", TensorProto.DOUBLE, [1], [2.0])),
    ), label="of-a-ConstantOfShape"),
]  # fmt: skip


def build(case: Case, kind: int) -> onnx.ModelProto:
    """The case as a forward network of float64 or float32."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [
        *case.before,
        helper.make_node(case.op, list(case.inputs), list(case.outputs), name=case.op, **case.attributes),
    ]
    nodes.extend(case.after)
    typed = []
    for original in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(original)
        for attribute in copy.attribute:
            if attribute.name == "value":
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(dtype)))
            elif attribute.name == "to":
                attribute.i = kind
            elif attribute.name == "value_float":
                attribute.CopyFrom(
                    helper.make_attribute("value", numpy_helper.from_array(np.array(attribute.f, dtype)))
                )
        typed.append(copy)
    arrays = {n: a if a.dtype.kind == "i" or n == "scales" else a.astype(dtype) for n, a in case.constants.items()}
    initializers = [numpy_helper.from_array(a, n) for n, a in arrays.items()]
    shape = [1, 3, "height", "width"] if case.free else [1, 3, *case.size]
    output = "y" if case.after else "out"
    graph = helper.make_graph(
        typed,
        "case",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info(output, kind, None)],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=9)


def numerical_gradient(graph: onnx.ModelProto, image: np.ndarray, step: float = 1e-5) -> np.ndarray:
    forward = onnx.ModelProto()
    forward.CopyFrom(graph)
    del forward.graph.node[:], forward.graph.output[0]
    forward.graph.node.extend(prune(list(graph.graph.node), {"objective"}))
    evaluator = reference(forward)
    gradient = np.zeros_like(image)
    for index in np.ndindex(*image.shape):
        shifted = image.copy()
        shifted[index] = image[index] + step
        above = evaluator.run(["objective"], {"image": shifted})[0]
        shifted[index] = image[index] - step
        below = evaluator.run(["objective"], {"image": shifted})[0]
        gradient[index] = (above - below) / (2 * step)
    return gradient


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_agrees_with_central_differences_and_onnx_runtime(case: Case) -> None:
    layer = "y" if case.after else "out"
    graph = add_gradient(build(case, TensorProto.DOUBLE), {layer: 0.7})
    image = np.random.default_rng(7).normal(size=(1, 3, *case.size))
    evaluator = reference(graph)
    gradient, objective = evaluator.run(["gradient", "objective"], {"image": image})
    numerical = numerical_gradient(graph, image)
    scale = np.abs(numerical).max()
    assert scale > 1e-4
    assert gradient.shape == image.shape
    assert np.abs(gradient - numerical).max() < 1e-6 * scale

    if not case.runs:
        return
    single = add_gradient(build(case, TensorProto.FLOAT), {layer: 0.7})
    onnx.checker.check_model(single, full_check=True)
    session = ort.InferenceSession(single.SerializeToString(), ORT_OPTIONS, providers=["CPUExecutionProvider"])
    fast_gradient, fast_objective = session.run(["gradient", "objective"], {"image": image.astype(np.float32)})
    assert np.shape(fast_objective) == ()
    assert fast_objective == pytest.approx(objective, rel=1e-4)
    assert np.abs(fast_gradient - gradient).max() < 1e-4 * scale


def test_every_rule_has_a_case() -> None:
    assert set(RULES) <= {case.op for case in CASES}
