"""The memory a dream is expected to take, and what a limit makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from kiosk.errors import BadInput
from kiosk.nets.engine import memory
from kiosk.nets.engine.memory import (
    SMALLEST_TILE,
    TILE_MB,
    bytes_per_pixel,
    largest_tile,
    needed_mb,
    threads_within,
    weights_mb,
)


@pytest.mark.parametrize(
    ("width", "threads", "measured"),
    # Peak RSS of whole processes that decode a photo and dream it with EfficientNet-Lite0's expand10 in float32 (16384:
    # SqueezeNet's fire8 in int8). SqueezeNet takes up to 60 MB less.
    [(1024, 1, 257), (1024, 2, 288), (2048, 1, 286), (2048, 2, 339), (4096, 2, 485), (8192, 2, 893), (16384, 2, 2910)],
)
def test_the_estimate_is_what_was_measured_or_somewhat_more(width: int, threads: int, measured: float) -> None:
    assert 0.9 * measured < needed_mb(width, width // 2, threads) < 1.25 * measured


def test_a_limit_costs_threads_before_it_is_refused() -> None:
    assert threads_within(None, 2048, 1024, 8) == 8
    assert threads_within(10_000, 2048, 1024, 8) == 8
    assert threads_within(needed_mb(2048, 1024, 3) + 1, 2048, 1024, 8) == 3


def test_heavy_weights_cost_threads_too() -> None:
    """Inception's graph of 45 MB took 390 MB with one thread; all figures were measured with graphs of up to 5 MB."""
    assert weights_mb(bytes(5_000_000)) == 0
    heavy = weights_mb(bytes(45_000_000))
    assert 390 <= needed_mb(2048, 1024, 1, heavy) <= 400
    assert threads_within(400, 2048, 1024, 2) == 2
    assert threads_within(400, 2048, 1024, 2, heavy) == 1
    with pytest.raises(BadInput, match="needs"):
        threads_within(380, 2048, 1024, 2, heavy)


def test_too_little_says_what_would_do() -> None:
    with pytest.raises(BadInput, match=r"needs (\d+) MB") as caught:
        threads_within(100, 2048, 1024, 2)
    least = int(str(caught.value).split("needs ")[1].split()[0])
    assert threads_within(least, 2048, 1024, 2) == 1


def chain(*channels: int) -> bytes:
    """A graph of 1x1 convolutions with so many channels, the last one added to the first one's output."""
    nodes, weights, name, before = [], [], "image", 3
    for number, count in enumerate(channels):
        weights.append(numpy_helper.from_array(np.zeros((count, before, 1, 1), np.float32), f"w{number}"))
        nodes.append(helper.make_node("Conv", [name, f"w{number}"], [f"x{number}"]))
        # Keeps ONNX Runtime from folding two convolutions into one.
        nodes.append(helper.make_node("Sigmoid", [f"x{number}"], [f"y{number}"]))
        name, before = f"y{number}", count
    nodes.append(helper.make_node("Add", [name, "y0"], ["sum"]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


def test_what_lives_at_the_same_time_is_counted_and_no_more(tmp_path: Path) -> None:
    # Most is alive at the second sigmoid: its input and output, and the first one's output for the sum.
    assert bytes_per_pixel(chain(8, 32, 8)) == 4 * (8 + 32 + 32)
    file = tmp_path / "graph.onnx"
    file.write_bytes(chain(8, 32, 8))
    assert bytes_per_pixel(file) == 4 * (8 + 32 + 32)
    file.write_bytes(chain(8, 64, 8))
    assert bytes_per_pixel(file) == 4 * (8 + 64 + 64)


def test_weights_are_not_needed_to_count(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = bytes_per_pixel(chain(8, 512, 8))
    monkeypatch.setattr(memory, "MANY", 10**9)
    assert counted == bytes_per_pixel(chain(8, 512, 8)) == 4 * (8 + 512 + 512)


def test_a_hungry_network_gets_smaller_tiles() -> None:
    assert largest_tile(2048) == largest_tile(2048, 300) == 336
    assert largest_tile(8192) == largest_tile(8192, 300) == 256
    for each in (800, 1600, 3200):
        assert TILE_MB * 0.8 < each * largest_tile(2048, each) ** 2 / 1e6 <= TILE_MB
    assert largest_tile(8192, 50_000) == SMALLEST_TILE
