"""Every kind of file, read the same way for uploads and for the command line: whole, upright, in sRGB."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from kiosk.errors import BadInput
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures import primaries
from kiosk.pictures.containers import container, jpeg
from kiosk.pictures.containers.parts import Damaged
from kiosk.pictures.read import read_photo, read_picture
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests import exif, profiles
from tests.heic import heic
from tests.photos import saved, stored, tiff16, tiled_tiff, with_exif

SIZE = (96, 48)


def drawn() -> Image.Image:
    """Smooth colors with a red corner at the upper left, so that every turn shows: 96 x 48."""
    columns, rows = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    levels = np.stack([60 + 90 * columns, 200 - 120 * rows, 40 + 160 * columns * rows], -1)
    levels[:12, :24] = (230, 20, 30)
    return Image.fromarray(levels.round().astype(np.uint8))


def interlaced(levels: np.ndarray) -> bytes:
    """A PNG of `levels` [h, w, 3] in the seven passes of Adam7 (W3C, PNG, 8.2)."""
    height, width = levels.shape[:2]
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    rows = b"".join(
        b"\0" + row.astype(np.uint8).tobytes()
        for top, down, left, across in passes
        for row in levels[top::down, left::across]
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


PICTURE = drawn()
LEVELS = np.asarray(PICTURE).astype(int)
DEEP = (LEVELS * 257).astype(np.uint16)
GRAY = np.asarray(PICTURE.convert("L")).astype(int)
INKS = 65535 - np.dstack([DEEP, np.full(DEEP.shape[:2], 65535, np.uint16)])

# The file, and how far its levels may be from the drawing's on average.
FILES: dict[str, tuple[Callable[[], bytes], float]] = {
    "JPEG": (lambda: saved(PICTURE, quality=95, subsampling=0), 2),
    "progressive JPEG": (lambda: saved(PICTURE, progressive=True, quality=95, subsampling=0), 2),
    "several pictures in a JPEG": (
        lambda: saved(PICTURE, "MPO", save_all=True, append_images=[PICTURE.rotate(180)], quality=95, subsampling=0),
        2,
    ),
    "PNG": (lambda: saved(PICTURE, "PNG"), 0),
    "PNG, 16 bits": (lambda: png16(DEEP), 0.51),
    "PNG, interlaced": (lambda: interlaced(LEVELS), 0),
    "PNG with transparency": (lambda: saved(PICTURE.convert("RGBA"), "PNG"), 0),
    "WebP without loss": (lambda: saved(PICTURE, "WEBP", lossless=True), 0),
    "moving WebP": (
        lambda: saved(PICTURE, "WEBP", save_all=True, append_images=[PICTURE.rotate(180)], lossless=True),
        0,
    ),
    "HEIC": (lambda: heic(PICTURE, "-q", "95"), 4),
    "AVIF": (lambda: saved(PICTURE, "AVIF", quality=95, subsampling="4:4:4"), 2.5),
    "AVIF with transparency": (lambda: saved(PICTURE.convert("RGBA"), "AVIF", quality=95, subsampling="4:4:4"), 2.5),
    "moving AVIF": (lambda: saved(PICTURE, "AVIF", save_all=True, append_images=[PICTURE.rotate(180)], quality=95), 4),
    "TIFF": (lambda: saved(PICTURE, "TIFF"), 0),
    "TIFF, LZW": (lambda: saved(PICTURE, "TIFF", compression="tiff_lzw"), 0),
    "TIFF, deflate": (lambda: saved(PICTURE, "TIFF", compression="tiff_adobe_deflate"), 0),
    "TIFF, PackBits": (lambda: saved(PICTURE, "TIFF", compression="packbits"), 0),
    "TIFF, JPEG": (lambda: saved(PICTURE, "TIFF", compression="jpeg", quality=95), 4),
    "TIFF, LZMA": (lambda: saved(PICTURE, "TIFF", compression="lzma"), 0),
    "TIFF, Zstandard": (lambda: saved(PICTURE, "TIFF", compression="zstd"), 0),
    "TIFF with a palette": (lambda: saved(PICTURE.quantize(256), "TIFF"), 3),
    "TIFF in Lab": (lambda: saved(in_lab(), "TIFF"), 1),
    "BigTIFF": (lambda: saved(PICTURE, "TIFF", big_tiff=True), 0),
    "TIFF of tiles": (lambda: tiled_tiff(PICTURE), 0),
    "TIFF, 16 bits": (lambda: tiff16(DEEP), 0.51),
    "TIFF, 16 bits in planes": (lambda: tiff16(DEEP, separate=True), 0.51),
    "TIFF of inks": (lambda: saved(PICTURE.convert("CMYK"), "TIFF"), 0),
    "TIFF of inks, 16 bits": (lambda: tiff16(INKS, colors=5), 1),
    "TIFF of several pages": (lambda: saved(PICTURE, "TIFF", save_all=True, append_images=[PICTURE.rotate(180)]), 0),
    "JPEG of inks": (lambda: saved(PICTURE.convert("CMYK"), quality=95), 3),
    "BMP": (lambda: saved(PICTURE, "BMP"), 0),
    "BMP from the top": (lambda: bmp_from_the_top(), 0),
    "GIF": (lambda: saved(PICTURE.quantize(256, dither=Image.Dither.NONE), "GIF"), 6),
    "moving GIF": (
        lambda: saved(PICTURE.quantize(256), "GIF", save_all=True, append_images=[PICTURE.rotate(180).quantize(256)]),
        8,
    ),
}
GRAYS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved(PICTURE.convert("L"), quality=98),
    "PNG": lambda: saved(PICTURE.convert("L"), "PNG"),
    "PNG, 16 bits": lambda: saved(Image.fromarray((GRAY * 257).astype(np.uint16)), "PNG"),
    "TIFF, 16 bits": lambda: saved(Image.fromarray((GRAY * 257).astype(np.uint16)), "TIFF"),
    "TIFF, 16 bits, LZW": lambda: saved(
        Image.fromarray((GRAY * 257).astype(np.uint16)), "TIFF", compression="tiff_lzw"
    ),
    "TIFF, 16 bits, big-endian": lambda: tiff16((GRAY * 257).astype(np.uint16)[..., None], colors=1),
    "TIFF of fractions": lambda: saved(Image.fromarray((GRAY / 255).astype(np.float32)), "TIFF"),
}


def in_lab() -> Image.Image:
    made = ImageCms.profileToProfile(
        PICTURE, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert made is not None
    return made


def png16(levels: np.ndarray) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bmp_from_the_top() -> bytes:
    whole = bytearray(saved(PICTURE.transpose(Image.Transpose.FLIP_TOP_BOTTOM), "BMP"))
    struct.pack_into("<i", whole, 22, -SIZE[1])
    return bytes(whole)


def run_length_bmp() -> bytes:
    """32 x 16 in runs of a row each, from the lowest up, 10 levels brighter each."""
    colors = b"".join(bytes((level, level, level, 0)) for level in range(256))
    runs = b"".join(bytes((32, 10 * row, 0, 0)) for row in range(16)) + b"\0\1"
    start = 14 + 40 + len(colors)
    head = struct.pack("<2sIHHI", b"BM", start + len(runs), 0, 0, start)
    return head + struct.pack("<IiiHHIIiiII", 40, 32, 16, 1, 8, 1, len(runs), 0, 0, 256, 0) + colors + runs


def test_a_bmp_of_runs_is_read_and_half_of_one_is_not() -> None:
    assert read_photo(run_length_bmp())[0][:, 5, 1].tolist() == list(range(150, -1, -10))
    for cut in (6, 20, 40):
        with pytest.raises(BadInput) as refused:
            read_photo(run_length_bmp()[:-cut])
        assert refused.value.code == "damaged"


def test_a_fax_in_a_tiff_is_black_and_white() -> None:
    page = PICTURE.convert("1")
    for coding in ("group3", "group4"):
        read = read_photo(saved(page, "TIFF", compression=coding))[0]
        assert np.array_equal(read[..., 0], np.asarray(page) * 255)


@pytest.fixture
def library(data: DataFolder) -> Library:
    return Library(data, Retention(upload_mb=5))


def uploaded(library: Library, photo: bytes) -> np.ndarray:
    stored = Image.open(library.files(accept(library, photo).token).original)
    assert stored.mode == "RGB"
    return np.asarray(stored).astype(int)


@pytest.mark.parametrize("case", FILES)
def test_every_file_comes_out_as_it_was_drawn_both_ways(library: Library, case: str) -> None:
    make, off = FILES[case]
    photo = make()
    read = read_photo(photo)[0]
    assert read.dtype == np.uint8
    assert read.shape == LEVELS.shape
    assert np.abs(read - LEVELS).mean() <= off
    assert np.abs(uploaded(library, photo) - read).mean() <= 2.5, "an upload is stored as a JPEG"


@pytest.mark.parametrize("case", GRAYS)
def test_grays_of_any_depth_keep_their_brightness(case: str) -> None:
    read = read_photo(GRAYS[case]())[0]
    assert np.abs(read - GRAY[..., None]).max() <= (4 if case == "JPEG" else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_applied_once_in_every_format(form: str, orientation: int) -> None:
    tags = Image.Exif()
    tags[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}.get(form, {"quality": 95})
    read = read_photo(saved(stored, form, exif=tags, **options))[0]
    assert read.shape == LEVELS.shape
    assert np.abs(read - LEVELS).mean() <= 4


STORED = {n: np.asarray(stored(PICTURE, n)) for n in range(1, 9)}


@pytest.mark.parametrize(
    "space", [profiles.ADOBE_RGB, profiles.PROPHOTO, profiles.DISPLAY_P3], ids=["Adobe RGB", "ProPhoto", "Display P3"]
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIC"])
def test_colors_of_a_profile_become_srgb_both_ways(library: Library, form: str, space: profiles.Space) -> None:
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}.get(form, {"quality": 98, "subsampling": 0})
    if form == "AVIF":
        options["subsampling"] = "4:4:4"
    if form == "HEIC":
        photo = heic(PICTURE, "-q", "95", form="JPEG", icc_profile=profiles.rgb(space), **options)
    else:
        photo = saved(PICTURE, form, icc_profile=profiles.rgb(space), **options)
    wanted = profiles.as_srgb(np.asarray(PICTURE).astype(float), space)
    assert np.abs(wanted - LEVELS).mean() > 6, "the profile changes the colors"
    exact = form in ("PNG", "TIFF", "WEBP")
    assert np.abs(read_photo(photo)[0] - wanted).mean() <= (0.6 if exact else 3)
    assert np.abs(uploaded(library, photo) - wanted).mean() <= 3.5


def test_adobe_rgb_that_only_exif_names_becomes_srgb() -> None:
    """A camera names it in a directory of its own, below the Exif directory."""
    wanted = profiles.as_srgb(np.asarray(PICTURE).astype(float), profiles.ADOBE_RGB)
    plain = saved(PICTURE, quality=98, subsampling=0)
    for index, expected in (("R03", wanted), ("R98", LEVELS)):
        block = exif.block({}, {0xA005: 70_000})
        at = block.index(struct.pack("<HHI", 0xA005, 4, 1)) + 8
        block = block[:at] + struct.pack("<I", len(block)) + block[at + 4 :] + exif.directory({1: index}, len(block))
        assert np.abs(read_photo(with_exif(plain, block))[0] - expected).mean() <= 1


def test_colors_that_a_png_names_by_number_become_srgb() -> None:
    """12 is Display P3's (H.273), in a chunk cICP."""
    whole = saved(PICTURE, "PNG")
    chunk = b"cICP" + bytes((12, 13, 0, 1))
    named = whole[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + whole[33:]
    profile = ImageCms.ImageCmsProfile(io.BytesIO(primaries.profile(12) or b""))
    wanted = ImageCms.profileToProfile(PICTURE, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert np.array_equal(read_photo(named)[0], np.asarray(wanted))
    assert not np.array_equal(read_photo(named)[0], LEVELS)


def ink_corners() -> dict[tuple[int, int, int, int], tuple[float, float, float]]:
    """Lab of sixteen ways to print: cyan darkens least, black is black."""
    bits = [tuple(n >> s & 1 for s in (3, 2, 1, 0)) for n in range(16)]
    return {
        (c, m, y, k): (0, 0, 0) if k else (100 - 20 * (c + m + y), 60 * m - 40 * c, 60 * y - 40 * c)
        for c, m, y, k in bits
    }


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_inks_are_seen_through_their_profile(library: Library, form: str) -> None:
    """Cyan alone is Lab (80, -40, -40), which sRGB has as about (0, 221, 255)."""
    photo = saved(Image.new("CMYK", SIZE, (255, 0, 0, 0)), form, icc_profile=profiles.cmyk(ink_corners()))
    for levels in (read_photo(photo)[0], uploaded(library, photo)):
        assert np.abs(levels[20, 30].astype(int) - (0, 221, 255)).max() <= 3
    plain = saved(Image.new("CMYK", SIZE, (255, 0, 0, 0)), form)
    assert np.abs(read_photo(plain)[0][20, 30].astype(int) - (0, 255, 255)).max() <= 3


def test_a_profile_of_other_pixels_is_ignored() -> None:
    gray = saved(PICTURE, "PNG", icc_profile=profiles.cmyk(ink_corners()))
    assert np.array_equal(read_photo(gray)[0], LEVELS)


WHOLE: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved(PICTURE, quality=90),
    "JPEG with restarts": lambda: saved(PICTURE, quality=90, restart_marker_blocks=3),
    "gray JPEG": lambda: saved(PICTURE.convert("L"), quality=90),
    "black JPEG": lambda: saved(Image.new("RGB", SIZE), quality=90),
    "JPEG of middle gray": lambda: saved(Image.new("RGB", SIZE, (128, 128, 128)), quality=90),
    "progressive JPEG": lambda: saved(PICTURE, progressive=True, quality=90),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_jpeg_without_its_end_marker_is_read_and_one_that_lacks_a_few_bytes_is_not(case: str) -> None:
    whole = WHOLE[case]()
    wanted = read_picture(whole)[0]
    for cut in (1, 2):
        assert np.array_equal(read_picture(whole[:-cut])[0], wanted)
    for cut in (3, 4, 6, 10, 20, 50, len(whole) // 3, len(whole) // 2):
        with pytest.raises(BadInput) as refused:
            read_picture(whole[:-cut])
        assert refused.value.code == "damaged"


@pytest.mark.parametrize("case", WHOLE)
def test_what_a_phone_appends_is_no_part_of_the_picture(case: str) -> None:
    """Videos hold every marker of JPEGs by chance, with and without an end marker before them."""
    whole = WHOLE[case]()
    wanted = read_picture(whole)[0]
    for seed in range(25):
        video = b"\0\0\0\x18ftypmp42" + np.random.default_rng(seed).bytes(8000)
        for photo in (whole + video, whole[:-2] + video):
            assert np.array_equal(read_picture(photo)[0], wanted)


@pytest.mark.parametrize("case", ["JPEG", "gray JPEG", "JPEG with restarts"])
def test_half_a_photo_is_refused_whatever_follows_it(library: Library, case: str) -> None:
    half = WHOLE[case]()[: -len(WHOLE[case]()) // 3]
    for tail in (b"", b"\xff\xd9", b"\0\0\0\x18ftypmp42" + np.random.default_rng(1).bytes(9000) + b"SEFT"):
        with pytest.raises(BadInput) as refused:
            accept(library, half + tail)
        assert refused.value.code == "damaged"


def test_a_progressive_photo_without_its_last_scans_is_half_a_photo() -> None:
    """The file was cut on its way: sent again, it is sharper."""
    whole = WHOLE["progressive JPEG"]()
    scans = [one for one in jpeg.segments(whole) if one.marker == jpeg.SCAN]
    assert len(scans) > 4
    for scan in scans[:-1]:
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(BadInput) as refused:
                read_picture(whole[: scan.end] + end)
            assert refused.value.code == "damaged"


CUT = ("PNG", "WebP without loss", "HEIC", "AVIF", "TIFF", "TIFF, LZW", "TIFF of tiles", "TIFF, 16 bits", "BMP", "GIF")


@pytest.mark.parametrize("case", CUT)
def test_half_a_file_of_any_format_is_damaged(case: str) -> None:
    whole = FILES[case][0]()
    for part in (0.3, 0.6, 0.9):
        with pytest.raises(BadInput) as refused:
            read_picture(whole[: int(part * len(whole))])
        assert refused.value.code == "damaged"


@pytest.mark.parametrize("case", ["PNG", "WebP without loss", "TIFF", "BMP", "GIF"])
def test_bytes_behind_a_whole_file_are_ignored(case: str) -> None:
    whole = FILES[case][0]()
    assert np.array_equal(read_picture(whole + b"\xff\xd8something else" * 50)[0], read_picture(whole)[0])


def test_a_png_without_its_end_is_read() -> None:
    whole = FILES["PNG"][0]()
    assert np.array_equal(read_picture(whole[:-12])[0], LEVELS)


def test_a_file_cut_in_what_stands_behind_its_picture_is_read() -> None:
    webp = saved(PICTURE, "WEBP", lossless=True, xmp=b"x" * 2000)
    text = b"tEXtcomment\0" + b"x" * 2000
    png = saved(PICTURE, "PNG")
    png = png[:-12] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + png[-12:]
    for whole in (webp, png):
        for cut in (1, 13, 500, 1900):
            assert np.array_equal(read_picture(whole[:-cut])[0], LEVELS)


@pytest.mark.parametrize("case", ["AVIF", "HEIC", "GIF", "BMP", "TIFF", "TIFF of tiles", "TIFF, 16 bits in planes"])
def test_wrong_numbers_are_a_refusal_or_a_picture(case: str) -> None:
    whole = FILES[case][0]()
    head = max(whole.find(b"mdat"), 0) + 64 if case in ("AVIF", "HEIC") else min(400, len(whole))
    chance = np.random.default_rng(5)
    for _ in range(400):
        data = bytearray(whole)
        for at in chance.integers(8, head, 2):
            data[at] = int(chance.choice([0, 1, 127, 255, chance.integers(256)]))
        try:
            parts = container.take_apart(bytes(data))
        except (Damaged, BadInput):
            continue
        assert parts.width > 0
        assert parts.height > 0


def test_a_tiff_that_names_the_same_bytes_often_is_refused() -> None:
    whole = bytearray(tiff16(np.zeros((200, 3, 1), np.uint16), colors=1))
    rows = struct.pack(">I", 1)
    at = whole.index(struct.pack(">HHI", 278, 4, 1)) + 8
    whole[at : at + 4] = rows
    with pytest.raises(Damaged, match="missing"):
        container.take_apart(bytes(whole))


def test_an_avif_whose_frame_is_larger_than_it_says_is_refused() -> None:
    whole = saved(PICTURE.resize((960, 480)), "AVIF", quality=60)
    at = whole.index(b"ispe") + 8
    lying = whole[:at] + struct.pack(">II", 64, 32) + whole[at + 8 :]
    with pytest.raises(Damaged, match="larger"):
        container.take_apart(lying)


def test_an_avif_whose_transparency_is_larger_than_it_says_is_refused() -> None:
    """The second item is the transparency: its sequence header asks for a larger frame than the picture has."""
    small, large = (saved(PICTURE.resize(size).convert("RGBA"), "AVIF", quality=60) for size in ((64, 32), (960, 480)))
    at = [n for n in range(len(large)) if large.startswith(b"ispe", n)]
    assert container.take_apart(small).width == 64
    size = large[at[0] + 8 : at[0] + 16]
    # One size property serves both items.
    assert len(at) == 1
    with pytest.raises(Damaged, match="larger"):
        container.take_apart(large.replace(size, struct.pack(">II", 64, 32)))


RAW = {
    "DNG": struct.pack("<2sHIH", b"II", 42, 8, 3)
    + struct.pack("<HHII", 256, 4, 1, 160)
    + struct.pack("<HHII", 257, 4, 1, 120)
    + struct.pack("<HHII", 50706, 1, 4, 0x00000401)
    + bytes(64),
    "Panasonic": b"IIU\0" + bytes(200),
    "Fujifilm": b"FUJIFILMCCD-RAW 0201" + bytes(200),
}


@pytest.mark.parametrize("case", RAW)
def test_a_raw_file_is_told_what_it_is(library: Library, case: str) -> None:
    with pytest.raises(BadInput, match=r"(?i)raw file") as refused:
        accept(library, RAW[case])
    assert (refused.value.code, refused.value.status) == ("unsupported_format", 415)


def film(*marks: bytes, front: bool = True) -> bytes:
    """An MP4 whose description holds these boxes, before or behind its data."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    described = box(b"moov", box(b"trak", b"".join(box(mark[:4], mark[4:] + bytes(16)) for mark in marks)))
    data = box(b"mdat", bytes(5000))
    return box(b"ftyp", b"mp42\0\0\0\0isommp42") + (described + data if front else data + described)


UUID = b"uuid" + bytes.fromhex("ffcc8263f8554a938814587a02521fdd")


@pytest.mark.parametrize("mark", [b"sv3d", b"st3d", UUID], ids=["sv3d", "st3d", "uuid"])
@pytest.mark.parametrize("front", [True, False])
def test_a_360_film_is_refused_by_name_and_another_film_by_its_own(
    library: Library, tmp_path: Path, mark: bytes, front: bool
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film(mark, front=front))
    with pytest.raises(BadInput, match="This is a 360 video") as refused:
        accept(library, path)
    assert (refused.value.code, refused.value.status) == ("video_360", 415)
    with pytest.raises(BadInput, match="This is a 360 video"):
        read_picture(path)
    path.write_bytes(film(b"vmhd", front=front))
    with pytest.raises(BadInput, match="This is a video file"):
        accept(library, path)
    with pytest.raises(BadInput, match="This is a video file"):
        read_picture(path)


def test_formats_of_one_s_own_files_are_read_too(tmp_path: Path) -> None:
    for form in ("PPM", "JPEG2000"):
        buffer = io.BytesIO()
        PICTURE.save(buffer, form)
        pixels, info = read_picture(buffer.getvalue())
        assert info.format == form
        assert np.array_equal(pixels, LEVELS)
