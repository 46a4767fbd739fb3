"""Evaluate a forward graph in float64, for gradient checks that float32 cannot decide.

ONNX Runtime's CPU convolutions are float32 only, and those of onnx's reference evaluator take minutes for a whole
network. The operations here loop over a window's taps, with one matrix product each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

Pair = Sequence[int]


class Conv(OpRun):
    """Convolutions of pictures, with groups."""

    def _run(self, x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, **attributes: Any) -> tuple[np.ndarray]:
        group = attributes.get("group") or 1
        made, inputs, *kernel = w.shape
        taps = w.reshape(group, made // group, inputs, *kernel)
        total = np.zeros((), x.dtype)
        for (i, j), seen in _taps(x, kernel, attributes, fill=0.0):
            if inputs == 1 and made == group:
                total = total + w[:, 0, i, j, None, None] * seen
                continue
            pixels = seen.reshape(len(x), group, inputs, -1)
            total = total + (taps[:, :, :, i, j] @ pixels).reshape(len(x), made, *seen.shape[2:])
        return (total if b is None else total + b[:, None, None],)


class MaxPool(OpRun):
    """The maxima alone, without their indices."""

    def _run(self, x: np.ndarray, **attributes: Any) -> tuple[np.ndarray]:
        seen = (view for _, view in _taps(x, attributes["kernel_shape"], attributes, fill=-np.inf))
        largest = next(seen)
        for view in seen:
            largest = np.maximum(largest, view)
        return (largest,)


class AveragePool(OpRun):
    """Means over the pixels of each window; padding counts with count_include_pad."""

    def _run(self, x: np.ndarray, **attributes: Any) -> tuple[np.ndarray]:
        kernel = attributes["kernel_shape"]
        counted = float(attributes.get("count_include_pad") or 0)
        ones = np.ones((1, 1, *x.shape[2:]))
        total = np.add.reduce([view for _, view in _taps(x, kernel, attributes, fill=0.0)])
        return (total / np.add.reduce([view for _, view in _taps(ones, kernel, attributes, fill=counted, beyond=0.0)]),)


class LRN(OpRun):
    """The reference evaluator's own normalizes only as many channels as there are pictures."""

    def _run(self, x: np.ndarray, **attributes: Any) -> tuple[np.ndarray]:
        size, sums = attributes["size"], np.zeros_like(x)
        for c in range(x.shape[1]):
            near = x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1]
            sums[:, c] = (near**2).sum(axis=1)
        return (x / (attributes["bias"] + attributes["alpha"] / size * sums) ** attributes["beta"],)


def double_objective(graph: onnx.ModelProto) -> Callable[[np.ndarray], float]:
    """The function picture [1,3,H,W] -> `objective` of a graph without a backward pass, in float64.

    It raises NotImplementedError or ValueError for operations that the reference evaluator lacks.
    """
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    tensors = [a.t for node in model.graph.node for a in node.attribute if a.HasField("t")]
    for tensor in [*model.graph.initializer, *tensors]:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for attribute in (a for node in model.graph.node if node.op_type == "Cast" for a in node.attribute):
        if attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.DOUBLE
    evaluator = ReferenceEvaluator(model, new_ops=[Conv, MaxPool, AveragePool, LRN])
    return lambda picture: float(evaluator.run(["objective"], {"image": picture})[0])  # type: ignore[arg-type]


def _taps(
    x: np.ndarray, kernel: Pair, attributes: dict[str, Any], fill: float, beyond: float | None = None
) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Each tap (i, j) of the windows over x [N,C,H,W], with the pixels [N,C,h,w] that it reads. Padding is `fill`, and
    `beyond` (default `fill`) behind it, where ceil_mode adds positions."""
    strides, dilations = attributes.get("strides") or (1, 1), attributes.get("dilations") or (1, 1)
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    before, after = _margins(x.shape[2:], spans, strides, attributes)
    x = np.pad(x, ((0, 0), (0, 0), *zip(before, after, strict=True)), constant_values=fill)
    free = [size - span for size, span in zip(x.shape[2:], spans, strict=True)]
    counts = [f // s + 1 for f, s in zip(free, strides, strict=True)]
    if attributes.get("ceil_mode"):
        # The last window must begin inside the picture or the padding before it.
        ends = [size - a for size, a in zip(x.shape[2:], after, strict=True)]
        counts = [-(-f // s) + 1 - (-(-f // s) * s >= end) for f, s, end in zip(free, strides, ends, strict=True)]
        more = [max(0, (c - 1) * s - f) for c, s, f in zip(counts, strides, free, strict=True)]
        x = np.pad(x, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=fill if beyond is None else beyond)
    for i, j in np.ndindex(*kernel):
        rows, columns = (
            slice(tap * d, tap * d + (count - 1) * s + 1, s)
            for tap, d, count, s in zip((i, j), dilations, counts, strides, strict=True)
        )
        yield (i, j), x[:, :, rows, columns]


def _margins(sizes: Pair, spans: Pair, strides: Pair, attributes: dict[str, Any]) -> tuple[Pair, Pair]:
    """The padding before and after the picture."""
    auto_pad = attributes.get("auto_pad") or "NOTSET"
    if auto_pad == "VALID":
        return (0, 0), (0, 0)
    if auto_pad == "NOTSET":
        pads = attributes.get("pads") or (0, 0, 0, 0)
        return pads[:2], pads[2:]
    totals = [max(0, (-(-n // s) - 1) * s + span - n) for n, s, span in zip(sizes, strides, spans, strict=True)]
    less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (less, more) if auto_pad == "SAME_UPPER" else (more, less)
