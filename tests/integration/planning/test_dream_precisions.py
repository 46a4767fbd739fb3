"""The dream graphs of the networks themselves in every precision, and the choice between them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from kiosk.errors import Unavailable
from kiosk.forge.build import GraphSpec, dream_spec, ensure_graph, ranges_file
from kiosk.nets.dreaming.dream import BrokenGradient, dream
from kiosk.nets.dreaming.gradient import TileRunner
from kiosk.planning.precision import BOOK, QUALIFIED, dream_graph_for, precisions
from kiosk.recipes import catalog
from kiosk.recipes.from_wishes import recipe_for_style
from kiosk.recipes.recipe import DreamRecipe
from kiosk.scenery.camera import photograph
from kiosk.scenery.scenes import make_scene
from tests.saturation import needs_exact_sums

LAYERS = (("fire8", 1.0),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """Hills of many sizes under a brighter sky, uint8 [256, 512, 3], seamless at the sides."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:256, 0:512] / 256 * np.pi
    picture = np.zeros((256, 512, 3))
    for scale in (1, 2, 4, 8, 16, 32):
        for channel in range(3):
            a, b = rng.uniform(0, 2 * np.pi, 2)
            wave = np.sin(rows * scale * rng.uniform(0.7, 1.3) + a) * np.sin(columns * scale + b)
            picture[..., channel] += wave / scale**0.7
    boulders = np.kron(rng.uniform(-60, 60, (32, 64, 3)), np.ones((8, 8, 1)))
    return np.clip(128 + 50 * picture + 30 * np.cos(rows)[..., None] + boulders, 0, 255).astype(np.uint8)


def tile_gradient(folder: Path, network: str, layer: str, precision: str, photo: np.ndarray) -> np.ndarray:
    path = ensure_graph(folder, GraphSpec(network, precision, ((layer, 1.0),)))  # type: ignore[arg-type]
    return TileRunner(path, providers=["CPUExecutionProvider"])(photo[:224, :224].astype(np.float32))


@pytest.mark.parametrize(
    ("network", "layer"),
    [("squeezenet", "fire8"), ("efficientnet-lite0", "expand5"), ("efficientnet-lite0", "block10")],
    ids=["fire8", "expand5", "block10"],
)
@pytest.mark.parametrize(("precision", "least"), [("fp16", 0.98), ("int8", 0.5), ("qdq", 0.4)])
def test_gradients_of_every_precision_point_the_same_way(
    folder: Path, photo: np.ndarray, network: str, layer: str, precision: str, least: float
) -> None:
    if precision == "int8":
        needs_exact_sums()
    wanted, found = (tile_gradient(folder, network, layer, p, photo) for p in ("fp32", precision))
    cosine = (wanted * found).sum() / np.linalg.norm(wanted) / np.linalg.norm(found)
    assert cosine > least


@pytest.mark.slow
@pytest.mark.parametrize(("network", "layer"), [("squeezenet", "fire8"), ("efficientnet-lite0", "expand10")])
def test_an_int8_dream_reaches_about_what_a_float_one_reaches(folder: Path, network: str, layer: str) -> None:
    needs_exact_sums()
    # Seeds differ by a fifth among themselves; the figure over many is tests/bench's, this is a guard.
    scene = photograph(make_scene("plaza", 0, 18.3), 512)
    layers = ((layer, 1.0),)
    graphs = {p: ensure_graph(folder, GraphSpec(network, p, layers)) for p in ("fp32", "int8")}
    recipe = DreamRecipe(network=network, layers=layers, width=512, octaves=2)
    reached = {
        precision: [
            dream(scene, dataclasses.replace(recipe, seed=seed), graph, judge=graphs["fp32"]).objective[1]
            for seed in range(3)
        ]
        for precision, graph in graphs.items()
    }
    assert np.mean(reached["int8"]) > 0.8 * np.mean(reached["fp32"])


def test_the_fastest_precision_is_measured_once_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, path = dream_graph_for(folder, GraphSpec("squeezenet", "fp32", LAYERS), "auto")
    kept = json.loads((folder / BOOK).read_text())
    (book,) = kept.values()
    (entry,) = book.values()
    assert entry["fastest"] == first.precision
    assert set(entry["seconds"]) == set(precisions("auto"))
    monkeypatch.setattr("kiosk.planning.precision.tile_times", lambda paths: pytest.fail("measured again"))
    assert dream_graph_for(folder, GraphSpec("squeezenet", "fp32", LAYERS), "auto") == (first, path)


def test_several_layers_at_once_are_dreamed_in_float32(folder: Path) -> None:
    both = (("fire4", 1.0), ("fire8", 0.5))
    assert dream_graph_for(folder, GraphSpec("squeezenet", "fp32", both), "auto")[0].precision == "fp32"
    with pytest.raises(Unavailable):
        dream_graph_for(folder, GraphSpec("squeezenet", "fp32", both), "int8")


def test_every_layer_that_a_style_dreams_alone_has_ranges() -> None:
    # conv1 is dreamed in float32: one convolution, and no pool, leave nothing to gain.
    known = catalog.load()
    fp32_only = {network.name for network in known.networks if network.archive}
    dreams = [recipe_for_style(style.name) for style in known.styles if style.network not in fp32_only]
    used = {ranges_file(dream_spec(dream)) for dream in dreams if len(dream.layers) == 1}
    assert [file.name for file in used if not file.is_file() and file.stem != "squeezenet-conv1"] == []


@pytest.mark.parametrize(("network", "layer", "residual"), sorted(QUALIFIED))
def test_every_dream_that_qualifies_has_ranges(network: str, layer: str, residual: float) -> None:
    assert layer in catalog.load().network(network).layers
    assert ranges_file(GraphSpec(network, "int8", ((layer, 1.0),), residual=residual)).is_file()


def test_a_gradient_that_is_not_finite_is_an_error(folder: Path, photo: np.ndarray) -> None:
    model = onnx.load(ensure_graph(folder, GraphSpec("squeezenet", "int8", LAYERS)))
    scale = next(t for t in model.graph.initializer if t.name == "picture/range")
    scale.CopyFrom(onnx.numpy_helper.from_array(np.float32(np.nan).reshape(()), scale.name))
    recipe = dataclasses.replace(DreamRecipe(), width=256, iterations=1)
    with pytest.raises(BrokenGradient):
        dream(photo, recipe, model.SerializeToString())
