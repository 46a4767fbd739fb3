"""Photos of every format that the kiosk reads, and ways to break them: anywhere, in what their headers say, or by tags
that no camera writes."""

from __future__ import annotations

import io
import random
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from kiosk.pictures.gpano import gpano_xmp, with_xmp
from tests import exif as tags
from tests.heic import heic
from tests.photos import tiff16, tiled_tiff, with_exif

NUMBERS = (0, 1, 2, 7, 8, 15, 16, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF)
NUMBERS += (2**20, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
WORDS = ("-1", "0", "1e308", "nan", "inf", "999999", "1000000", "2000000000", "9" * 300, "0x10", "1024.5", "", "&a;")


@dataclass(frozen=True)
class Seed:
    """A photo and the range of bytes where its headers are."""

    name: str
    data: bytes
    headers: tuple[int, int]


def picture(width: int) -> Image.Image:
    """A 2:1 picture with large shapes and some grain."""
    rows, columns = np.mgrid[0 : width // 2, 0:width] * (512 / width)
    grain = np.random.default_rng(0).integers(0, 24, (width // 2, width))
    colors = np.stack([columns / 2, rows, (columns + rows) % 256], -1) * 0.9 + grain[..., None]
    return Image.fromarray(colors.clip(0, 255).astype(np.uint8))


def seeds(width: int) -> list[Seed]:
    """One photo `width` pixels wide of every kind, with all the metadata that its format has."""
    photo = picture(width)
    packet = gpano_xmp(width, width // 2, 30, **{"GPano:FullPanoWidthPixels": width, "GPano:StereoMode": "mono"})
    exif = Image.Exif()
    exif.update({0x0112: 1, 0x010F: "Maker", 0x0110: "Model", 0x0132: "2026:01:01 00:00:00"})
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 14.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
    text.add_text("Comment", "somebody's", zip=True)

    def saved(form: str, image: Image.Image = photo, **options: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    jpeg = {"exif": exif, "xmp": packet, "icc_profile": profile, "comment": b"somebody's", "quality": 90}
    animation = [photo, photo.transpose(Image.Transpose.ROTATE_180)]
    files = {
        "JPEG": saved("JPEG", **jpeg),
        "progressive JPEG": saved("JPEG", progressive=True, **jpeg),
        "JPEG in CMYK": saved("JPEG", photo.convert("CMYK"), quality=90),
        "PNG": saved("PNG", pnginfo=text, exif=exif, icc_profile=profile),
        "PNG with a palette": saved("PNG", photo.quantize(64), pnginfo=text, transparency=3),
        "WebP": saved("WEBP", exif=exif, xmp=packet, icc_profile=profile, quality=85),
        "lossless WebP": saved("WEBP", photo.convert("RGBA"), lossless=True, quality=1, method=0),
        "moving WebP": saved("WEBP", save_all=True, append_images=animation[1:], duration=100, quality=60),
        "HEIC": heic(photo, form="JPEG", **jpeg),
        "AVIF": saved("AVIF", quality=60, speed=9, exif=exif, xmp=packet, icc_profile=profile),
        "TIFF": saved("TIFF", tiffinfo={700: packet}),
        "TIFF with LZW": saved("TIFF", compression="tiff_lzw", tiffinfo={700: packet}, icc_profile=profile),
        "TIFF of tiles": tiled_tiff(photo),
        "TIFF of planes": tiff16(np.asarray(photo).astype(np.uint16) * 257, separate=True),
        "BMP": saved("BMP"),
        "GIF": saved("GIF", photo.quantize(64)),
        "JPEG of a phone": phone(saved("JPEG", quality=90), packet),
    }
    return [Seed(name, data, _headers(name, data)) for name, data in files.items()]


def _headers(name: str, data: bytes) -> tuple[int, int]:
    if "TIFF" in name:
        order: Any = "little" if data[:2] == b"II" else "big"
        at = int.from_bytes(data[4:8], order)
        return at, min(at + 400, len(data))
    if name in ("BMP", "GIF"):
        return 2, 64
    marks = {"JPEG": b"\xff\xda", "PNG": b"IDAT", "WebP": b"VP8", "HEIC": b"mdat", "AVIF": b"mdat"}
    mark = next(mark for kind, mark in marks.items() if kind in name)
    return 2, max(data.find(mark) + 16, 64)


def break_anywhere(seed: Seed, chance: random.Random) -> bytes:
    """The file with bytes changed, cut, doubled, lost or moved, at any place."""
    data = bytearray(seed.data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data))
        length = chance.randrange(1, 1 + min(4096, len(data) - at))
        piece = data[at : at + length]
        to = chance.randrange(len(data))
        action = chance.randrange(6)
        if action == 0:
            data[at] = chance.randrange(256)
        elif action == 1:
            data[at : at + length] = chance.randbytes(length)
        elif action == 2:
            data[to:to] = piece
        elif action == 3:
            del data[at : at + min(length, len(data) - 1)]
        elif action == 4:
            data[to : to + length] = piece
        else:
            del data[max(32, at) :]
    return bytes(data)


def break_headers(seed: Seed, chance: random.Random) -> bytes:
    """The file with numbers of its headers, texts of its XMP or whole segments changed; a PNG's checksums are right
    again, so that its chunks are believed."""
    data = bytearray(seed.data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice((_a_number, _a_number, _a_word, _a_segment))(data, seed, chance)
    return _with_checksums(bytes(data)) if seed.data[:4] == b"\x89PNG" else bytes(data)


def _a_number(data: bytearray, seed: Seed, chance: random.Random) -> None:
    size = chance.choice((1, 2, 4))
    first, last = seed.headers
    at = chance.randrange(first, max(first + 1, min(last, len(data) - size)))
    order = chance.choice((">", "<"))
    number = chance.choice((*NUMBERS, chance.randrange(2**32))) % 2 ** (8 * size)
    data[at : at + size] = struct.pack(order + {1: "B", 2: "H", 4: "I"}[size], number)


def _a_word(data: bytearray, seed: Seed, chance: random.Random) -> None:
    values = list(re.finditer(rb'GPano:\w+="([^"]*)"', data))
    if not values:
        _a_number(data, seed, chance)
        return
    value = chance.choice(values)
    old, new = value[1], chance.choice(WORDS).encode()
    # Of the same length, so that the segment's own length stays true.
    data[value.start(1) : value.end(1)] = new[: len(old)].ljust(len(old)) if chance.random() < 0.7 else new


def _a_segment(data: bytearray, seed: Seed, chance: random.Random) -> None:
    """A part of the headers a hundred times over, or none of it."""
    first, last = seed.headers
    at = chance.randrange(first, max(first + 1, min(last, len(data) - 4)))
    part = bytes(data[at : at + chance.randrange(4, 400)])
    data[at : at + len(part)] = part * chance.choice((0, 2, 100))


def _with_checksums(data: bytes) -> bytes:
    whole, at = bytearray(data), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + length > len(data):
            break
        struct.pack_into(">I", whole, at + 8 + length, zlib.crc32(data[at + 4 : at + 8 + length]))
        at += 12 + length
    return bytes(whole)


def phone(jpeg: bytes, packet: bytes) -> bytes:
    """The JPEG with all that phones and 360 cameras write: EXIF with a maker note, XMP, and a trailer instead of an end
    marker."""
    block = tags.block(
        {0x010F: "RICOH", 0x0110: "RICOH THETA S"},
        {0x9286: b"ASCII\0\0\0Projection: Equirectangular (2)\nFOV: 360 x 180\n", 0xA405: 26, 0xA434: "a fisheye"},
        tags.theta(1, (10.0, -5.0)),
    )
    name = b"Panorama_Shot_Info"
    body = struct.pack("<HHI", 0, 0x8E0, len(name)) + name
    table = b"SEFH" + struct.pack("<IIHHII", 101, 1, 0, 0x8E0, len(body), len(body))
    return with_xmp(with_exif(jpeg, block), packet)[:-2] + body + table + struct.pack("<I", len(table)) + b"SEFT"


def odd_tags(seed: Seed, chance: random.Random) -> bytes:
    """A small whole picture with tags that fit neither each other nor the picture, in one of the formats."""
    size = chance.choice(((64, 32), (65, 32), (300, 40), (48, 64), (17, 16), (1000, 16)))
    image = Image.effect_noise(size, 60).convert(chance.choice(("RGB", "L", "CMYK", "RGBA", "P", "1", "LA")))
    packet = gpano_xmp(1, 1, **{f"GPano:{name}": chance.choice(ODD) for name in chance.sample(PROPERTIES, 6)})
    makers = (tags.theta(chance.randrange(8), (chance.choice((0.0, 359.0, -90.5)), 12.0)), tags.sony(True))
    makers += (lambda at: tags.fujifilm(chance.choice((0, 1, 180, 360, 60_000))), None)
    block = tags.block(
        {0x010F: chance.choice(("Apple", "RICOH", "", "SAMSUNG")), 0x0110: chance.choice(("SM-C200", "x" * 500))},
        {
            0xA405: chance.choice((0, 1, 13, 65535)),
            0xA401: chance.randrange(10),
            0x920A: chance.choice((0.0, 4.2, 1e5)),
            0xA20E: chance.choice((0.0, 1.0, 4000.0)),
            0x9286: b"ASCII\0\0\0" + chance.choice((b"Screenshot", b"FOV: 999 x 999", b"\xff" * 3000)),
        },
        chance.choice(makers),
        chance.choice(("<", ">")),
    )
    form = chance.choice(("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP"))
    options: dict[str, Any] = {"PNG": {"exif": block}, "TIFF": {"tiffinfo": {700: packet}}}.get(form, {})
    if form in ("WEBP", "AVIF"):
        options = {"exif": block, "xmp": packet}
    holds = {"JPEG": ("L", "RGB", "CMYK"), "WEBP": ("RGB", "RGBA"), "AVIF": ("RGB", "RGBA"), "GIF": ("L", "P", "1")}
    holds |= {"BMP": ("1", "L", "P", "RGB", "RGBA"), "PNG": ("1", "L", "LA", "P", "RGB", "RGBA")}
    buffer = io.BytesIO()
    (image if image.mode in holds.get(form, (image.mode,)) else image.convert("RGB")).save(buffer, form, **options)
    whole = buffer.getvalue()
    whole = with_exif(with_xmp(whole, packet), block) if form == "JPEG" else whole
    return whole + chance.choice((b"", b"SEFT", b"\xff\xd9" * 20, b"8db42d694ccc418790edff439fe026bf"))


ODD = ("equirectangular", "cylindrical", "True", "top-bottom", *WORDS)
PROPERTIES = ("ProjectionType", "FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaLeftPixels")
PROPERTIES += ("CroppedAreaTopPixels", "CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels", "StereoMode")
PROPERTIES += ("PoseHeadingDegrees", "PosePitchDegrees", "PoseRollDegrees", "UsePanoramaViewer")
BREAKERS: dict[str, Callable[[Seed, random.Random], bytes]] = {
    "uploads": break_anywhere,
    "headers": break_headers,
    "odd tags": odd_tags,
}
