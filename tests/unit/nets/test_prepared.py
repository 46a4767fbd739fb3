"""Graphs kept as ONNX Runtime prepared them: opened again they compute the same, and a damaged one is made again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from kiosk.errors import Unavailable
from kiosk.nets.engine import fallbacks, prepared
from kiosk.nets.engine.session import open_session

CPU = ["CPUExecutionProvider"]
IMAGE = np.random.default_rng(0).random((1, 3, 40, 48), np.float32)


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A convolution of a picture of free size, in a file of its own folder."""
    monkeypatch.setattr(prepared, "LEAST_FREE", 0)  # the tests' own disk may be nearly full
    weights = np.random.default_rng(1).standard_normal((16, 3, 3, 3)).astype(np.float32)
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Conv", ["image", "weights"], ["sums"], pads=[1, 1, 1, 1]),
                helper.make_node("Relu", ["sums"], ["out"]),
            ],
            "net",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(weights, "weights")],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    path = tmp_path / "graphs" / "net.onnx"
    path.parent.mkdir()
    onnx.save(model, path)
    return path


def answer(graph: Path) -> np.ndarray:
    session = open_session(graph, height=40, width=48, threads=1, providers=CPU)
    return np.asarray(session.run(None, {"image": IMAGE})[0])


def kept(graph: Path) -> list[Path]:
    folder = graph.parent / prepared.FOLDER
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_what_was_kept_computes_the_same_bits(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = answer(graph)
    (file,) = kept(graph)
    assert "48x40" in file.name
    monkeypatch.setattr(prepared, "_keep", lambda *_: pytest.fail("prepared again"))
    np.testing.assert_array_equal(answer(graph), first)


def test_every_size_has_its_own(graph: Path) -> None:
    answer(graph)
    open_session(graph, height=48, width=40, threads=1, providers=CPU)
    assert len(kept(graph)) == 2


@pytest.mark.parametrize("length", [0, 100, None], ids=["empty", "cut short", "a bit turned"])
def test_a_damaged_one_is_made_again(graph: Path, length: int | None) -> None:
    first = answer(graph)
    (file,) = kept(graph)
    whole = file.read_bytes()
    damaged = bytearray(whole[:length])
    if length is None:
        damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    np.testing.assert_array_equal(answer(graph), first)
    assert file.read_bytes() == whole


def test_one_that_cannot_be_opened_gives_way_to_the_graph(graph: Path) -> None:
    first = answer(graph)
    (file,) = kept(graph)
    nonsense = b"no graph"
    file.write_bytes(nonsense + prepared.hashlib.sha256(nonsense).digest())
    np.testing.assert_array_equal(answer(graph), first)
    assert not file.read_bytes().startswith(nonsense)


def test_a_graph_that_was_built_again_is_prepared_again(graph: Path) -> None:
    before = answer(graph)
    model = onnx.load(graph)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((16, 3, 3, 3), np.float32), "weights"))
    onnx.save(model, graph)
    assert np.abs(answer(graph) - before).max() > 1


def expected(graph: Path) -> np.ndarray:
    """What the graph computes, by ONNX's own reference."""
    return np.asarray(ReferenceEvaluator(onnx.load(graph)).run(None, {"image": IMAGE})[0])


def test_where_nothing_can_be_kept_the_graph_is_opened_all_the_same_and_that_is_shown(graph: Path) -> None:
    (graph.parent / prepared.FOLDER).write_text("a file in the folder's place")
    fallbacks.take()
    np.testing.assert_allclose(answer(graph), expected(graph), atol=1e-5)
    assert (graph.parent / prepared.FOLDER).read_text() == "a file in the folder's place"
    (sentence,) = fallbacks.take().values()
    assert "Nothing can be written" in sentence
    assert str(graph.parent) not in sentence, "guests can read it"


def test_the_last_of_a_disk_is_left_to_photos_and_that_is_shown(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "LEAST_FREE", prepared.free_bytes(graph.parent) * 2)
    fallbacks.take()
    np.testing.assert_allclose(answer(graph), expected(graph), atol=1e-5)
    assert not kept(graph)
    (sentence,) = fallbacks.take().values()
    assert "nearly full" in sentence


def test_where_all_is_well_nothing_is_shown(graph: Path) -> None:
    fallbacks.take()
    np.testing.assert_allclose(answer(graph), expected(graph), atol=1e-5)
    assert fallbacks.take() == {}


def test_one_just_kept_stays_though_the_clock_went_back(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(graph)
    (older,) = kept(graph)
    os.utime(older, (4e9, 4e9))
    monkeypatch.setattr(prepared, "MOST_BYTES", older.stat().st_size + 100)
    open_session(graph, height=48, width=48, threads=1, providers=CPU)
    (newer,) = kept(graph)
    assert newer != older


def test_the_oldest_go_first(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(graph)
    (oldest,) = kept(graph)
    monkeypatch.setattr(prepared, "MOST_BYTES", 2 * oldest.stat().st_size + 100)
    for height in (48, 56):
        open_session(graph, height=height, width=48, threads=1, providers=CPU)
    assert oldest not in kept(graph)
    assert len(kept(graph)) == 2


def test_a_missing_graph_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot open"):
        open_session(tmp_path / "none.onnx", height=40, width=48, providers=CPU)
    assert not (tmp_path / prepared.FOLDER).exists()
