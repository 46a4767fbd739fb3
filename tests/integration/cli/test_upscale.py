"""dreamkiosk upscale, from a picture file to a picture file."""

import json

import numpy as np
import pytest
from PIL import Image

from kiosk.cli import main
from kiosk.pictures.gpano import read_gpano
from tests.directions import box, written


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def run(data, capsys):
    def run(*arguments):
        code = 0
        try:
            main(["--data", str(data), "upscale", *map(str, arguments)])
        except SystemExit as exit_:
            code = exit_.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


def sphere(path, height=24, width=48, mode="RGB"):
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return pixels


def test_a_sphere_is_enlarged_and_reported(run, tmp_path):
    sphere(tmp_path / "in.png")
    code, out, _ = run(tmp_path / "in.png", tmp_path / "out.jpg", "--precision", "fp32", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["width"], report["height"]) == (96, 48) == Image.open(tmp_path / "out.jpg").size
    assert report["precision"] == "fp32"
    assert report["recipe"]["scale"] == 2
    for field in ("seconds", "provider", "peak_rss_mb", "megapixels_per_second", "seam_ratio"):
        assert report[field]
    assert b"GPano" in (tmp_path / "out.jpg").read_bytes()


def test_scale_1_without_noise_changes_nothing(run, tmp_path):
    pixels = sphere(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--scale", 1)[0] == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), pixels)


def test_a_sphere_keeps_its_heading(run, tmp_path):
    here = box((48, 24), 0, 0, 48, 24, PoseHeadingDegrees=225)
    (tmp_path / "in.jpg").write_bytes(written(sphere(tmp_path / "in.png"), xmp=here))
    assert run(tmp_path / "in.jpg", tmp_path / "out.jpg", "--scale", 1, "--noise", "none")[0] == 0
    assert read_gpano(tmp_path / "out.jpg").pose_heading_degrees == 225


def test_a_flat_picture_keeps_its_transparency(run, tmp_path):
    pixels = sphere(tmp_path / "in.png", 20, 30, "RGBA")
    pixels[..., 3] = 0
    pixels[:, 15:, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "in.png")
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--flat", "--precision", "fp32")[0] == 0
    out = np.asarray(Image.open(tmp_path / "out.png"))
    assert out.shape == (40, 60, 4)
    assert (out[:, :24, 3] < 8).all()
    assert (out[:, 36:, 3] > 247).all()


def test_transparency_does_not_go_into_a_jpeg(run, tmp_path):
    sphere(tmp_path / "in.png", 8, 8, "RGBA")
    code, _, err = run(tmp_path / "in.png", tmp_path / "out.jpg", "--flat", "--precision", "fp32")
    assert code == 2
    assert "transparency" in err


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 7), (17, 31)])
@pytest.mark.parametrize("network", ["photo", "cunet"])
def test_a_flat_picture_of_any_size_is_enlarged(run, tmp_path, size, network):
    width, height = size
    sphere(tmp_path / "in.png", height, width)
    options = ("--flat", "--network", network, "--precision", "int8", "--scale", 4)
    assert run(tmp_path / "in.png", tmp_path / "out.png", *options)[0] == 0
    assert Image.open(tmp_path / "out.png").size == (4 * width, 4 * height)


def test_the_smallest_sphere_is_enlarged(run, tmp_path):
    sphere(tmp_path / "in.png", 1, 2)
    assert run(tmp_path / "in.png", tmp_path / "out.png", "--precision", "int8")[0] == 0
    assert Image.open(tmp_path / "out.png").size == (4, 2)


@pytest.mark.slow
def test_the_blocks_of_a_jpeg_are_removed_from_its_sphere_in_any_format(run, tmp_path):
    coarse = np.random.default_rng(2).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((256, 128), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "in.jpg", quality=40)
    Image.open(tmp_path / "in.jpg").save(tmp_path / "in.png")
    chosen = {}
    for name, kind in (("in.jpg", ["--flat"]), ("in.png", ["--flat"]), ("in.png", [])):
        arguments = (tmp_path / name, tmp_path / "out.png", "--precision", "fp32", "--json", *kind)
        chosen[name, bool(kind)] = json.loads(run(*arguments)[1])["recipe"]["noise"]
    assert chosen == {("in.jpg", True): "1", ("in.png", True): "none", ("in.png", False): "1"}
