"""Small files that are made to cost much: bytes on the disk, memory, seconds of processor."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures import bounded
from kiosk.pictures.containers import jpeg
from kiosk.pictures.read import read_picture
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests.costly import many_scans, repeated_noise, saved, smooth

SIZE = (2048, 1024)
CHILD = re.compile(r"child: (-?\d+), ([\d.]+) s of processor, said b'(.*)'$")


@pytest.fixture
def library(data: DataFolder) -> Library:
    return Library(data, Retention())


def noise(grain: float = 0) -> Image.Image:
    rng = np.random.default_rng(0)
    if not grain:
        return Image.fromarray(rng.integers(0, 256, (*SIZE[::-1], 3), np.uint8))
    picture = np.asarray(smooth(SIZE), np.float32) + rng.normal(0, grain, (*SIZE[::-1], 1))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, picture: Image.Image | None = None) -> bytes:
    whole = saved(picture or smooth(SIZE), "PNG")
    return whole[:33] + b"".join(chunks) + whole[33:]


ZEROS = zlib.compress(b"\0" * 200_000_000, 9)


def with_segments(marker: int, body: bytes, times: int) -> bytes:
    whole = saved(smooth(SIZE))
    return whole[:2] + (bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body) * times + whole[2:]


def exif_amplified() -> bytes:
    entries = 5000
    tags = b"".join(struct.pack("<HHII", 0x8000 + n, 7, 60_000, 0) for n in range(entries))
    return b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, entries) + tags + b"\0" * 4


def profile_in_pieces() -> bytes:
    """A profile of 16 megabytes, the most that a JPEG can hold."""
    whole = saved(smooth(SIZE))
    pieces = b"".join(
        b"\xff\xe2" + struct.pack(">H", 65535) + b"ICC_PROFILE\0" + bytes((n, 255)) + b"\1" * 65519
        for n in range(1, 256)
    )
    return whole[:2] + pieces + whole[2:]


def moving_webp() -> bytes:
    frames = [Image.new("RGB", (512, 256), (n, 90, 200)) for n in range(150)]
    return saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, quality=10, method=0)


def gif_of_extensions() -> bytes:
    whole = saved(smooth((64, 32)).quantize(4), "GIF")
    at = 13 + (3 << (whole[10] & 7) + 1)
    return whole[:at] + b"!\xf9\x04\0\0\0\0\0" * 1_000_000 + whole[at:]


def tiff_of_one_strip() -> bytes:
    """900,000 rows that all name the same few bytes."""
    rows = 900_000
    tags = ((256, 4, 1, 16), (257, 4, 1, rows), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, rows, 122))
    tags += ((277, 3, 1, 1), (278, 4, 1, 1), (279, 4, rows, 122 + 4 * rows))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return head.ljust(122, b"\0") + struct.pack("<I", 8) * rows + struct.pack("<I", 16) * rows


COSTLY: dict[str, Callable[[], bytes]] = {
    "a JPEG of hundreds of scans": lambda: many_scans(SIZE),
    "a PNG with a profile that unpacks to 200 MB": lambda: png_with(chunk(b"iCCP", b"p\0\0" + ZEROS)),
    "a PNG with many texts that unpack to 200 MB": lambda: png_with(*[chunk(b"zTXt", b"k\0\0" + ZEROS)] * 20),
    "a PNG whose XMP unpacks to 200 MB": lambda: png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + ZEROS)),
    "a PNG of a million empty chunks": lambda: png_with(chunk(b"tEXt", b"") * 1_000_000),
    "a PNG whose picture unpacks to more than it has": lambda: png_with(chunk(b"IDAT", ZEROS)),
    "a PNG with EXIF that names itself 5,000 times": lambda: png_with(chunk(b"eXIf", exif_amplified()[6:])),
    "a JPEG with EXIF that names itself 5,000 times": lambda: saved(smooth(SIZE), exif=exif_amplified()),
    "a JPEG with an index of pictures that names itself 5,000 times": lambda: with_segments(
        0xE2, b"MPF\0" + exif_amplified()[6:], 1
    ),
    "a JPEG of a million empty segments": lambda: with_segments(0xFE, b"", 1_000_000),
    "a JPEG with a profile of 16 MB": profile_in_pieces,
    "a JPEG with XMP of nested elements": lambda: with_segments(
        0xE1, jpeg.XMP_HEADER + b"<x:xmpmeta xmlns:x='ns.google.com/photos/1.0/panorama'>" + b"<a>" * 20_000, 1
    ),
    "a WebP of 150 frames": moving_webp,
    "a JPEG of 3,000 pieces of extended XMP": lambda: with_segments(
        0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", 4_000_000, 0) + b"x" * 4000, 3000
    ),
    "a PNG of 20 texts of XMP that unpack to 4 MB each": lambda: png_with(
        *[chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(b" " * 4_000_000))] * 20
    ),
    "a GIF of a million extensions": gif_of_extensions,
    "a TIFF of strips that are all the same": tiff_of_one_strip,
}


def cost(library: Library, photo: bytes, caplog: pytest.LogCaptureFixture) -> tuple[float, float]:
    """(most megabytes, seconds of processor) of the process that looked into the photo, whatever it said."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "kiosk.pictures.apart"), contextlib.suppress(BadInput):
        accept(library, photo)
    (heard,) = [found for line in caplog.messages if (found := CHILD.search(line))]
    said = json.loads(heard[3].encode().decode("unicode_escape"))
    return said["peak_mb"], float(heard[2])


@pytest.mark.slow
def test_every_costly_photo_costs_no_more_than_an_ordinary_one(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    ordinary = [cost(library, saved(noise(12), form), caplog) for form in ("JPEG", "PNG")]
    memory, seconds = (max(values) for values in zip(*ordinary, strict=True))
    for case, make in COSTLY.items():
        photo = make()
        peak, took = cost(library, photo, caplog)
        print(f"{case}: {len(photo)} bytes, {peak:.0f} MB, {took:.2f} s; ordinary {memory:.0f} MB, {seconds:.2f} s")
        # The file itself is held, once as it came and once without its metadata.
        assert peak <= 1.5 * memory + 2 * len(photo) / 1e6, case
        assert took <= 5 * seconds + 1, case


def test_scans_are_counted_before_they_are_decoded(library: Library, tmp_path: Path) -> None:
    photo = many_scans(SIZE)
    assert len(photo) < 200_000
    with pytest.raises(BadInput) as refused:
        accept(library, photo)
    assert (refused.value.code, refused.value.status) == ("too_hard", 413)
    (tmp_path / "photo.jpg").write_bytes(photo)
    with pytest.raises(BadInput, match="too long"):
        read_picture(tmp_path / "photo.jpg")
    assert accept(library, saved(smooth(SIZE), progressive=True)).width == SIZE[0]


@pytest.mark.parametrize(
    "make", [lambda: repeated_noise(SIZE), lambda: saved(noise(), "PNG"), lambda: saved(noise(), quality=100)]
)
def test_noise_is_kept_in_no_more_bytes_than_a_photo_has(library: Library, make: Callable[[], bytes]) -> None:
    photo = make()
    kept = library.files(accept(library, photo).token).original
    assert kept.stat().st_size <= SIZE[0] * SIZE[1] * bounded.BYTES_A_PIXEL + 65536
    assert Image.open(kept).size == SIZE


@pytest.mark.slow
def test_a_photo_with_grain_keeps_its_quality(library: Library) -> None:
    kept = library.files(accept(library, saved(noise(12), "PNG")).token).original
    best = saved(noise(12), quality=bounded.QUALITY, subsampling=0)
    assert abs(kept.stat().st_size - len(best)) < 2000


def test_what_is_kept_is_a_baseline_jpeg_of_one_scan_whatever_came(library: Library) -> None:
    for photo in (saved(smooth(SIZE), progressive=True), saved(smooth(SIZE), "PNG"), saved(smooth(SIZE), "WEBP")):
        kept = library.files(accept(library, photo).token).original.read_bytes()
        markers = [one.marker for one in jpeg.segments(kept)]
        assert markers.count(jpeg.SCAN) == 1
        assert markers.count(0xC0) == 1


def test_a_tiff_s_numbers_are_compared_with_it_before_it_is_opened(tmp_path: Path) -> None:
    def tiff(*tags: tuple[int, int, int, int]) -> bytes:
        listed = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
        return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + listed + b"\0" * 600

    plain = ((256, 3, 1, 16), (257, 3, 1, 16), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 150))
    plain += ((277, 3, 1, 1), (278, 3, 1, 16), (279, 4, 1, 256))
    (tmp_path / "photo.tif").write_bytes(tiff(*plain))
    assert read_picture(tmp_path / "photo.tif")[0].shape == (16, 16, 3)
    for more in (
        ((322, 4, 1, 2**20), (323, 4, 1, 2**20)),
        ((700, 1, 2**31, 0),),
        tuple((0x8000 + n, 7, 700, 0) for n in range(100)),
    ):
        (tmp_path / "photo.tif").write_bytes(tiff(*plain, *more))
        with pytest.raises(BadInput, match="damaged"):
            read_picture(tmp_path / "photo.tif")
