"""What a file says about itself: makers' marks, lenses, places; and the stored original says the same."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures import decode
from kiosk.pictures.claims import names
from kiosk.pictures.claims.stored import MAKERS, stored_xmp
from kiosk.pictures.containers.exif import EXIF, read_exif
from kiosk.pictures.decode import Limits
from kiosk.pictures.gpano import GPano, gpano_xmp, with_xmp, xmp_packet
from kiosk.pictures.read import read_photo, read_tags
from kiosk.pictures.tags import NO_TAGS, Tags
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests import exif
from tests.photos import saved, with_exif, with_metadata

SIZE = (128, 64)
WHOLE_SPHERE = GPano("equirectangular", *SIZE, 0, 0, *SIZE)
COMMENT = 0x9286
FOCAL, ACROSS, DOWN, UNIT, FOCAL_35, LENS, RENDERED = 0x920A, 0xA20E, 0xA20F, 0xA210, 0xA405, 0xA434, 0xA401
PIXELS = {0xA002: 6000, 0xA003: 4000}


@pytest.fixture
def library(data: DataFolder) -> Library:
    return Library(data, Retention(upload_mb=5))


def picture(size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.effect_mandelbrot(size, (-3, -2.5, 2, 2.5), 50).convert("RGB")


def jpeg(exif: bytes = b"", size: tuple[int, int] = SIZE) -> bytes:
    whole = saved(picture(size), quality=90)
    return with_exif(whole, exif) if exif else whole


def samsung(*blocks: bytes, whole: bytes | None = None) -> bytes:
    """The JPEG as Samsung's phones write it: blocks and a table behind it, without an end marker."""
    data, entries = b"", b""
    for name in blocks:
        body = struct.pack("<HHI", 0, 0x8E0, len(name)) + name + b"something"
        entries += struct.pack("<HHI", 0, 0x8E0, len(data)) + struct.pack("<I", len(body))
        data += body
    table = b"SEFH" + struct.pack("<II", 101, len(blocks))
    for n in range(len(blocks)):
        start, size = struct.unpack_from("<II", entries, 12 * n + 4)
        table += entries[12 * n : 12 * n + 4] + struct.pack("<II", len(data) - start, size)
    return (whole or jpeg())[:-2] + data + table + struct.pack("<I", len(table)) + b"SEFT"


INSTA360 = bytes(40) + struct.pack("<I32sII", 0, bytes(32), 78, 3) + b"8db42d694ccc418790edff439fe026bf"


def comment(text: str) -> dict[int, exif.Value]:
    return {COMMENT: b"ASCII\0\0\0" + text.encode()}


def adobe(inner: str, namespace: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:n="{namespace}">{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


APPLE = {0x010F: "Apple", 0x0110: "iPhone 15"}
HUGIN = "Projection: {} ({})\nFOV: {} x {}\nEv: 12.34"
CASES: dict[str, tuple[Callable[[], bytes], Tags]] = {
    "nothing": (jpeg, NO_TAGS),
    "a phone's focal length": (
        lambda: jpeg(exif.block(APPLE, {FOCAL_35: 26, FOCAL: 6.8})),
        Tags(focal_mm=26, found=(names.FOCAL_35,)),
    ),
    "the same, big-endian": (
        lambda: jpeg(exif.block(APPLE, {FOCAL_35: 26}, order=">")),
        Tags(focal_mm=26, found=(names.FOCAL_35,)),
    ),
    "an unknown focal length": (lambda: jpeg(exif.block({}, {FOCAL_35: 0, FOCAL: 6.8})), NO_TAGS),
    "a sensor of 22.3 mm in inches": (
        lambda: jpeg(exif.block({}, {**PIXELS, FOCAL: 10.0, ACROSS: 6833.991, DOWN: 6833.991, UNIT: 2})),
        Tags(focal_mm=16.14, found=(names.FOCAL_PLANE,)),
    ),
    "a sensor of 36 mm in centimeters, upright": (
        lambda: jpeg(
            exif.block({}, {0xA002: 4000, 0xA003: 6000, FOCAL: 24.0, ACROSS: 1666.667, DOWN: 1666.667, UNIT: 3})
        ),
        Tags(focal_mm=24.0, found=(names.FOCAL_PLANE,)),
    ),
    "a sensor that cannot be": (
        lambda: jpeg(exif.block({}, {**PIXELS, FOCAL: 10.0, ACROSS: 72.0, DOWN: 72.0, UNIT: 2})),
        NO_TAGS,
    ),
    "a fisheye": (
        lambda: jpeg(exif.block({}, {LENS: "EF8-15mm f/4L FISHEYE USM", FOCAL_35: 8})),
        Tags(focal_mm=8, lens="fisheye", found=(names.FOCAL_35, names.FISHEYE)),
    ),
    "an iPhone's panorama": (
        lambda: jpeg(exif.block(APPLE, {RENDERED: 6, FOCAL_35: 26})),
        Tags(focal_mm=26, panorama="Apple", found=(names.APPLE_PANORAMA, names.FOCAL_35)),
    ),
    "another maker's custom rendering": (lambda: jpeg(exif.block({0x010F: "Canon"}, {RENDERED: 6})), NO_TAGS),
    "a Samsung's panorama": (
        lambda: samsung(b"Image_UTC_Data", b"Panorama_Shot_Info"),
        Tags(panorama="Samsung", found=(names.SAMSUNG_PANORAMA,)),
    ),
    "a Samsung's photo": (lambda: samsung(b"Image_UTC_Data", b"MotionPhoto_Data"), NO_TAGS),
    "a Fujifilm's panorama": (
        lambda: jpeg(exif.block({0x010F: "FUJIFILM"}, {FOCAL: 18.0}, lambda at: exif.fujifilm(180), ">")),
        Tags(panorama="Fujifilm", degrees=180, found=(names.FUJIFILM_PANORAMA,)),
    ),
    "a Fujifilm's photo": (lambda: jpeg(exif.block({0x010F: "FUJIFILM"}, {}, lambda at: exif.fujifilm(0))), NO_TAGS),
    "a Sony's panorama": (
        lambda: jpeg(exif.block({0x010F: "SONY"}, {}, exif.sony(True))),
        Tags(panorama="Sony", found=(names.SONY_PANORAMA,)),
    ),
    "a Sony's photo": (lambda: jpeg(exif.block({0x010F: "SONY"}, {}, exif.sony(False))), NO_TAGS),
    "a Theta's two fisheyes": (
        lambda: jpeg(exif.block({0x010F: "RICOH"}, {}, exif.theta(2))),
        Tags(fisheyes="Ricoh", found=(names.RICOH_TYPE,)),
    ),
    "a Theta's one fisheye": (
        lambda: jpeg(exif.block({0x010F: "RICOH"}, {}, exif.theta(5)), (64, 64)),
        Tags(lens="fisheye", found=(names.RICOH_TYPE,)),
    ),
    "a Theta that was held askew": (
        lambda: jpeg(exif.block({0x010F: "RICOH"}, {LENS: "none"}, exif.theta(1, (350.0, -24.0)))),
        Tags(gpano=GPano("equirectangular", *SIZE, 0, 0, *SIZE, None, None, -24.0, -10.0), found=(names.RICOH_POSE,)),
    ),
    "a Theta that was held askew and turned it back": (
        lambda: jpeg(exif.block({0x010F: "RICOH"}, {}, exif.theta(1, (20.0, -24.0), corrected=1))),
        Tags(gpano=WHOLE_SPHERE, found=(names.RICOH_TYPE,)),
    ),
    "a piece cut from a Theta's sphere": (
        lambda: jpeg(exif.block({0x010F: "RICOH"}, {}, exif.theta(1, (20.0, -24.0))), (64, 48)),
        NO_TAGS,
    ),
    "a Gear 360's sphere without a place": (lambda: jpeg(exif.block({0x010F: "SAMSUNG", 0x0110: "SM-C200"})), NO_TAGS),
    "a Gear 360's sphere": (
        lambda: with_xmp(jpeg(exif.block({0x010F: "SAMSUNG", 0x0110: "SM-C200"})), gpano_xmp(*SIZE)),
        Tags(gpano=WHOLE_SPHERE, found=(names.GPANO,)),
    ),
    "an Insta360's two fisheyes": (lambda: jpeg() + INSTA360, Tags(fisheyes="Insta360", found=(names.INSTA360,))),
    "a flat photo of an Insta360": (lambda: jpeg(size=(96, 72)) + INSTA360, NO_TAGS),
    "Hugin's whole sphere": (
        lambda: jpeg(exif.block({}, comment(HUGIN.format("Equirectangular", 2, 360, 180)))),
        Tags(gpano=WHOLE_SPHERE, found=(names.HUGIN,)),
    ),
    "Hugin's part of a sphere, with lines of Windows": (
        lambda: jpeg(exif.block({}, comment(HUGIN.format("Equirectangular", 2, 180, 45).replace("\n", "\r\n")))),
        Tags(gpano=GPano("equirectangular", 256, 256, 64, 96, *SIZE), found=(names.HUGIN,)),
    ),
    "Hugin's cylinder": (
        lambda: jpeg(exif.block({}, comment(HUGIN.format("Cylindrical", 1, 220, 60)))),
        Tags(panorama="Hugin", degrees=220, found=(names.HUGIN,)),
    ),
    "Hugin's plain view": (lambda: jpeg(exif.block({}, comment(HUGIN.format("Rectilinear", 0, 90, 60)))), NO_TAGS),
    "a cylinder in GPano": (
        lambda: with_xmp(
            jpeg(),
            gpano_xmp(*SIZE, **{"GPano:ProjectionType": "cylindrical", "GPano:FullPanoWidthPixels": 256}),
        ),
        Tags(gpano=GPano("cylindrical", 256, 64, 0, 0, *SIZE), panorama="GPano", degrees=180.0, found=(names.GPANO,)),
    ),
    "Photomatix's panorama": (
        lambda: with_xmp(
            jpeg(), adobe("<n:IsPano360>Yes</n:IsPano360>", "http://www.hdrsoft.com/photomatix_settings01")
        ),
        Tags(panorama="Photomatix", degrees=360, found=(names.PHOTOMATIX_PANORAMA,)),
    ),
    "a screenshot of iOS": (
        lambda: jpeg(exif.block({}, comment("Screenshot"))),
        Tags(screenshot=True, found=(names.SCREENSHOT,)),
    ),
    "a screenshot of iOS, in XMP": (
        lambda: with_xmp(
            jpeg(),
            adobe(
                '<n:UserComment><r:Alt xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:li>Screenshot</r:li>'
                "</r:Alt></n:UserComment>",
                "http://ns.adobe.com/exif/1.0/",
            ),
        ),
        Tags(screenshot=True, found=(names.SCREENSHOT,)),
    ),
    "a comment on a screenshot": (lambda: jpeg(exif.block({}, comment("Screenshot of my cat"))), NO_TAGS),
}


@pytest.mark.parametrize("case", CASES)
def test_what_makers_and_programs_write_is_understood(case: str) -> None:
    make, expected = CASES[case]
    assert read_tags(make()) == expected


@pytest.mark.parametrize("case", CASES)
def test_the_stored_original_says_the_same_as_the_upload(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    make, expected = CASES[case]
    # What the child process does, in this one, which needs its processor longer.
    monkeypatch.setattr(decode, "limit", lambda *_: None)
    stored, _, _ = decode.decode(make(), Limits())
    assert read_photo(stored)[1] == expected
    assert read_tags(stored) == expected


PACKET = gpano_xmp(
    *SIZE,
    123.456789,
    **{
        "GPano:FullPanoWidthPixels": 400,
        "GPano:FullPanoHeightPixels": 200,
        "GPano:CroppedAreaLeftPixels": 30,
        "GPano:CroppedAreaTopPixels": 70,
        "GPano:PosePitchDegrees": 17.1,
        "GPano:PoseRollDegrees": -12.7,
    },
)
PLACED = GPano("equirectangular", 400, 200, 30, 70, *SIZE, 123.456789, None, 17.1, -12.7)
LENS_BLOCK = exif.block(APPLE, {FOCAL_35: 26, RENDERED: 6})
GEAR_360 = exif.block({0x010F: "SAMSUNG", 0x0110: "SM-C200"})


@pytest.mark.parametrize(
    ("size", "maker"), [((5792, 2896), "Samsung"), ((7776, 3888), "Samsung"), ((7200, 3600), None)]
)
def test_a_gear_360_s_two_fisheyes_are_told_by_their_size(size: tuple[int, int], maker: str | None) -> None:
    photo = with_exif(saved(Image.new("L", size), quality=20), GEAR_360)
    assert read_tags(photo).fisheyes == maker


FORMATS = with_metadata(picture(), PACKET, LENS_BLOCK)
NO_EXIF = ("GIF", "TIFF")


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_tags_come_out_of_every_format_and_stay(library: Library, form: str) -> None:
    photo = FORMATS[form]()
    tags = read_tags(photo)
    assert tags.gpano == PLACED
    if form not in NO_EXIF:
        assert (tags.focal_mm, tags.panorama) == (26, "Apple")
        assert tags.found == (names.GPANO, names.APPLE_PANORAMA, names.FOCAL_35)
    assert read_photo(photo)[1] == tags
    accepted = accept(library, photo)
    assert read_tags(library.files(accepted.token).original) == tags
    assert accepted.gpano is not None
    assert accepted.gpano["pose_pitch_degrees"] == 17.1


def test_a_tiff_s_own_tags_are_its_exif() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x010F] = "Apple"
    tags[EXIF] = {FOCAL_35: 13, RENDERED: 6}
    assert read_tags(saved(picture(), "TIFF", tiffinfo=tags)) == Tags(
        focal_mm=13, panorama="Apple", found=(names.APPLE_PANORAMA, names.FOCAL_35)
    )


def extended(
    main: bytes, whole: bytes, *, digest: str | None = None, pieces: int = 3, drop: int | None = None
) -> bytes:
    """A JPEG with the packet `main`, which names an extended packet, and that packet in pieces."""
    named = (digest or hashlib.md5(whole, usedforsecurity=False).hexdigest().upper()).encode()
    step = -(-len(whole) // pieces)
    segments = b""
    for n in reversed(range(pieces)):
        body = b"http://ns.adobe.com/xmp/extension/\0" + named + struct.pack(">II", len(whole), n * step)
        body += whole[n * step : (n + 1) * step]
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body if n != drop else b""
    photo = with_xmp(jpeg(), main.replace(b"DIGEST", named))
    at = photo.index(b"\xff\xdb")
    return photo[:at] + segments + photo[at:]


MAIN = adobe("<n:HasExtendedXMP>DIGEST</n:HasExtendedXMP>", "http://ns.adobe.com/xmp/note/")


def test_a_place_in_extended_xmp_is_found() -> None:
    assert read_tags(extended(MAIN, PACKET)).gpano == PLACED


@pytest.mark.parametrize(
    "photo",
    [
        lambda: extended(MAIN, PACKET, drop=1),
        lambda: extended(MAIN, PACKET, digest="0" * 32),
        lambda: extended(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", PACKET),
        lambda: extended(MAIN, PACKET).replace(struct.pack(">II", len(PACKET), 0), struct.pack(">II", 2**32 - 1, 0)),
    ],
    ids=["a piece is missing", "another digest", "not named", "another length"],
)
def test_extended_xmp_that_is_not_whole_is_ignored(photo: Callable[[], bytes]) -> None:
    assert read_tags(photo()) == NO_TAGS


def gpano_of(properties: str, size: tuple[int, int] = SIZE) -> GPano | None:
    panorama = "http://ns.google.com/photos/1.0/panorama/"
    body = "".join(f"<n:{name}>{value}</n:{name}>" for name, value in (p.split("=") for p in properties.split()))
    return read_tags(with_xmp(jpeg(size=size), adobe(body, panorama))).gpano


EQUIRECTANGULAR = "ProjectionType=equirectangular"


@pytest.mark.parametrize(
    ("properties", "size", "expected"),
    [
        (EQUIRECTANGULAR, (128, 64), (128, 64, 0, 0)),
        (EQUIRECTANGULAR, (127, 64), (128, 64, 0, 0)),
        (EQUIRECTANGULAR, (129, 64), (129, 64, 0, 0)),
        (EQUIRECTANGULAR, (120, 20), (120, 60, 0, 20)),
        (EQUIRECTANGULAR, (60, 60), (120, 60, 30, 0)),
        (f"{EQUIRECTANGULAR} FullPanoWidthPixels=400", (100, 50), (400, 200, 150, 75)),
        (f"{EQUIRECTANGULAR} FullPanoHeightPixels=200", (100, 50), (400, 200, 150, 75)),
        (f"{EQUIRECTANGULAR} FullPanoWidthPixels=400 CroppedAreaTopPixels=10", (100, 50), (400, 200, 150, 10)),
        ("UsePanoramaViewer=True", (128, 64), (128, 64, 0, 0)),
        ("FullPanoWidthPixels=400 CroppedAreaImageWidthPixels=100 CroppedAreaImageHeightPixels=50 "
         "CroppedAreaLeftPixels=7 CroppedAreaTopPixels=80", (100, 50), (400, 200, 7, 80)),
    ],
)  # fmt: skip
def test_sizes_that_are_left_out_are_those_that_viewers_assume(
    properties: str, size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    found = gpano_of(properties, size)
    assert found is not None
    assert (found.full_width, found.full_height, found.cropped_left, found.cropped_top) == expected
    assert (found.cropped_width, found.cropped_height) == size


def test_a_photo_that_only_asks_for_a_viewer_is_no_sphere() -> None:
    assert gpano_of("UsePanoramaViewer=True", (96, 72)) is None
    assert gpano_of("UsePanoramaViewer=False", (128, 64)) is None


def test_each_property_counts_where_it_comes_first() -> None:
    panorama = "http://ns.google.com/photos/1.0/panorama/"
    first = adobe(
        "<n:ProjectionType>equirectangular</n:ProjectionType><n:PosePitchDegrees>5</n:PosePitchDegrees>", panorama
    )
    photo = with_xmp(jpeg(), PACKET)
    body = b"http://ns.adobe.com/xap/1.0/\0" + first
    photo = photo[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + photo[2:]
    found = read_tags(photo).gpano
    assert found is not None
    assert (found.pose_pitch_degrees, found.pose_roll_degrees, found.full_width) == (5, -12.7, 400)
    broken = first.replace(
        b"<n:PosePitchDegrees>5", b"<n:FullPanoWidthPixels>many</n:FullPanoWidthPixels><n:PosePitchDegrees>5"
    )
    body = b"http://ns.adobe.com/xap/1.0/\0" + broken
    photo = with_xmp(jpeg(), PACKET)
    photo = photo[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + photo[2:]
    assert read_tags(photo).gpano == PLACED, "a packet that makes no sense leaves the other its say"


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        ("PoseHeadingDegrees=370.5 PosePitchDegrees=91 PoseRollDegrees=190", (10.5, None, -170.0)),
        ("PoseHeadingDegrees=-10 PosePitchDegrees=-90 PoseRollDegrees=-180", (350.0, -90.0, -180.0)),
        ("PoseHeadingDegrees=nan PosePitchDegrees=inf PoseRollDegrees=1e400", (None, None, None)),
    ],
)
def test_poses_are_brought_into_their_ranges(pose: str, expected: tuple[float | None, ...]) -> None:
    found = gpano_of(f"{EQUIRECTANGULAR} {pose}")
    assert found is not None
    assert (found.pose_heading_degrees, found.pose_pitch_degrees, found.pose_roll_degrees) == expected


def test_whoever_writes_the_kiosk_s_own_property_is_not_believed_more() -> None:
    said = {
        "focal_mm": 1e9,
        "lens": "<script>",
        "panorama": "Somebody",
        "degrees": -5,
        "fisheyes": ["Ricoh"],
        "screenshot": "yes",
        "found": ["<b>", names.GPANO, 7],
        "gpano": {"full_width": -1},
        "more": 1,
    }
    assert read_tags(with_xmp(jpeg(), xmp_packet({"Tags": json.dumps(said)}))) == Tags(found=(names.GPANO,))
    odd = ("[" * 3000, "null", "7", "{", '{"focal_mm": NaN}', '{"found": {}}', "x" * 9000)
    for text in (*odd, f'{{"degrees": 1{"0" * 400}}}', '{"found": [["a"]]}'):
        assert read_tags(with_xmp(jpeg(), xmp_packet({"Tags": text}))) == NO_TAGS


def test_every_maker_and_name_that_the_readers_use_may_be_stored() -> None:
    for _, expected in CASES.values():
        assert {expected.panorama, expected.fisheyes} - {None} <= MAKERS
        assert set(expected.found) <= names.OF_ALL


def test_a_packet_is_written_only_where_there_is_something_to_keep() -> None:
    assert stored_xmp(NO_TAGS) is None
    assert b"Tags" not in (stored_xmp(Tags(gpano=WHOLE_SPHERE, found=(names.GPANO,))) or b"")


def test_damaged_exif_is_never_an_error() -> None:
    chance = np.random.default_rng(3)
    blocks = [
        exif.block(APPLE, {**PIXELS, FOCAL: 5.0, LENS: "a lens", ACROSS: 100.0, COMMENT: b"ASCII\0\0\0Screenshot"}),
        exif.block({0x010F: "RICOH"}, {}, exif.theta(1, (20.0, -24.0))),
        exif.block({0x010F: "FUJIFILM"}, {}, lambda at: exif.fujifilm(180), ">"),
        exif.block({0x010F: "SONY"}, {}, exif.sony(True)),
        samsung(b"Panorama_Shot_Info")[-60:],
    ]
    for whole in blocks:
        for _ in range(400):
            data = bytearray(whole)
            for at in chance.integers(0, len(data), 3):
                data[at] = int(chance.choice([0, 1, 255, chance.integers(256)]))
            assert isinstance(read_tags(jpeg(bytes(data))), Tags)
            assert isinstance(read_tags(jpeg() + bytes(data)), Tags)


def test_exif_that_points_at_itself_ends() -> None:
    block = bytearray(exif.block({}, {FOCAL_35: 26}))
    struct.pack_into("<I", block, block.index(struct.pack("<HHI", EXIF, 4, 1)) + 8, 8)
    first = read_exif(bytes(block))
    assert first.child(EXIF).entries == first.entries
    assert read_tags(jpeg(bytes(block))) == NO_TAGS


def test_nothing_private_is_stored(library: Library) -> None:
    block = exif.block(
        {0x010F: "Apple", 0x0110: "Private phone", 0x013B: "Somebody"},
        {FOCAL_35: 26, 0xA431: "SERIAL-4711", LENS: "Private fisheye lens", COMMENT: b"ASCII\0\0\0my home"},
    )
    stored = library.files(accept(library, jpeg(block)).token).original.read_bytes()
    assert read_tags(stored) == Tags(focal_mm=26, lens="fisheye", found=(names.FOCAL_35, names.FISHEYE))
    for private in (b"Private", b"Somebody", b"4711", b"home", b"iPhone"):
        assert private not in stored
    assert not Image.open(io.BytesIO(stored)).getexif()
