"""dreamkiosk upscale, from a picture file to a picture file."""

import json

import numpy as np
import pytest
from PIL import Image

from kiosk.cli import main


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


def _text(path):
    path.write_text("not a photo")


def _empty(path):
    path.touch()


def _truncated(path):
    Image.effect_noise((200, 100), 90).convert("RGB").save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:2000])


def _bomb(path):
    # The header of a 50000 x 50000 PNG over the data of a small one.
    Image.new("RGB", (8, 8)).save(path, "PNG")
    data = bytearray(path.read_bytes())
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_text, "not a picture"),
        (_empty, "empty"),
        (_truncated, "damaged or cut short"),
        (_bomb, "megapixels"),
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "folder"),
    ],
    ids=["text", "empty", "truncated", "bomb", "missing", "folder"],
)
def test_bad_input_is_one_line_and_exit_2(run, tmp_path, make, says):
    make(tmp_path / "in.jpg")
    code, out, err = run(tmp_path / "in.jpg", tmp_path / "out.png", "--json")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("name", ["out.gif", "out", "missing/out.png"])
def test_an_impossible_output_is_refused_before_any_work(run, tmp_path, name):
    sphere(tmp_path / "in.png")
    code, _, err = run(tmp_path / "in.png", tmp_path / name)
    assert code == 2
    assert err.count("\n") == 1


def test_transparency_does_not_go_into_a_jpeg(run, tmp_path):
    sphere(tmp_path / "in.png", 8, 8, "RGBA")
    code, _, err = run(tmp_path / "in.png", tmp_path / "out.jpg", "--flat", "--precision", "fp32")
    assert code == 2
    assert "transparency" in err
