"""A network from an archive: built once, from a file or by npm, and offered only then."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.forge.archives import npm
from kiosk.forge.archives.build import keep, read_kept
from kiosk.forge.build import GraphSpec, ensure_graph, standard_graphs
from kiosk.forge.gradient.features import read_layers
from kiosk.forge.gradient.verify import open_plain
from kiosk.ops.processes import check_style
from kiosk.planning.graphs import offered
from kiosk.recipes import catalog
from kiosk.recipes.available import available_style, available_styles, forward_path
from kiosk.settings import Dream, Settings
from kiosk.storage import DataFolder
from tests.archives import offer
from tests.integration.cli.conftest import Run

REAL = os.environ.get("DREAMKIOSK_TEST_INCEPTION")


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").prepare()


def listed(run: Run) -> dict:
    code, out, _ = run("models", "list", "--json")
    assert code == 0
    return next(row for row in json.loads(out) if row["name"] == "inception")


def test_a_network_from_an_archive_is_built_from_a_file(
    run: Run, data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = offer(monkeypatch, tmp_path)
    assert not listed(run)["available"]
    assert listed(run)["package"] == "nsfwjs@4.4.0"
    code, out, said = run("models", "build", "inception", "--from", str(archive))
    assert (code, out) == (0, ""), said
    assert listed(run)["available"]
    assert len(listed(run)["graphs"]) == len(standard_graphs(data.graphs, "inception"))
    assert run("models", "path", "inception", "--layer", "mixed3")[0] == 0
    # Nothing is needed again, neither the file nor npm.
    archive.unlink()
    monkeypatch.setattr(npm, "_client", lambda: None)
    assert run("models", "build", "inception")[0] == 0
    # A damaged one is.
    forward_path(data.graphs, catalog.load().network("inception")).write_bytes(b"cut")
    code, _, said = run("models", "build", "inception")
    assert code == 1
    assert "no npm client" in said


def test_it_dreams(data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = offer(monkeypatch, tmp_path)
    keep(data.graphs, catalog.load().network("inception"), archive)
    graph = ensure_graph(data.graphs, GraphSpec("inception", "fp32", (("mixed3", 1.0), ("mixed5", 0.5))))
    image = np.random.default_rng(1).uniform(0, 255, (1, 3, 128, 128)).astype(np.float32)
    gradient, objective = open_plain(onnx.load(graph)).run(["gradient", "objective"], {"image": image})
    assert objective > 0
    assert np.abs(gradient).max() > 0


def test_its_styles_are_offered_only_where_it_is_built(
    run: Run, data: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = offer(monkeypatch, tmp_path)
    theirs = [style.name for style in catalog.load().styles if style.network == "inception"]
    settings = Settings(dream=Dream(style=theirs[0]))

    def names() -> set[str]:
        return {row["name"] for row in json.loads(run("styles", "--json")[1])}

    assert not names() & set(theirs)
    assert not any(spec.network == "inception" for spec in offered(data.graphs, Dream()))
    for ask in (lambda: available_style(data.graphs, theirs[0]), lambda: check_style(settings, data.graphs)):
        with pytest.raises(BadInput, match="models build inception"):
            ask()
    keep(data.graphs, catalog.load().network("inception"), archive)
    assert names() == {style.name for style in catalog.load().styles}
    assert {style.name for style in available_styles(data.graphs)} == names()
    assert any(spec.network == "inception" for spec in offered(data.graphs, Dream()))
    check_style(settings, data.graphs)


@pytest.mark.slow
def test_who_asks_for_it_by_name_hears_how_to_build_it(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (256, 128), (90, 120, 150)).save(photo)
    out = str(tmp_path / "out.png")
    style = next(style.name for style in catalog.load().styles if style.network == "inception")
    for asked in (
        ["dream", str(photo), out, "--style", style],
        ["dream", str(photo), out, "--model", "inception", "--layer", "mixed3"],
        ["dream", str(photo), out, "--layer", "mixed3"],
        ["styles", "--style", style],
        ["models", "path", "inception", "--layer", "mixed3"],
        ["models", "atlas", "inception", "--layer", "mixed3"],
    ):
        code, _, said = run(*asked)
        assert code == 2, asked
        assert "dreamkiosk models build inception" in said
        assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "nowhere.tgz"], "--from needs the NAME of a network that comes in an archive: inception"),
        (["squeezenet", "--from", "nowhere.tgz"], "--from needs the NAME"),
        (["inception", "--from", "nowhere.tgz"], "cannot read nowhere.tgz"),
        (["nothing"], "no network is called 'nothing'"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(run: Run, arguments: list[str], said: str) -> None:
    code, _, heard = run("models", "build", *arguments)
    assert code == 2
    assert said in heard
    assert len(heard.strip().splitlines()) == 1


@pytest.mark.slow
def test_one_network_is_built_without_the_others(run: Run, data: DataFolder) -> None:
    assert run("models", "build", "mtcnn-pnet")[0] == 0
    assert [path.name.split("-fp32")[0] for path in data.graphs.glob("*.onnx")] == ["mtcnn-pnet"]


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="DREAMKIOSK_TEST_INCEPTION does not name nsfwjs-4.4.0.tgz (npm pack nsfwjs@4.4.0)")
def test_the_published_archive_has_the_network_of_the_catalog(data: DataFolder) -> None:
    network = catalog.load().network("inception")
    keep(data.graphs, network, Path(str(REAL)))
    forward = read_kept(data.graphs, network)
    image = np.random.default_rng(2).uniform(0, 255, (1, 3, 160, 192)).astype(np.float32)
    layers = open_plain(read_layers(forward, list(network.layers))).run(list(network.layers), {"image": image})
    assert [layer.shape[1] for layer in layers] == [figures.channels for figures in network.layers.values()]
    # 50 convolutions and their biases; the picture's mean.
    assert sum(int(np.prod(tensor.dims)) for tensor in forward.graph.initializer) == 5_127_136 + 1
    # What Keras' InceptionV3 gives with these weights on this picture.
    means = [1.0661987, 0.6093605, 0.2655382, 0.3335202, 0.1494226, 0.1941814]
    assert [float(layer.mean()) for layer in layers] == pytest.approx(means, rel=1e-4)
