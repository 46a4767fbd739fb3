"""dreamkiosk models atlas: the sheet of a layer's strongest channels, and dreaming with one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from kiosk.cli import main

LAYERS = ("Relu_1:0", "Relu_2:0")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an imported network, whose layers are called as TensorFlow calls them."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(1)
    weights = {
        "w1": random.normal(0, 0.05, (8, 3, 3, 3)),
        "w2": random.normal(0, 0.15, (6, 8, 3, 3)),
    }
    nodes = [
        helper.make_node("Conv", ["data", "w1"], ["z1"], strides=[2, 2]),
        helper.make_node("Relu", ["z1"], [LAYERS[0]]),
        helper.make_node("Conv", [LAYERS[0], "w2"], ["z2"]),
        helper.make_node("Relu", ["z2"], [LAYERS[1]]),
    ]
    graph = helper.make_graph(
        nodes,
        "colons",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info(LAYERS[1], TensorProto.FLOAT, [1, 6, 29, 29])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.save(model, folder / "colons.onnx")
    call(folder, "models", "import", folder / "colons.onnx", "--name", "colons")
    return folder


def call(folder: Path, *arguments: object) -> int:
    try:
        main(["--data", str(folder), *map(str, arguments)])
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = call(folder, *arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 256, 3), np.uint8)).save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("network", "layer"), [("colons", LAYERS[1]), ("squeezenet", "fire4")])
def test_the_strongest_channels_are_listed_and_drawn(
    run: Run, photo: Path, tmp_path: Path, network: str, layer: str
) -> None:
    sheet = tmp_path / "sheet.png"
    given = ("--layer", layer, "--count", 3, "--photo", photo, "--width", 128, "--out", sheet, "--json")
    code, out, err = run("models", "atlas", network, *given)
    assert code == 0, err
    rows = json.loads(out)
    assert [row.keys() for row in rows] == [{"channel", "strength"}] * 3
    strengths = [row["strength"] for row in rows]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] > 0
    with Image.open(sheet) as drawn:
        assert drawn.width > 4 * 128
    code, _, err = run(
        *("dream", photo, tmp_path / "dream.png", "--width", 256, "--iterations", 1, "--model", network),
        *("--channel", f"{layer}:{rows[0]['channel']}"),
    )
    assert code == 0, err


@pytest.mark.slow
def test_a_sheet_without_a_name_is_called_like_its_layer(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("models", "atlas", "colons", "--layer", LAYERS[0], "--count", 1, "--width", 128)[0] == 0
    assert (tmp_path / "colons-Relu_1_0.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("colons", "--layer", "Relu_3:0"), "has no layer"),
        (("photo", "--layer", "fire8"), "not a dream network"),
        (("nothing", "--layer", "fire8"), "no network is called"),
        (("colons", "--layer", LAYERS[0], "--out", "sheet.xyz"), "should end in"),
        (("colons", "--layer", LAYERS[0], "--photo", "nowhere.jpg"), "cannot read"),
        (("colons",), "--layer"),
        (("colons", "--layer", LAYERS[0], "--count", "0"), "--count"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run("models", "atlas", *arguments)
    assert (code, out, said in err, len(err.splitlines())) == (2, "", True, 1), err


def test_a_photo_that_excites_nothing_is_refused(run: Run, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((128, 256, 3), np.uint8)).save(tmp_path / "dark.png")
    code, _, err = run("models", "atlas", "colons", "--layer", LAYERS[0], "--photo", tmp_path / "dark.png")
    assert (code, "excites" in err) == (2, True)
