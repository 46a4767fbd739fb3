"""dreamkiosk models import --precision int8: calibrated on photos, compared with float32, and then dreamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from kiosk.planning import calibrated, precision
from tests.integration.cli.conftest import Run
from tests.integration.forge.weightless import with_weights

SMALL = ("--width", 256, "--octaves", 1, "--iterations", 2)
CHANNELS = 16


def network() -> onnx.ModelProto:
    """A chain of three convolutions with ReLUs."""
    random, nodes, weights, last = np.random.default_rng(3), [], [], "data"
    for number in range(3):
        inputs = CHANNELS if number else 3
        weight = random.normal(0, np.sqrt(2 / (9 * inputs)), (CHANNELS, inputs, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{number}"))
        nodes.append(helper.make_node("Conv", [last, f"w{number}"], [f"z{number}"], pads=[1] * 4, strides=[2, 2]))
        nodes.append(helper.make_node("Relu", [f"z{number}"], [last := f"layer/{number}"]))
    nodes += [helper.make_node("GlobalAveragePool", [last], ["means"]), helper.make_node("Flatten", ["means"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CHANNELS])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two photos and a note."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        coarse = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    (folder / "note.txt").write_text("not a photo")
    return folder


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], None]:
    """Sets the seconds that a tile takes in int8 and in float32: what is faster is this machine's business."""

    def speed(int8: float, float32: float) -> None:
        for module in (calibrated, precision):
            monkeypatch.setattr(module, "tile_times", lambda paths: [int8, float32])

    return speed


def imported(run: Run, tmp_path: Path, *options: object) -> tuple[int, str, str]:
    onnx.save(network(), tmp_path / "chain.onnx")
    return run("models", "import", tmp_path / "chain.onnx", "--name", "chain", *options, "--precision", "int8")


@pytest.mark.slow
def test_a_calibrated_layer_dreams_in_int8_and_others_do_not(
    run: Run, tmp_path: Path, photos: Path, speed: Callable[[float, float], None]
) -> None:
    speed(1.0, 2.0)
    photo = photos / "0.png"
    code, out, err = imported(run, tmp_path, "--photo", photos, "--photo", photo, "--layers", "layer/1", "--json")
    assert code == 0, err
    found = json.loads(out)["int8"]
    assert list(found) == ["layer/1"]
    assert found["layer/1"]["refused"] is None
    assert found["layer/1"]["objective"] >= 0.97
    assert "int8: layer/1 reaches" in err
    assert "2 times as fast" in err
    dream = ("dream", photo, tmp_path / "dream.png", "--model", "chain", "--layer", "layer/1", *SMALL, "--json")
    for options in (["--precision", "int8"], []):
        code, out, err = run(*dream, *options)
        assert code == 0, err
        assert json.loads(out)["precision"] == "int8"
    # Importing it again without int8 forgets the ranges.
    assert run("models", "import", tmp_path / "chain.onnx", "--name", "chain", "--photo", photo)[0] == 0
    code, _, err = run(*dream, "--precision", "int8")
    assert (code != 0, err.count("\n")) == (True, 1)
    assert "chain has no int8 ranges for layer/1" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "seconds", "reason"),
    [(0.9, 1.0, "it reaches 90.0% of float32's objective, of which 97% are needed"), (1.0, 4.0, "it takes 2 times as")],
    ids=["worse", "slower"],
)
def test_what_is_worse_or_slower_than_float32_is_not_offered(
    run: Run,
    tmp_path: Path,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    speed: Callable[[float, float], None],
    share: float,
    seconds: float,
    reason: str,
) -> None:
    speed(seconds, 2.0)
    monkeypatch.setattr(calibrated, "_share", lambda *_: share)
    code, _, err = imported(run, tmp_path, "--photo", photos, "--layers", "layer/1")
    assert code == 0
    (line,) = [line for line in err.splitlines() if line.startswith("int8:")]
    assert line.startswith(f"int8: layer/1 is not offered: {reason}")
    dream = ("dream", photos / "0.png", tmp_path / "dream.png", "--model", "chain", "--layer", "layer/1", *SMALL)
    code, _, err = run(*dream, "--precision", "int8")
    assert code != 0
    assert "chain has no int8 ranges for layer/1" in err


@pytest.mark.slow
def test_a_layer_that_fails_in_int8_is_named_and_the_others_follow(
    run: Run, tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(forward: object, layer: str, *_: object) -> None:
        raise RuntimeError(f"no kernel for {layer}\nand much more")

    monkeypatch.setattr(calibrated, "calibrate", fails)
    code, _, err = imported(run, tmp_path, "--photo", photos, "--layers", "layer/1,layer/2")
    assert code == 0
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("int8:")]
    assert lines == [
        f"int8: {layer} is not offered: it does not run here (no kernel for {layer})"
        for layer in ("layer/1", "layer/2")
    ]


@pytest.mark.slow
def test_a_residual_network_keeps_its_objective(
    run: Run, tmp_path: Path, photos: Path, speed: Callable[[float, float], None]
) -> None:
    speed(1.0, 2.0)
    onnx.save(with_weights("resnet18-new"), tmp_path / "resnet.onnx")
    prepared = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", "--layers", "relu_5", "--photo", photos)
    code, out, err = run(
        *("models", "import", tmp_path / "resnet.onnx", "--name", "resnet", *prepared, "--precision", "int8", "--json")
    )
    assert code == 0, err
    assert json.loads(out)["int8"]["relu_5"]["objective"] >= 0.97


@pytest.mark.parametrize("missing", ["empty", "absent.jpg"])
def test_photos_that_are_missing_are_named_before_the_work(run: Run, tmp_path: Path, missing: str) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = imported(run, tmp_path, "--photo", tmp_path / missing)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert missing in err
