"""Dream graphs of any network in int8: their gradient is nearly that of the float32 graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import Unavailable
from kiosk.forge.gradient.backward import add_gradient
from kiosk.forge.gradient.verify import open_plain
from kiosk.forge.precisions.coded.lower import needed, to_codes
from kiosk.forge.precisions.coded.stored import ranges_path, store_ranges, stored_ranges
from kiosk.forge.precisions.dream_ranges import Ranges

CHANNELS = 16
TAKEN = ("zero", "middle", "scale_one", "rows_columns")
"""Names of a network's constants that an int8 graph might use itself."""


class Drawn:
    """Draws a network, node by node; its convolutions have random weights."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value: np.ndarray) -> str:
        number = len(self._weights)
        name = TAKEN[number] if number < len(TAKEN) else f"constant{number}"
        self._weights.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def conv(self, x: str, side: int = 3, inputs: int = CHANNELS, group: int = 1, **attributes: object) -> str:
        shape = (CHANNELS, inputs // group, side, side)
        weight = self._random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        bias = self.constant(self._random.normal(0, 0.1, CHANNELS))
        return self.op("Conv", x, self.constant(weight), bias, pads=[side // 2] * 4, group=group, **attributes)

    def first(self) -> str:
        """The picture, around 0 and with deviation 1, and the first convolution, which is on floats."""
        scaled = self.op("Mul", self.op("Sub", "image", self.constant(np.array(128))), self.constant(np.array(1 / 64)))
        return self.op("Relu", self.conv(scaled, inputs=3))

    def network(self, layer: str) -> onnx.ModelProto:
        picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
        output = helper.make_tensor_value_info(layer, TensorProto.FLOAT, [1, None, None, None])
        graph = helper.make_graph(self._nodes, "drawn", [picture], [output], self._weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def chain(draw: Drawn) -> str:
    x = draw.op("Relu", draw.conv(draw.first(), strides=[2, 2]))
    return draw.op("Relu", draw.conv(x, side=1))


def residual(draw: Drawn) -> str:
    x = draw.op("MaxPool", draw.first(), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = draw.conv(draw.op("Relu", draw.conv(x)))
    x = draw.op("Relu", draw.op("Add", y, x))
    y = draw.conv(draw.op("Relu", draw.conv(x, strides=[2, 2])))
    return draw.op("Relu", draw.op("Add", y, draw.conv(x, side=1, strides=[2, 2])))


def branches(draw: Drawn) -> str:
    x = draw.op("Relu", draw.conv(draw.first()))
    x = draw.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    pooled = draw.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    mean = draw.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    parts = [draw.op("Relu", draw.conv(each, side)) for each, side in ((x, 3), (pooled, 1), (mean, 1))]
    joined = draw.op("Concat", *parts, axis=1)
    return draw.op("Relu", draw.conv(joined, side=1, inputs=3 * CHANNELS))


def pools(draw: Drawn) -> str:
    x = draw.op("MaxPool", draw.first(), kernel_shape=[2, 2], strides=[2, 2])
    x = draw.op("MaxPool", draw.op("Relu", draw.conv(x)), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return draw.op("Relu", draw.conv(x))


def inverted(draw: Drawn) -> str:
    bounds = [draw.constant(np.array(bound)) for bound in (0, 6)]
    x = draw.conv(draw.first(), side=1)
    y = draw.op("Clip", draw.conv(x, side=1), *bounds)
    y = draw.op("Clip", draw.conv(y, group=CHANNELS), *bounds)
    return draw.op("Add", draw.conv(y, side=1), x)


def gates(draw: Drawn) -> str:
    x = draw.conv(draw.first(), strides=[2, 2])
    x = draw.op("Mul", x, draw.op("Sigmoid", x))
    gate = draw.op("Sigmoid", draw.conv(draw.op("GlobalAveragePool", x), side=1))
    return draw.op("Relu", draw.conv(draw.op("Mul", x, gate)))


def picture(height: int, width: int) -> np.ndarray:
    smooth = np.random.default_rng(1).normal(0, 1, (1, 3, height, width)).cumsum(2).cumsum(3)
    return np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.float32)


def ranges_of(graph: onnx.ModelProto, forward: onnx.ModelProto, image: np.ndarray) -> Ranges:
    """The largest values on one picture."""
    wanted = needed(graph, forward)
    names = list(dict.fromkeys([*wanted.activations, *wanted.gradients, *sum(wanted.gradients.values(), ())]))
    traced = onnx.ModelProto()
    traced.CopyFrom(graph)
    traced.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    found = dict(zip(names, open_plain(traced).run(names, {"image": image}), strict=True))
    size = {name: float(np.sqrt(np.square(found[name]).mean())) for name in names}
    return Ranges(
        {name: np.abs(found[name][0]).max((1, 2)) for name in wanted.activations},
        {
            name: float(np.abs(found[name]).max()) / sum(size[source] for source in sources)
            for name, sources in wanted.gradients.items()
        },
    )


@pytest.mark.parametrize("size", [(64, 64), (75, 93)], ids=str)
@pytest.mark.parametrize("kind", [chain, residual, branches, pools, inverted, gates])
def test_the_gradient_in_int8_points_where_that_in_float32_does(kind, size: tuple[int, int]) -> None:
    draw = Drawn()
    layer = kind(draw)
    forward = draw.network(layer)
    graph = add_gradient(forward, {layer: 1.0})
    coded = to_codes(graph, forward, ranges_of(graph, forward, picture(*size)))
    assert sum(node.op_type == "QLinearConv" for node in coded.graph.node) >= 4
    assert not any(node.op_type == "ScatterElements" for node in coded.graph.node)
    exact, close = (
        open_plain(each).run(["gradient", "objective"], {"image": picture(*size)}) for each in (graph, coded)
    )
    assert close[1] == pytest.approx(float(np.asarray(exact[1])), rel=0.05)
    one, other = (np.asarray(each[0]).astype(np.float64).ravel() for each in (exact, close))
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.9


def test_ranges_are_found_again_and_missing_or_damaged_ones_are_refused(tmp_path: Path) -> None:
    path = ranges_path(tmp_path, "mine", 'a "layer"/0')
    path.parent.mkdir(parents=True)
    store_ranges(path, Ranges({'x "1"': np.array([1.5, 0.25])}, {"dx": 4.0}))
    found = stored_ranges(tmp_path, "mine", 'a "layer"/0')
    np.testing.assert_array_equal(found.activations['x "1"'], [1.5, 0.25])
    assert found.gradients == {"dx": 4.0}
    with pytest.raises(Unavailable, match="mine has no int8 ranges for other"):
        stored_ranges(tmp_path, "mine", "other")
    path.write_text("[]")
    with pytest.raises(Unavailable, match="is damaged; import mine again"):
        stored_ranges(tmp_path, "mine", 'a "layer"/0')
