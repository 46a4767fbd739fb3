"""How to enlarge is found out by measuring, once."""

import dataclasses
import json
import subprocess
import sys

import pytest

from kiosk.errors import Unavailable
from kiosk.nets.engine import compiled
from kiosk.nets.engine.compiled import CompiledGraph, openvino_installed
from kiosk.planning import upscale_precision
from kiosk.planning.precision import BOOK, read_book
from kiosk.planning.upscale_precision import decided, graphs_of, ways
from kiosk.recipes.recipe import UpscaleRecipe


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture
def folder(graphs):
    """The graphs, with nothing measured yet."""
    (graphs / BOOK).unlink(missing_ok=True)
    return graphs


@pytest.mark.slow
def test_every_auto_is_decided_and_the_choice_is_kept(folder, monkeypatch):
    first = decided(folder, UpscaleRecipe())
    assert "auto" not in (first.precision, first.engine)
    (measured,) = read_book(folder).values()
    assert measured["fastest"] == f"{first.precision} {first.engine}"
    assert measured["seconds"][measured["fastest"]] == min(measured["seconds"].values())
    monkeypatch.setattr(upscale_precision, "_times", lambda *_: pytest.fail("measured again"))
    assert decided(folder, UpscaleRecipe()) == first


def test_what_is_asked_for_is_not_measured(folder, monkeypatch):
    monkeypatch.setattr(upscale_precision, "_times", lambda *_: pytest.fail("measured"))
    asked = UpscaleRecipe(precision="fp32")
    assert decided(folder, asked) == dataclasses.replace(asked, engine="onnxruntime")


def test_the_slower_way_is_not_taken(folder, monkeypatch):
    monkeypatch.setattr(
        upscale_precision, "_times", lambda _, paths, __: {way: 1.0 + (way[0] != "fp32") for way in paths}
    )
    assert decided(folder, UpscaleRecipe()).precision == "fp32"


def test_eight_bits_that_compute_something_else_do_not_qualify(folder, monkeypatch):
    opened = upscale_precision._opened

    def overflowing(way, graph, image):
        run = opened(way, graph, image)
        return run if way[0] == "fp32" else lambda: run() + 0.1

    monkeypatch.setattr(upscale_precision, "_opened", overflowing)
    assert decided(folder, UpscaleRecipe()).precision == "fp32"


def test_a_way_that_does_not_run_here_is_left_out(folder, monkeypatch):
    opened = upscale_precision._opened

    def broken(way, graph, image):
        if way[0] == "int8":
            raise RuntimeError("no such instruction")
        return opened(way, graph, image)

    monkeypatch.setattr(upscale_precision, "_opened", broken)
    assert decided(folder, UpscaleRecipe()).precision == "fp32"


def test_without_openvino_onnx_runtime_does_everything(monkeypatch):
    monkeypatch.setattr(upscale_precision, "openvino_installed", lambda: False)
    assert ways(UpscaleRecipe()) == (("int8", "onnxruntime"), ("fp32", "onnxruntime"))
    assert [spec.precision for spec in graphs_of(UpscaleRecipe(precision="fp32"), "photo")] == ["fp32"]


def test_openvino_asked_for_and_missing_is_said(monkeypatch):
    monkeypatch.setattr(compiled, "openvino_installed", lambda: False)
    with pytest.raises(Unavailable, match="pip install openvino"):
        CompiledGraph(b"", height=8, width=8)


@pytest.mark.skipif(not openvino_installed(), reason="OpenVINO is not installed")
def test_what_is_no_graph_is_said(tmp_path):
    (tmp_path / "graph.onnx").write_bytes(b"nothing")
    with pytest.raises(Unavailable, match=r"graph\.onnx"):
        CompiledGraph(tmp_path / "graph.onnx", height=8, width=8)


@pytest.mark.skipif(not openvino_installed(), reason="OpenVINO is not installed")
def test_nobody_is_told_that_openvino_is_used():
    watched = """
import sys
calls = []
sys.addaudithook(lambda event, _: calls.append(event) if event.startswith("socket.") else None)
from kiosk.nets.engine.compiled import CompiledGraph
try:
    CompiledGraph(b"", height=8, width=8)
except Exception:
    pass
import atexit, json, threading, time
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(60)
print(json.dumps(["openvino" in sys.modules, calls]))
"""
    out = subprocess.run([sys.executable, "-c", watched], check=True, capture_output=True, text=True).stdout
    loaded, calls = json.loads(out)
    assert loaded
    assert calls == []
