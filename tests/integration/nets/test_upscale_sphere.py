"""Enlarging on a sphere: no seam, no poles, no tiles, whatever way the photo is turned."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.dreaming.dream import Cancelled
from kiosk.nets.engine.compiled import OPENVINO, openvino_installed
from kiosk.nets.engine.session import open_session
from kiosk.nets.enlarging import upscale as module
from kiosk.nets.enlarging.upscale import upscale
from kiosk.recipes import catalog
from kiosk.recipes.recipe import UpscaleRecipe
from kiosk.sphere.padding import sphere_window


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    return lambda name, precision: ensure_graph(Path(folder), GraphSpec(name, precision))


def photo(height=48, width=96, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(1, height // 4), max(1, width // 4), 3), dtype=np.uint8)
    fine = rng.integers(-20, 20, (height, width, 3))
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return (smooth + fine).clip(0, 255).astype(np.uint8)


def on_engine(recipe, engine):
    """The recipe run by an engine; skips where it is not installed."""
    if engine == "openvino" and not openvino_installed():
        pytest.skip("OpenVINO is not installed")
    return dataclasses.replace(recipe, engine=engine)


ENGINES = ["onnxruntime", "openvino"]
CASES = [
    ("photo", "none", 2, "fp32", "onnxruntime"),
    ("photo", "1", 2, "int8", "onnxruntime"),
    ("photo", "none", 4, "int8", "openvino"),
    ("cunet", "none", 2, "fp32", "onnxruntime"),
    ("cunet", "none", 2, "int8", "onnxruntime"),
    pytest.param("cunet", "none", 2, "int8", "openvino", marks=pytest.mark.slow),
    ("cunet", "2", 1, "fp32", "onnxruntime"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "noise", "scale", "precision", "engine"), CASES)
@pytest.mark.parametrize("turn", [1, 50])
def test_a_turned_photo_gives_the_turned_result_to_the_last_bit(
    graphs, monkeypatch, network, noise, scale, precision, engine, turn
):
    monkeypatch.setattr(module, "TILE", 32)
    recipe = on_engine(UpscaleRecipe(scale, network, noise, precision=precision), engine)
    straight = upscale(photo(), recipe, graphs).picture
    turned = upscale(np.roll(photo(), turn, axis=1), recipe, graphs).picture
    assert np.array_equal(turned, np.roll(straight, turn * scale, axis=1))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_tiles_leave_no_trace(graphs, monkeypatch, precision, tta, engine):
    recipe = on_engine(UpscaleRecipe(tta=tta, precision=precision), engine)
    monkeypatch.setattr(module, "TILE", 128)
    whole = upscale(photo(), recipe, graphs).picture
    monkeypatch.setattr(module, "TILE", 20)
    tiled = upscale(photo(), recipe, graphs).picture
    if (engine, precision) == ("openvino", "fp32"):
        # On some processors it adds in another order for another size of tile: a value in 50,000 is rounded otherwise.
        wrong = np.abs(tiled.astype(int) - whole)
        assert wrong.max() <= 1
        assert (wrong > 0).mean() < 1e-3
    else:
        assert np.array_equal(tiled, whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_number_of_threads_makes_no_difference(graphs, monkeypatch, engine):
    monkeypatch.setattr(module, "TILE", 24)
    recipe = on_engine(UpscaleRecipe(precision="int8"), engine)
    alone, together = (upscale(photo(), recipe, graphs, threads=threads) for threads in (1, 3))
    assert np.array_equal(alone.picture, together.picture)
    assert (alone.provider == OPENVINO) == (engine == "openvino")


@pytest.mark.slow
def test_cunet_in_tiles_squeezes_over_the_whole_picture(graphs, monkeypatch):
    recipe = UpscaleRecipe(network="cunet", precision="fp32", flat=True)
    monkeypatch.setattr(module, "TILE", 128)
    whole = upscale(photo(), recipe, graphs).picture.astype(int)
    monkeypatch.setattr(module, "TILE", 16)
    tiled = upscale(photo(), recipe, graphs).picture.astype(int)
    assert np.abs(tiled - whole).max() <= 1
    # And the whole is what the network gives for the padded picture in one piece.
    border = catalog.load().network("cunet").border
    padded = np.pad(photo(), ((border,) * 2, (border,) * 2, (0, 0)), mode="edge")
    image = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32) / 255
    session = open_session(graphs("cunet", "fp32"))
    once = session.run(None, {"image": image})[0][0].transpose(1, 2, 0) * 255
    assert np.abs(whole - once.clip(0, 255)).max() <= 1


def test_the_context_of_a_sphere_is_the_other_side(graphs):
    sphere = upscale(photo(), UpscaleRecipe(precision="fp32"), graphs).picture
    border = 16
    height, width = photo().shape[:2]
    padded = sphere_window(photo(), -border, -border, height + 2 * border, width + 2 * border)
    flat = upscale(padded, UpscaleRecipe(precision="fp32", flat=True), graphs).picture
    assert np.array_equal(flat[2 * border : -2 * border, 2 * border : -2 * border], sphere)


@pytest.mark.parametrize("network", ["photo", "cunet"])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 5), (37, 23)])
def test_any_size_works(graphs, network, flat, shape):
    pixels = photo(*shape)
    result = upscale(pixels, UpscaleRecipe(network=network, precision="fp32", flat=flat), graphs).picture
    assert result.shape == (2 * shape[0], 2 * shape[1], 3)
    assert abs(result.mean() - pixels.mean()) < 25


def test_scale_4_is_twice_scale_2_and_removes_noise_once(graphs):
    once = upscale(photo(), UpscaleRecipe(2, noise="1", precision="int8"), graphs)
    twice = upscale(once.picture, UpscaleRecipe(2, precision="int8"), graphs)
    result = upscale(photo(), UpscaleRecipe(4, noise="1", precision="int8"), graphs)
    assert result.networks == ("photo-noise1", "photo")
    assert np.array_equal(result.picture, twice.picture)


@pytest.mark.slow
def test_turning_and_flipping_makes_no_difference_with_tta(graphs):
    recipe = UpscaleRecipe(tta=True, precision="fp32", flat=True)
    straight = upscale(photo(), recipe, graphs).picture.astype(int)
    turned = upscale(np.rot90(photo())[:, ::-1].copy(), recipe, graphs).picture[:, ::-1]
    assert np.abs(np.rot90(turned, -1) - straight).max() <= 1


def test_transparency_is_enlarged_and_hidden_colors_do_not_show(graphs):
    pixels = np.dstack([np.full((30, 40, 3), 200, np.uint8), np.full((30, 40), 255, np.uint8)])
    pixels[:, 20:] = 0
    result = upscale(pixels, UpscaleRecipe(precision="fp32", flat=True), graphs).picture
    assert result.shape == (60, 80, 4)
    seen = result[result[..., 3] > 128]
    assert np.abs(seen[:, :3].astype(int) - 200).max() < 12


def test_a_large_result_goes_to_a_file_and_is_the_same(graphs, monkeypatch, tmp_path):
    recipe = UpscaleRecipe(4, precision="int8")
    kept = upscale(photo(), recipe, graphs).picture
    monkeypatch.setattr(module, "HELD_IN_MEMORY", 0)
    mapped = upscale(photo(), recipe, graphs, scratch=tmp_path).picture
    assert np.array_equal(mapped, kept)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one_and_the_work_can_be_stopped(graphs, monkeypatch):
    monkeypatch.setattr(module, "TILE", 24)
    heard = []
    upscale(photo(), UpscaleRecipe(4, precision="int8"), graphs, progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1)
    with pytest.raises(Cancelled):
        upscale(photo(), UpscaleRecipe(precision="int8"), graphs, cancelled=lambda: True)


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_refused(graphs, bad):
    with pytest.raises(BadInput):
        upscale(bad, UpscaleRecipe(), graphs)
