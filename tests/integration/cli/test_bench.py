"""dreamkiosk bench, as a person runs it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from kiosk.cli import main
from kiosk.errors import KioskError
from kiosk.nets.dreaming.schedule import pixels, schedule
from kiosk.pipeline import bench as module
from kiosk.pipeline.bench import dream_speed, product_speed, publish_speed, upscale_speed
from kiosk.planning import upscale_precision
from kiosk.planning.timing import timed_picture
from kiosk.planning.wanted import wanted_recipe
from kiosk.settings import Dream


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def small(monkeypatch):
    """Pictures small enough for any machine; the figures are real all the same."""
    for name, value in (("DREAM_WIDTH", 256), ("UPSCALE_WIDTH", 64), ("PUBLISH_WIDTH", 512), ("PRODUCT", 128)):
        monkeypatch.setattr(module, name, value)


def run(data, capsys, *arguments):
    code = 0
    try:
        main(["--data", str(data), "bench", *arguments])
    except SystemExit as exit_:
        code = exit_.code
    return (code, *capsys.readouterr())


@pytest.mark.slow
def test_it_says_how_fast_and_what_that_means(data, capsys, small):
    code, out, _ = run(data, capsys, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["onnxruntime"]
    assert found["provider"]
    assert found["threads"] >= 1
    assert len(found["tile"]) == 2
    for kind in ("dream", "upscale"):
        speeds = found[f"{kind}_megapixels_per_second"]
        assert speeds["fp32"] > 0
        assert speeds[found["precision"][kind]] > 0
    assert found["publish_megapixels_per_second"] > 0
    wanted = found["guest"]["wanted"]
    assert (wanted["dream_width"], wanted["width"]) == (2048, 4096)
    parts = [wanted[f"{stage}_seconds"] for stage in ("dream", "upscale", "publish")]
    assert wanted["seconds"] == pytest.approx(sum(parts), abs=0.2)
    speed = found["dream_megapixels_per_second"][found["precision"]["dream"]]
    dream = wanted_recipe(Dream()).dream
    assert parts[0] == pytest.approx(pixels(dream, schedule(dream, dream.width // 2)) / speed, rel=0.05, abs=0.1)
    assert not any((data / "spool").iterdir())


@pytest.mark.slow
def test_the_table_goes_to_stderr(data, capsys, small):
    code, out, err = run(data, capsys)
    assert (code, out) == (0, "")
    for word in ("dream", "tile", "upscale", "publish", "fp32", "<- used", "A guest's photo"):
        assert word in err


def test_a_wrong_setting_is_one_line(tmp_path, capsys):
    (tmp_path / "settings.toml").write_text("[dream]\nwidth = 100\n")
    code, out, err = run(tmp_path, capsys, "--json")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "width" in err


def test_a_precision_that_is_not_there_is_said_and_not_guessed(tmp_path):
    recipe = wanted_recipe(Dream())
    picture = timed_picture(256)
    several = dataclasses.replace(recipe.dream, layers=(("fire6", 1.0), ("fire8", 1.0)))
    assert dream_speed(tmp_path, several, "int8", picture) is None
    assert upscale_speed(tmp_path, recipe.upscale, "bf16", picture[:16, :32].copy()) is None


def test_where_float32_does_not_work_there_is_nothing_to_measure(tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise KioskError("no weights", "no_weights")

    monkeypatch.setattr(upscale_precision, "ensure_graph", broken)
    with pytest.raises(KioskError, match="no weights"):
        upscale_speed(tmp_path, wanted_recipe(Dream()).upscale, "fp32", timed_picture(64))


def test_publishing_leaves_nothing_behind(tmp_path):
    assert publish_speed(timed_picture(256), tmp_path) > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_a_matrix_product_has_a_speed(kind, small):
    assert product_speed(kind, threads=1) > 0


def test_the_picture_has_detail_of_every_size():
    picture = timed_picture(256)
    assert picture.shape == (128, 256, 3)
    assert np.array_equal(picture, timed_picture(256))
    assert picture.std() > 20
    assert np.abs(np.diff(picture.astype(int), axis=1)).mean() > 4
