"""HEIC photos: every brand that phones write, upright once, in their colors, within what a photo may cost."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from kiosk.errors import BadInput
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures import primaries
from kiosk.pictures.containers import heif
from kiosk.pictures.containers.parts import Damaged
from kiosk.pictures.gpano import gpano_xmp, read_gpano
from kiosk.pictures.read import read_picture
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests.heic import BRANDS, branded, clap, colored, composed, heic, turned


@pytest.fixture
def library(data: DataFolder) -> Library:
    return Library(data, Retention(upload_mb=5))


def two_colors() -> Image.Image:
    """Red at the upper left, blue elsewhere: 128 x 64."""
    picture = Image.new("RGB", (128, 64), "blue")
    picture.paste("red", (0, 0, 64, 32))
    return picture


def is_upright(picture: Image.Image) -> bool:
    red, blue = picture.getpixel((20, 10)), picture.getpixel((100, 50))
    return picture.size == (128, 64) and red[0] > 200 > 100 > red[2] and blue[2] > 200 > 100 > blue[0]


def taken_in(library: Library, photo: bytes) -> Image.Image:
    return Image.open(library.files(accept(library, photo).token).original).convert("RGB")


@pytest.mark.slow
@pytest.mark.parametrize("brand", BRANDS)
def test_every_brand_is_read(library: Library, tmp_path: Path, brand: str) -> None:
    for photo in (branded(heic(two_colors()), brand), branded(heic(two_colors()), brand, (brand,))):
        assert is_upright(taken_in(library, photo))
        (tmp_path / "photo.heic").write_bytes(photo)
        pixels, info = read_picture(tmp_path / "photo.heic")
        assert is_upright(Image.fromarray(pixels))
        assert info.format == "HEIF"


@pytest.mark.parametrize("quarters", range(4))
def test_the_file_s_own_turn_is_applied_once_and_that_of_exif_never(
    library: Library, tmp_path: Path, quarters: int
) -> None:
    stored = two_colors().rotate(-90 * quarters, expand=True)
    exif = Image.Exif()
    exif[0x0112] = (1, 8, 3, 6)[quarters]
    photo = turned(heic(stored, form="JPEG", exif=exif, quality=95), quarters)
    assert b"Exif" in photo
    assert is_upright(taken_in(library, photo))
    (tmp_path / "photo.heic").write_bytes(photo)
    assert is_upright(Image.fromarray(read_picture(tmp_path / "photo.heic")[0]))


def test_colors_of_a_profile_and_colors_by_number_become_srgb(library: Library) -> None:
    plain = Image.new("RGB", (128, 64), (200, 100, 50))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(primaries.profile(12) or b""))
    wanted = ImageCms.profileToProfile(plain, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert wanted is not None
    assert wanted.getpixel((5, 5))[0] > 210, "Display P3's colors are stronger"
    for photo in (
        heic(plain, form="JPEG", quality=98, subsampling=0, icc_profile=profile.tobytes()),
        colored(heic(plain), 12),
    ):
        found = taken_in(library, photo).getpixel((30, 15))
        assert all(abs(a - b) <= 5 for a, b in zip(found, wanted.getpixel((5, 5)), strict=True))
    assert all(
        abs(a - b) <= 4
        for a, b in zip(taken_in(library, colored(heic(plain), 1)).getpixel((30, 15)), (200, 100, 50), strict=True)
    )


@pytest.mark.parametrize("number", primaries.COLUMNS)
def test_the_tables_of_primaries_are_those_of_the_standard(number: int) -> None:
    """Lindbloom's formulas: from the xy of H.273's table 2 to XYZ at D50, by Bradford."""
    corners = {
        5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
        6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
        9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
        12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    }[number]
    xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*corners, (0.3127, 0.3290))]).T
    matrix = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    adapted = np.linalg.inv(cone) @ np.diag(cone @ (0.9642, 1, 0.8249) / (cone @ xyz[:, 3])) @ cone @ matrix
    np.testing.assert_allclose(np.array(primaries.COLUMNS[number]).T, adapted, atol=2e-5)


def test_its_place_on_the_sphere_is_read(library: Library, tmp_path: Path) -> None:
    packet = gpano_xmp(128, 64, **{"GPano:FullPanoWidthPixels": 256, "GPano:FullPanoHeightPixels": 128})
    photo = heic(two_colors(), form="JPEG", quality=95, xmp=packet)
    accepted = accept(library, photo)
    assert accepted.gpano is not None
    assert (accepted.gpano["cropped_width"], accepted.gpano["full_width"]) == (128, 256)
    (tmp_path / "photo.heic").write_bytes(photo)
    found = read_gpano(tmp_path / "photo.heic")
    assert found is not None
    assert found.full_width == 256


@pytest.mark.parametrize("brand", ["isom", "mp42", "qt  ", "M4V ", "3gp5", "avc1"])
def test_a_film_is_told_by_its_first_bytes(library: Library, brand: str) -> None:
    film = struct.pack(">I", 24) + b"ftyp" + brand.encode() + b"\0\0\2\0isommp42" + b"\0" * 200
    with pytest.raises(BadInput, match="video") as refused:
        accept(library, film)
    assert refused.value.status == 415


def test_a_sequence_without_a_picture_is_refused(library: Library) -> None:
    with pytest.raises(BadInput) as refused:
        accept(library, branded(heic(two_colors()), "hevc").replace(b"meta", b"moov", 1))
    assert refused.value.status == 400


def a_grid(tiles: int) -> bytes:
    """The boxes of a HEIC whose one picture of 512 x 512 is made of `tiles` of that size each, all the same one."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    entries = b"".join(
        box(b"infe", struct.pack(">IHH4sB", 2 << 24, n, 0, kind, 0)) for n, kind in ((1, b"grid"), (2, b"hvc1"))
    )
    size = box(b"ispe", struct.pack(">III", 0, 512, 512))
    used = struct.pack(">IIHBBHBB", 0, 2, 1, 1, 1, 2, 1, 1)
    references = box(b"dimg", struct.pack(">HH", 1, tiles) + struct.pack(">H", 2) * tiles)
    places = b"".join(struct.pack(">HHHII", n, 0, 1, 0, 8) for n in (1, 2))
    meta = (
        box(b"pitm", struct.pack(">IH", 0, 1))
        + box(b"iinf", struct.pack(">IH", 0, 2) + entries)
        + box(b"iref", struct.pack(">I", 0) + references)
        + box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, 2) + places)
        + box(b"iprp", box(b"ipco", size) + box(b"ipma", used))
    )
    return box(b"ftyp", b"heic\0\0\0\0heicmif1") + box(b"meta", b"\0\0\0\0" + meta)


IROT, IMIR = b"\0\0\0\x09irot\1", b"\0\0\0\x09imir\1"
"""A quarter counterclockwise, and left and right exchanged."""
COMPOSED: dict[str, tuple[bytes, tuple[bytes, ...], int, Callable[[Image.Image], Image.Image]]] = {
    "the same": (b"iden", (), 1, lambda picture: picture),
    "turned": (b"iden", (IROT,), 1, lambda picture: picture.rotate(90, expand=True)),
    "mirrored": (b"iden", (IMIR,), 1, lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "cut": (b"iden", (clap(96, 32),), 1, lambda picture: picture.crop((16, 16, 112, 48))),
    "cut, turned": (b"iden", (clap(96, 32), IROT), 1, lambda p: p.crop((16, 16, 112, 48)).rotate(90, expand=True)),
    "one over the other": (b"iovl", (), 2, lambda picture: over(picture)),
}


def over(picture: Image.Image) -> Image.Image:
    both = picture.copy()
    both.paste(picture, (0, 20))
    return both


@pytest.mark.parametrize("case", COMPOSED)
def test_a_picture_composed_of_another_is_read(library: Library, tmp_path: Path, case: str) -> None:
    kind, properties, times, wanted = COMPOSED[case]
    photo = composed(heic(two_colors(), "-q", "100"), kind, *properties, times=times)
    right = wanted(two_colors())
    (tmp_path / "photo.heic").write_bytes(photo)
    for found in (taken_in(library, photo), Image.fromarray(read_picture(tmp_path / "photo.heic")[0])):
        assert found.size == right.size
        off = np.abs(np.asarray(found, int) - np.asarray(right, int)).max(axis=2)
        # Colors are coded at half the resolution.
        assert np.percentile(off, 90) < 12


def test_what_is_composed_of_too_much_is_refused() -> None:
    whole = heic(two_colors())
    assert heif.take_apart(composed(whole, b"iovl", times=6)).width == 128
    with pytest.raises(Damaged, match="tiles"):
        heif.take_apart(composed(whole, b"iovl", times=7))
    with pytest.raises(Damaged, match="too many"):
        heif.take_apart(composed(whole, b"iovl", times=5000))
    itself = composed(whole, b"iden")
    at = itself.index(b"dimg") + 8
    assert itself[at : at + 2] == b"\0\1"
    with pytest.raises(Damaged, match="no displayable"):
        heif.take_apart(itself[:at] + b"\0\2" + itself[at + 2 :])


def avif(size: tuple[int, int], said: tuple[int, int], *, layers: bool = False) -> bytes:
    """An AVIF of `size` whose boxes say another one; with `layers`, that this is one of its layers'."""
    file = io.BytesIO()
    two_colors().resize(size).save(file, "AVIF")
    data = bytearray(file.getvalue())
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", *said)
    # Of its properties, the one that tells the depth of its channels can be spared.
    return bytes(data.replace(b"pixi", b"lsel", 1) if layers else data)


@pytest.mark.parametrize(("size", "layers"), [((128, 64), False), ((512, 256), True), ((320, 128), True)])
def test_a_layered_picture_is_up_to_four_times_as_large_as_a_layer(size: tuple[int, int], layers: bool) -> None:
    assert heif.take_apart(avif(size, size)).width == size[0]
    assert heif.take_apart(avif(size, (128, 64), layers=layers)).width == 128


@pytest.mark.parametrize(("size", "layers"), [((512, 256), False), ((640, 320), True)])
def test_a_frame_that_is_larger_than_the_picture_is_refused(size: tuple[int, int], layers: bool) -> None:
    with pytest.raises(Damaged, match="coded frame"):
        heif.take_apart(avif(size, (128, 64), layers=layers))


def test_tiles_that_are_many_times_the_picture_are_refused() -> None:
    assert heif.take_apart(a_grid(4)).width == 512
    with pytest.raises(Damaged, match="tiles"):
        heif.take_apart(a_grid(60_000))


def test_damage_anywhere_is_a_refusal() -> None:
    whole = heic(two_colors())
    rng = np.random.default_rng(5)
    for _ in range(2000):
        data = bytearray(whole)
        for at in rng.integers(20, 300, 3):
            data[at] = int(rng.choice([0, 1, 255, rng.integers(256)]))
        try:
            parts = heif.take_apart(bytes(data))
        except Damaged:
            continue
        assert parts.width > 0
