"""The graphs that a kiosk makes before it opens, and which of them a photo gets."""

from __future__ import annotations

import pytest

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.planning.graphs import frozen, missing, offered, prepare
from kiosk.planning.wanted import wanted_recipe
from kiosk.recipes.available import available_styles
from kiosk.settings import Dream


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["auto", "int8", "fp16", "fp32"])
def test_a_kiosk_opens_with_every_style_whatever_the_precision(tmp_path, precision):
    settings = Dream(precision=precision)
    assert missing(tmp_path, settings)
    prepare(tmp_path, settings)
    assert missing(tmp_path, settings) == []
    before = set(tmp_path.glob("*.onnx"))
    for style in available_styles(tmp_path):
        frozen(tmp_path, wanted_recipe(settings, style.name))
    assert set(tmp_path.glob("*.onnx")) == before


@pytest.mark.slow
def test_a_layer_without_int8_is_dreamed_in_float32(tmp_path, caplog):
    settings = Dream(precision="int8")
    used = {
        style.name: frozen(tmp_path, wanted_recipe(settings, style.name)).dream.precision
        for style in available_styles(tmp_path)
    }
    assert used["dogs"] == "int8"
    assert used["neon"] == "fp32"
    assert "dreaming in fp32" in caplog.text


@pytest.mark.slow
def test_progress_is_told_for_every_graph(tmp_path):
    told = []
    prepare(tmp_path, Dream(), lambda done, total, label: told.append((done, total, label)))
    total = len(offered(tmp_path, Dream()))
    assert [done for done, _, _ in told] == list(range(total + 1))
    assert {number for _, number, _ in told} == {total}
    assert all(label for _, _, label in told[:-1])
    assert told[-1][2] == ""


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_graph_is_built_again(tmp_path, damage):
    spec = GraphSpec("squeezenet", "fp32", (("fire4", 1.0),))
    path = ensure_graph(tmp_path, spec)
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-999] if damage == "cut" else whole[:5000] + b"?" + whole[5001:])
    assert ensure_graph(tmp_path, spec) == path
    assert path.read_bytes() == whole
