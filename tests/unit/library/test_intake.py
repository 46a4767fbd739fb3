"""Intake: what is refused and with which sentence, and what is kept of an accepted photo."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from kiosk.errors import BadInput, Unavailable
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures.decode import Limits
from kiosk.pictures.gpano import gpano_xmp, read_gpano, with_xmp
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests import photos


@pytest.fixture
def library(data: DataFolder) -> Library:
    return Library(data, Retention(upload_mb=5))


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A complete PNG of a few hundred bytes whose header claims width x height gray pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 4096))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def nothing_stored(library: Library) -> bool:
    with library.reading() as connection:
        rows = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("photos", "jobs"))
    return rows == 0 and not any(library.data.photos.iterdir()) and not any(library.data.spool.iterdir())


WHOLE = encoded(Image.effect_mandelbrot((256, 128), (-3, -2.5, 2, 2.5), 100).convert("RGB"))

REFUSED: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "nothing at all": (lambda: b"", "empty", 400),
    "a text": (lambda: b"Dear kiosk, this is not a photo.\n" * 100, "not_an_image", 415),
    "a JPEG that ends half way": (lambda: WHOLE[: len(WHOLE) // 2], "damaged", 400),
    "a JPEG that ends in its header": (lambda: WHOLE[:30], "damaged", 400),
    "a bomb of 50,000 x 50,000": (lambda: png_that_claims(50_000, 50_000), "too_many_pixels", 413),
    "a PNG that promises more than it holds": (lambda: png_that_claims(2000, 1000), "damaged", 400),
    "one pixel": (lambda: encoded(Image.new("RGB", (1, 1))), "too_small", 400),
    "a line": (lambda: encoded(Image.new("RGB", (4000, 15))), "too_small", 400),
    "more megabytes than allowed": (lambda: WHOLE + b"\0" * 5_000_001, "too_large", 413),
    "a PDF": (lambda: encoded(Image.new("RGB", (64, 32)), "PDF"), "unsupported_format", 415),
    "a JPEG 2000": (lambda: encoded(Image.new("RGB", (64, 32)), "JPEG2000"), "unsupported_format", 415),
    "a HEIC photo without a picture": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 200, "damaged", 400),
    "a video": (lambda: b"\0\0\0\x18ftypmp42" + b"\0" * 200, "unsupported_format", 415),
    "a broken PNG": (lambda: b"\x89PNG\r\n\x1a\n" + b"\xff" * 500, "damaged", 400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_sentence_and_nothing_stays(library: Library, case: str) -> None:
    make, code, status = REFUSED[case]
    with pytest.raises(BadInput) as refused:
        accept(library, make())
    assert (refused.value.code, refused.value.status) == (code, status)
    sentence = str(refused.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "/" not in sentence.replace("HEIC", ""), "a guest is not shown paths"
    assert nothing_stored(library)


def test_an_unknown_style_is_refused(library: Library) -> None:
    with pytest.raises(BadInput, match="no style is called"):
        accept(library, WHOLE, style="porridge")
    assert nothing_stored(library)


def test_a_paused_kiosk_takes_nothing(library: Library) -> None:
    library.set_flag("intake_paused", True)
    with pytest.raises(Unavailable, match="break"):
        accept(library, WHOLE)
    library.set_flag("intake_paused", False)
    assert accept(library, WHOLE).state == "received"


def test_a_picture_that_needs_more_memory_than_allowed_is_refused(library: Library) -> None:
    big = encoded(Image.new("RGB", (9000, 4500)), "PNG")
    with pytest.raises(BadInput) as refused:
        accept(library, big, limits=Limits(memory_mb=130))
    assert refused.value.status == 413
    assert nothing_stored(library)


def test_a_photo_is_on_the_disk_and_in_the_queue_when_it_is_accepted(library: Library) -> None:
    photo = accept(library, WHOLE)
    assert (photo.width, photo.height, photo.state) == (256, 128, "received")
    assert len(photo.token) == 22
    assert photo.owner_key
    files = library.files(photo.token)
    assert photo.bytes == files.original.stat().st_size + files.thumb.stat().st_size
    status = library.status(photo.token)
    assert status.position == 1
    assert {image.name for image in status.images} == {"original.jpg", "thumb.webp"}
    assert not any(library.data.spool.iterdir())


def test_the_owner_key_is_kept_only_as_a_hash(library: Library) -> None:
    photo = accept(library, WHOLE)
    library.close()
    stored = b"".join(path.read_bytes() for path in library.data.root.glob("library.sqlite*"))
    assert photo.token.encode() in stored
    assert photo.owner_key is not None
    assert photo.owner_key.encode() not in stored
    assert "owner_key" not in repr(photo)


def test_the_same_photo_twice_is_two_photos(library: Library) -> None:
    assert accept(library, WHOLE).token != accept(library, WHOLE).token


def test_a_file_is_left_where_it_was(library: Library, tmp_path: Path) -> None:
    source = tmp_path / "mine.jpg"
    source.write_bytes(WHOLE)
    accept(library, source, origin="folder")
    assert source.read_bytes() == WHOLE


def test_a_jpeg_keeps_its_pixels_and_loses_everything_else(library: Library) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Secret Cameras"
    exif[ExifTags.Base.BodySerialNumber] = "SERIAL-0815"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 8.0, 14.0)
    photo = encoded(Image.open(io.BytesIO(WHOLE)), exif=exif, comment=b"my address", quality=90)
    photo += b"MotionPhoto_Data and a video"
    stored = library.files(accept(library, photo).token).original.read_bytes()
    for private in (b"Secret Cameras", b"SERIAL-0815", b"Exif", b"my address", b"MotionPhoto"):
        assert private in photo
        assert private not in stored
    before, after = Image.open(io.BytesIO(photo)), Image.open(io.BytesIO(stored))
    apart = np.asarray(before, float) - np.asarray(after, float)
    assert 10 * np.log10(255**2 / (apart**2).mean()) > 45, "encoded again with its own tables, it loses almost nothing"
    assert len(stored) < 1.1 * len(photo)
    assert not after.getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_whatever_way_the_camera_was_held(library: Library, orientation: int) -> None:
    upright = Image.new("RGB", (64, 32), "blue")
    upright.paste("red", (0, 0, 32, 16))
    held = photos.stored(upright, orientation)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photo = accept(library, encoded(held, exif=exif, quality=95, subsampling=0))
    stored = Image.open(library.files(photo.token).original)
    assert stored.size == upright.size == (photo.width, photo.height)
    assert stored.getexif().get(ExifTags.Base.Orientation, 1) == 1
    red, blue = stored.getpixel((10, 5)), stored.getpixel((50, 25))
    assert red[0] > 200 > 100 > red[2]
    assert blue[2] > 200 > 100 > blue[0]


def test_gpano_is_kept_and_nothing_else_of_the_xmp(library: Library) -> None:
    packet = gpano_xmp(256, 128, heading=123.5, **{"xmp:CreatorTool": "Spy Camera", "GPano:FullPanoHeightPixels": 256})
    photo = accept(library, with_xmp(WHOLE, packet))
    stored = library.files(photo.token).original.read_bytes()
    gpano = read_gpano(stored)
    assert gpano is not None
    assert (gpano.cropped_width, gpano.cropped_height, gpano.full_height) == (256, 128, 256)
    assert gpano.pose_heading_degrees == 123.5
    assert photo.gpano is not None
    assert photo.gpano["full_height"] == 256
    assert b"Spy" not in stored


PICTURES: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded(Image.new("RGB", (64, 32), (200, 100, 50)), "PNG"),
    "PNG with transparency": lambda: encoded(Image.new("RGBA", (64, 32), (200, 100, 50, 255)), "PNG"),
    "PNG with a palette": lambda: encoded(Image.new("RGB", (64, 32), (200, 100, 50)).quantize(), "PNG"),
    "WebP": lambda: encoded(Image.new("RGB", (64, 32), (200, 100, 50)), "WEBP", quality=95),
    "progressive JPEG": lambda: encoded(Image.new("RGB", (64, 32), (200, 100, 50)), progressive=True, quality=95),
    "JPEG with a profile": lambda: encoded(
        Image.new("RGB", (64, 32), (200, 100, 50)),
        quality=95,
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ),
    "JPEG with a broken profile": lambda: encoded(
        Image.new("RGB", (64, 32), (200, 100, 50)), quality=95, icc_profile=b"not a profile" * 20
    ),
}


@pytest.mark.parametrize("case", PICTURES)
def test_what_guests_bring_becomes_an_rgb_jpeg_with_its_colors(library: Library, case: str) -> None:
    photo = accept(library, PICTURES[case]())
    stored = Image.open(library.files(photo.token).original)
    assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", (64, 32))
    assert all(abs(a - b) <= 6 for a, b in zip(stored.getpixel((30, 15)), (200, 100, 50), strict=True))
    assert "icc_profile" not in stored.info


def test_sixteen_bits_are_scaled_and_not_clipped(library: Library) -> None:
    deep = Image.new("I;16", (64, 32), 0x8000)
    stored = Image.open(library.files(accept(library, encoded(deep, "PNG")).token).original)
    assert abs(stored.convert("L").getpixel((30, 15)) - 128) <= 2


def test_cmyk_becomes_rgb(library: Library) -> None:
    photo = accept(library, encoded(Image.new("CMYK", (64, 32), (0, 255, 255, 0))))
    red = Image.open(library.files(photo.token).original).getpixel((30, 15))
    assert red[0] > 200 > 60 > red[1]
