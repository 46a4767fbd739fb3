"""Reading picture files of every kind, and refusing what is none."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.pictures.gpano import gpano_xmp
from kiosk.pictures.read import read_photo, read_picture, read_tags
from kiosk.pictures.tags import NO_TAGS

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(folder, image, form, **options):
    path = folder / f"picture.{form.lower()}"
    image.save(path, form, **options)
    return path


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM"])
def test_lossless_formats_come_back_as_they_are(tmp_path, form):
    pixels, info = read_picture(saved(tmp_path, Image.fromarray(PIXELS), form))
    assert np.array_equal(pixels, PIXELS)
    assert pixels.flags.writeable
    assert (info.format, info.has_alpha) == (form, False)


def test_transparency_comes_where_it_is_asked_for(tmp_path):
    alpha = RNG.integers(0, 256, (20, 30, 1), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(np.dstack([PIXELS, alpha])), "PNG")
    with_alpha, info = read_picture(path, alpha=True)
    assert np.array_equal(with_alpha, np.dstack([PIXELS, alpha]))
    assert info.has_alpha
    assert np.array_equal(read_picture(path)[0], PIXELS)


def test_a_transparent_palette_becomes_alpha(tmp_path):
    image = Image.fromarray(PIXELS).quantize(16)
    path = saved(tmp_path, image, "PNG", transparency=0)
    pixels, info = read_picture(path, alpha=True)
    assert info.has_alpha
    assert np.array_equal(pixels[..., 3] == 0, np.asarray(image) == 0)


def test_sixteen_bits_become_eight(tmp_path):
    deep = np.arange(600, dtype=np.uint16).reshape(20, 30) * 109
    pixels, _ = read_picture(saved(tmp_path, Image.fromarray(deep), "PNG"))
    assert np.abs(pixels[..., 0] - deep / 257).max() <= 0.51
    assert pixels.shape == (20, 30, 3)


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr", "1", "I", "F", "LA"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    form = "PNG" if mode in ("LA", "1", "L") else "TIFF"
    pixels, _ = read_picture(saved(tmp_path, Image.fromarray(PIXELS).convert(mode), form))
    assert pixels.shape == (20, 30, 3)
    assert pixels.dtype == np.uint8


def test_the_camera_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.fromarray(PIXELS), "PNG", exif=exif)
    assert np.array_equal(read_picture(path)[0], np.rot90(PIXELS, -1))


def test_a_limit_is_checked_before_anything_is_decoded(tmp_path):
    path = saved(tmp_path, Image.fromarray(PIXELS), "PNG")
    with pytest.raises(BadInput, match="megapixels") as refused:
        read_picture(path, pixel_limit=599)
    assert refused.value.status == 413


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_damage_is_never_more_than_a_refusal(tmp_path, form):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, form)
    whole = buffer.getvalue()
    path = tmp_path / "damaged"
    for attempt in range(60):
        data = bytearray(whole)
        if attempt % 2:
            for place in RNG.integers(0, len(data), 4):
                data[place] = int(RNG.integers(0, 256))
        else:
            del data[int(RNG.integers(1, len(data))) :]
        path.write_bytes(data)
        with contextlib.suppress(BadInput):
            assert read_picture(path, pixel_limit=10**6)[0].dtype == np.uint8


def test_pixels_go_where_the_caller_wants_them(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (300, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "tall.png")
    given, released = [], []

    def allocate(shape):
        given.append(np.zeros(shape, np.uint8))
        return given[0]

    found, _ = read_picture(tmp_path / "tall.png", allocate=allocate, release=lambda array: released.append(array))
    assert found is given[0]
    assert np.array_equal(found, pixels)
    assert len(released) > 1


def test_a_photo_and_its_tags_are_read_from_a_path_or_from_bytes(tmp_path):
    place = gpano_xmp(30, 20, **{"GPano:FullPanoWidthPixels": 60, "GPano:FullPanoHeightPixels": 30})
    path = saved(tmp_path, Image.fromarray(PIXELS), "WEBP", lossless=True, xmp=place)
    for source in (path, path.read_bytes()):
        pixels, tags = read_photo(source)
        assert np.array_equal(pixels, PIXELS)
        assert tags.gpano is not None
        assert (tags.gpano.full_width, tags.gpano.cropped_width) == (60, 30)
        assert read_tags(source) == tags
    assert read_photo(saved(tmp_path, Image.fromarray(PIXELS), "PNG"))[1] == NO_TAGS


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    for read in (read_picture, read_photo, read_tags):
        with pytest.raises(BadInput, match=r"^cannot read .*missing.jpg: No such file") as refused:
            read(tmp_path / "missing.jpg")
        assert refused.value.code == "no_file"


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_what_is_transparent_in_a_photo_is_white_as_in_an_upload(tmp_path, form):
    clear = np.dstack([np.zeros_like(PIXELS), np.full((20, 30, 1), 255, np.uint8)])
    clear[:10, :, 3] = 0
    clear[10:, :, :3] = 90
    options = {"lossless": True} if form == "WEBP" else {}
    pixels, _ = read_photo(saved(tmp_path, Image.fromarray(clear), form, **options))
    assert (pixels[:10] == 255).all()
    assert (pixels[10:] == 90).all()
