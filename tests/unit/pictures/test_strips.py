"""Files written in strips are the files that would have been written whole."""

import io

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.pictures.gpano import gpano_xmp, read_gpano
from kiosk.pictures.strips import write_jpeg, write_png

SIZES = [(1, 1), (7, 9), (129, 16), (300, 601), (1030, 40)]


def picture(height, width, channels=3):
    coarse = np.random.default_rng(0).integers(0, 256, (height // 9 + 1, width // 9 + 1, channels), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height)))


@pytest.mark.parametrize("pixels_a_strip", [1, 4000, 1 << 20])
@pytest.mark.parametrize(("halved", "subsampling"), [(False, 0), (True, 2)], ids=["full chroma", "halved chroma"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_jpeg_in_strips_decodes_as_one_written_whole(height, width, halved, subsampling, pixels_a_strip, monkeypatch):
    monkeypatch.setattr("kiosk.pictures.strips._STRIP_PIXELS", pixels_a_strip)
    pixels, strips, whole = picture(height, width), io.BytesIO(), io.BytesIO()
    write_jpeg(strips, pixels, halved_chroma=halved)
    Image.fromarray(pixels).save(whole, "JPEG", quality=95, subsampling=subsampling)
    assert np.array_equal(np.asarray(Image.open(strips)), np.asarray(Image.open(whole)))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_png_in_strips_is_lossless(height, width, channels):
    pixels, file = picture(height, width, channels), io.BytesIO()
    write_png(file, pixels)
    assert np.array_equal(np.asarray(Image.open(file)), pixels)


def test_a_sphere_says_so():
    file = io.BytesIO()
    write_jpeg(file, picture(40, 80), xmp=gpano_xmp(80, 40))
    pano = read_gpano(file.getvalue())
    assert (pano.full_width, pano.full_height) == (80, 40)
    assert Image.open(file).size == (80, 40)


def test_what_jpeg_cannot_hold_is_refused():
    with pytest.raises(BadInput, match="65535"):
        write_jpeg(io.BytesIO(), np.zeros((1, 65536, 3), np.uint8))
