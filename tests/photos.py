"""A picture as a file of every kind that the kiosk reads, with metadata where the kind has room for it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin

from kiosk.pictures.gpano import with_xmp
from tests.heic import heic


def saved(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def with_exif(jpeg: bytes, exif: bytes) -> bytes:
    """The JPEG with an EXIF block, given without its header, in front."""
    body = b"Exif\0\0" + exif
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def png_texts(xmp: bytes, kind: str) -> PngImagePlugin.PngInfo:
    """The packet in a chunk iTXt, zTXt or tEXt, or as ImageMagick writes it."""
    text = PngImagePlugin.PngInfo()
    if kind == "raw":
        lines = f"\nxmp\n{len(xmp):8}\n" + "\n".join(xmp.hex()[at : at + 72] for at in range(0, 2 * len(xmp), 72))
        text.add_text("Raw profile type xmp", lines, zip=True)
    elif kind == "iTXt":
        text.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
    else:
        text.add_text("XML:com.adobe.xmp", xmp.decode("latin-1"), zip=kind == "zTXt")
    return text


def gif_with_xmp(gif: bytes, xmp: bytes) -> bytes:
    at = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    return gif[:at] + b"!\xff\x0bXMP DataXMP" + xmp + trailer + gif[at:]


def tiff16(levels: np.ndarray, separate: bool = False, colors: int = 2) -> bytes:
    """A bare TIFF of 16 bits a sample, big-endian, interleaved or one plane after the other. levels: uint16 [h, w, c].
    colors: photometric interpretation, 5 for inks."""
    height, width, samples = levels.shape
    planes = [levels[..., n] for n in range(samples)] if separate else [levels]
    pieces = [plane.astype(">u2").tobytes() for plane in planes]
    bits, starts, sizes = 8 + 2 + 12 * 10 + 4, 0, 0
    starts = bits + 2 * samples
    sizes = starts + 4 * len(pieces)
    data = sizes + 4 * len(pieces)
    places = [data + sum(map(len, pieces[:n])) for n in range(len(pieces))]
    one = len(pieces) == 1
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, samples, bits if samples > 2 else 16 << 16),
        (259, 3, 1, 1 << 16),
        (262, 3, 1, colors << 16),
        (273, 4, len(pieces), places[0] if one else starts),
        (277, 3, 1, samples << 16),
        (278, 4, 1, height),
        (279, 4, len(pieces), len(pieces[0]) if one else sizes),
        (284, 3, 1, (2 if separate else 1) << 16),
    ]
    head = struct.pack(">2sHIH", b"MM", 42, 8, len(tags)) + b"".join(struct.pack(">HHII", *tag) for tag in tags)
    values = struct.pack(f">{samples}H", *[16] * samples)
    values += struct.pack(f">{len(pieces)}I", *places) + struct.pack(f">{len(pieces)}I", *map(len, pieces))
    return head + b"\0" * 4 + values + b"".join(pieces)


def tiled_tiff(picture: Image.Image, side: int = 64) -> bytes:
    """A TIFF of deflated tiles, those at the right and lower edge filled up."""
    levels = np.asarray(picture.convert("RGB"))
    height, width = levels.shape[:2]
    across, down = -(-width // side), -(-height // side)
    whole = np.zeros((down * side, across * side, 3), np.uint8)
    whole[:height, :width] = levels
    pieces = [
        zlib.compress(whole[side * y : side * y + side, side * x : side * x + side].tobytes())
        for y in range(down)
        for x in range(across)
    ]
    count = len(pieces)
    bits = 8 + 2 + 12 * 10 + 4
    starts, sizes = bits + 6, bits + 6 + 4 * count
    data = sizes + 4 * count
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits),
        (259, 4, 1, 8),
        (262, 4, 1, 2),
        (277, 4, 1, 3),
        (322, 4, 1, side),
        (323, 4, 1, side),
        (324, 4, count, starts),
        (325, 4, count, sizes),
    ]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    places = [data + sum(map(len, pieces[:n])) for n in range(count)]
    values = (
        struct.pack("<3H", 8, 8, 8) + struct.pack(f"<{count}I", *places) + struct.pack(f"<{count}I", *map(len, pieces))
    )
    return head + b"\0" * 4 + values + b"".join(pieces)


def with_metadata(picture: Image.Image, xmp: bytes, exif: bytes) -> dict[str, Callable[[], bytes]]:
    """The picture in every format that holds XMP, most of them with the EXIF block too."""
    tiff = TiffImagePlugin.ImageFileDirectory_v2()
    tiff[700] = xmp
    whole = b"Exif\0\0" + exif
    return {
        "JPEG": lambda: with_exif(with_xmp(saved(picture, quality=95), xmp), exif),
        "progressive JPEG": lambda: with_exif(with_xmp(saved(picture, progressive=True, quality=95), xmp), exif),
        "MPO": lambda: saved(picture, "MPO", save_all=True, append_images=[picture], xmp=xmp, exif=whole, quality=95),
        "PNG": lambda: saved(picture, "PNG", pnginfo=png_texts(xmp, "iTXt"), exif=exif),
        "PNG, packed text": lambda: saved(picture, "PNG", pnginfo=png_texts(xmp, "zTXt"), exif=exif),
        "PNG, plain text": lambda: saved(picture, "PNG", pnginfo=png_texts(xmp, "tEXt"), exif=exif),
        "PNG of ImageMagick": lambda: saved(picture, "PNG", pnginfo=png_texts(xmp, "raw"), exif=exif),
        "WebP": lambda: saved(picture, "WEBP", xmp=xmp, exif=exif, quality=95),
        "HEIC": lambda: heic(picture, form="JPEG", xmp=xmp, exif=whole, quality=95),
        "AVIF": lambda: saved(picture, "AVIF", xmp=xmp, exif=exif, quality=95),
        "GIF": lambda: gif_with_xmp(saved(picture.quantize(256), "GIF"), xmp),
        "TIFF": lambda: saved(picture, "TIFF", tiffinfo=tiff, compression="tiff_lzw"),
    }


UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> what turns an upright picture into the stored one."""


def stored(upright: Image.Image, orientation: int) -> Image.Image:
    """An upright picture as a camera stores it that was held as the EXIF orientation says."""
    return upright.transpose(UNDO[orientation]) if orientation in UNDO else upright
