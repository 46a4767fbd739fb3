"""What is written beside a picture stays with its owner: nothing of it is in what the kiosk keeps and shows."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.pictures.containers import jpeg
from kiosk.pictures.gpano import gpano_xmp
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests.heic import heic

MARK = b"Mark0815Elm"
TEXT = MARK.decode()


def picture() -> Image.Image:
    return Image.effect_mandelbrot((256, 128), (-3, -2.5, 2, 2.5), 100).convert("RGB")


def saved(form: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or picture()).save(buffer, form, **options)
    return buffer.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags.update({ExifTags.Base.Make: TEXT, ExifTags.Base.Orientation: orientation, ExifTags.Base.Artist: TEXT})
    tags.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.UserComment: MARK, ExifTags.Base.BodySerialNumber: TEXT})
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = MARK
    return tags


def marked_profile() -> bytes:
    """sRGB's profile with another description."""
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    name = "sRGB".encode("utf-16-be")
    return whole.replace(name, TEXT.encode("utf-16-be")[: len(name)], 1) + MARK


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def segments_added(photo: bytes) -> bytes:
    """The JPEG with the mark in every kind of segment that has room for it, and behind its end."""
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{TEXT}</x:xmpmeta>'.encode()
    added = [
        segment(0xE0, b"JFXX\0\x10" + MARK),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + b"\0" * 8 + MARK),
        segment(0xE2, b"FPXR\0" + MARK),
        segment(0xE4, b"Huawei\0" + MARK),
        segment(0xEB, b"JP\0\1" + b"\0\0\0\1jumb" + MARK),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10\x1c\x02\x78\0\x0b" + MARK),
        segment(0xFE, MARK),
    ]
    at = next(one.start for one in jpeg.segments(photo) if one.marker in jpeg.FRAMES)
    end = photo.rindex(b"\xff\xd9")
    return photo[:at] + b"".join(added) + photo[at:end] + segment(0xFE, MARK) + b"\xff\xd9" + MARK + b"SEFT"


def place(**properties: str) -> bytes:
    return gpano_xmp(256, 128, 45, **{f"GPano:{name}": value for name, value in properties.items()})


def png(**options: object) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", TEXT)
    text.add_text("Description", TEXT, zip=True)
    text.add_itxt("Title", TEXT, "de", TEXT)
    text.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{TEXT}</x:xmpmeta>")
    text.add(b"prVt", MARK)
    return saved("PNG", pnginfo=text, exif=exif(6), **options) + MARK


def webp() -> bytes:
    whole = saved("WEBP", exif=exif(), xmp=MARK, icc_profile=marked_profile())
    whole += b"mArK" + struct.pack("<I", 12) + MARK + b"\0"
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def mpo() -> bytes:
    second = Image.open(io.BytesIO(saved("JPEG", comment=MARK, exif=exif())))
    buffer = io.BytesIO()
    picture().save(buffer, "MPO", save_all=True, append_images=[second], exif=exif(3), comment=MARK)
    return segments_added(buffer.getvalue())


def adobe_with_a_tail() -> bytes:
    whole = saved("JPEG", picture().convert("CMYK"), comment=MARK, exif=exif())
    at = whole.index(b"Adobe") - 4
    body = whole[at + 4 : at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")]
    return segments_added(whole[:at] + segment(0xEE, body + MARK) + whole[at + 4 + len(body) :])


def motion_photo() -> bytes:
    """A phone's JPEG with what phones write: maker note, owner, serial number, place, a thumbnail, and behind its end a
    film and Samsung's trailer."""
    tags = exif(6)
    tags.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.MakerNote: b"Samsung\0" + MARK, ExifTags.Base.CameraOwnerName: TEXT,
         ExifTags.Base.LensSerialNumber: TEXT}
    )  # fmt: skip
    small = saved("JPEG", picture().resize((32, 16)), comment=MARK)
    tags.get_ifd(ExifTags.IFD.IFD1).update({ExifTags.Base.Compression: 6, 513: 0, 514: len(small)})
    film = struct.pack(">I", 24) + b"ftypmp42\0\0\0\0mp42isom" + struct.pack(">I", 8 + len(MARK)) + b"mdat" + MARK
    trailer = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + film + b"SEFH" + MARK + struct.pack("<I", 24) + b"SEFT"
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" MotionPhoto="1">{TEXT}</x:xmpmeta>'.encode()
    photo = saved("JPEG", exif=tags, comment=MARK, xmp=xmp)
    return segments_added(photo) + segment(0xE1, b"Exif\0\0" + small) + trailer


JPEG = {"exif": exif(), "comment": MARK, "icc_profile": marked_profile()}
PHOTOS: dict[str, Callable[[], bytes]] = {
    "a JPEG": lambda: segments_added(saved("JPEG", **JPEG)),
    "a motion photo": motion_photo,
    "a JPEG that is turned": lambda: segments_added(saved("JPEG", exif=exif(6), comment=MARK)),
    "a JPEG that is turned, with a profile": lambda: segments_added(saved("JPEG", **{**JPEG, "exif": exif(6)})),
    "a progressive JPEG": lambda: segments_added(saved("JPEG", progressive=True, **JPEG)),
    "a JPEG in grays": lambda: segments_added(saved("JPEG", picture().convert("L"), comment=MARK, exif=exif())),
    "a JPEG in CMYK, Adobe's segment with a tail": adobe_with_a_tail,
    "several pictures in a JPEG": mpo,
    "a projection of free text": lambda: saved("JPEG", xmp=place(ProjectionType=TEXT), comment=MARK),
    "a stereo mode of free text": lambda: saved("JPEG", xmp=place(StereoMode=TEXT), comment=MARK),
    "numbers with text behind them": lambda: saved("JPEG", xmp=place(FullPanoWidthPixels=f"256 {TEXT}")),
    "other properties beside its place": lambda: saved("JPEG", xmp=gpano_xmp(256, 128, 45, **{"xmp:Label": TEXT})),
    "a PNG": png,
    "a PNG with a profile": lambda: png(icc_profile=marked_profile()),
    "a WebP": webp,
    "a HEIC": lambda: heic(picture(), form="JPEG", exif=exif(), xmp=MARK, quality=90),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", PHOTOS)
def test_nothing_that_was_written_beside_a_picture_is_kept(data: DataFolder, case: str) -> None:
    photo = PHOTOS[case]()
    assert MARK in photo
    with Library(data, Retention()) as library:
        accepted = accept(library, photo)
        kept = b"".join(path.read_bytes() for path in library.files(accepted.token).folder.rglob("*") if path.is_file())
        assert accepted.gpano is None or TEXT.lower() not in str(accepted.gpano).lower()
    for form in (MARK, MARK.lower(), TEXT.encode("utf-16-be")[:8], TEXT.encode("utf-16-le")[:8]):
        assert form not in kept
    stored = Image.open(io.BytesIO(kept))
    assert stored.format == "JPEG"
    assert not stored.getexif()
    assert {"comment", "icc_profile", "exif", "photoshop", "mp"}.isdisjoint(stored.info)
    markers = {one.marker for one in jpeg.segments(kept)}
    assert markers <= {0xE0, 0xE1, 0xDB, 0xC0, 0xC4, 0xDA}, "nothing but tables, a baseline frame, and our own packet"


def test_a_comment_that_a_library_would_write_again_is_not() -> None:
    """The rule holds for what was made, whatever made it."""
    whole = saved("JPEG", comment=MARK)
    assert MARK in whole
    assert MARK not in jpeg.strip(whole)
    assert zlib.crc32(Image.open(io.BytesIO(jpeg.strip(whole))).tobytes()) == zlib.crc32(
        Image.open(io.BytesIO(whole)).tobytes()
    )
