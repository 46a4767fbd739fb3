"""Convert an opened picture file to upright 8-bit sRGB pixels, whatever it is stored as."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Literal, TypeAlias

from PIL import Image, ImageCms, ImageFile

from kiosk.pictures import primaries
from kiosk.pictures.containers.exif import is_adobe_rgb
from kiosk.pictures.containers.parts import Damaged, Parts

Transparency: TypeAlias = Literal["white", "drop", "keep"]

_BAND = 256
"""Rows converted at a time, to avoid a third copy of the picture."""
# Exceptions of Pillow's decoders on damaged data, found by truncating and corrupting files of every common format.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, RuntimeError)
_MISSING = 128
"""What decoders make of missing pixels of a JPEG, in each channel."""
_NOISE = bytes(range(254, 0, -1)) * 4
_TAIL = b"".join(_NOISE + bytes((0xFF, 0xD0 + n % 8)) for n in range(17))
"""Put behind a JPEG's coded data: decoded only if data is missing. It begins with ones, where decoders fill up with
zeros, and has each restart marker twice."""


def load_plugins(form: str) -> None:
    """Register only the Pillow plugins for this format. Pillow's own init would import fifty others."""
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

    Image.preinit()
    Image.MAX_IMAGE_PIXELS = None  # callers check the size and raise instead of warning
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    # Each additional thread would allocate its own memory arena.
    if form == "HEIF":
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    elif form == "AVIF":
        # Pillow writes the orientation that an AVIF file stores into EXIF, with the TIFF plugin.
        from PIL import AvifImagePlugin, TiffImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    elif form == "TIFF":
        from PIL import TiffImagePlugin  # noqa: F401


def open_parts(parts: Parts) -> Image.Image:
    """Open the picture without decoding its pixels. Raises one of DAMAGE."""
    return Image.open(io.BytesIO(parts.picture), formats=(parts.format,))


def upright(picture: Image.Image, parts: Parts, transparency: Transparency = "white") -> Image.Image:
    """Decode `picture`, opened from `parts`, to upright sRGB pixels in mode RGB. `transparency` says whether alpha is
    kept (mode RGBA), composited on white, or dropped. Raises one of DAMAGE, also if pixels are missing."""
    picture.load()
    if parts.format == "JPEG":
        _check_whole(picture, parts)
    if parts.planes:
        picture = _merged(picture, parts)
    profile = parts.profile
    if parts.format == "HEIF":
        profile = picture.info.get("icc_profile")
        named = picture.info.get("nclx_profile")
        if not profile and isinstance(named, dict):
            profile = primaries.profile(int(named.get("color_primaries", 2)))
    if not profile and is_adobe_rgb(parts.exif):
        profile = primaries.adobe_rgb()
    mode = "RGBA" if transparency == "keep" and is_transparent(picture) else "RGB"
    convert = _converter(picture, profile, transparency)
    plain = picture
    if convert:
        plain = Image.new(mode, picture.size)
        for top in range(0, picture.height, _BAND):
            box = (0, top, picture.width, min(top + _BAND, picture.height))
            plain.paste(convert(picture.crop(box)), (0, top))
    return plain if parts.orientation == 1 else plain.transpose(_TURNS[parts.orientation])


def is_transparent(picture: Image.Image) -> bool:
    """Whether a picture has transparency information."""
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _check_whole(picture: Image.Image, parts: Parts) -> None:
    """Raise Damaged if coded data of the JPEG is missing, which its decoder fills with gray without an error.

    Only a file without an end marker, or with gray in its last corner, is suspected. It is decoded once more, with
    other bytes behind its data. Whole data gives the same pixels, since the decoder never gets to the bytes behind it.
    """
    corner = picture.getpixel((picture.width - 1, picture.height - 1))
    values = corner if isinstance(corner, tuple) else (corner,)
    if parts.ended and any(value is None or abs(value - _MISSING) > 1 for value in values):
        return
    # A single byte before a marker would make another marker of the tail's first byte.
    data = parts.picture[:-2].rstrip(b"\xff")
    with Image.open(io.BytesIO(data + _TAIL + parts.picture[-2:]), formats=("JPEG",)) as other:
        for top in range(0, picture.height, _BAND):
            box = (0, top, picture.width, min(top + _BAND, picture.height))
            if picture.crop(box).tobytes() != other.crop(box).tobytes():
                raise Damaged("the file ends inside the coded data")


_Converter: TypeAlias = Callable[[Image.Image], Image.Image]


def _merged(first: Image.Image, parts: Parts) -> Image.Image:
    """The picture of a file that stores its planes one after the other."""
    planes = []
    for n in range(len(parts.planes_mode)):
        with Image.open(io.BytesIO(parts.planes[n]), formats=(parts.format,)) if n else first as plane:
            planes.append(_from_deep(plane)(plane) if plane.mode[0] in "IF" else plane.convert("L"))
    return Image.merge(parts.planes_mode, planes)


def _converter(picture: Image.Image, profile: bytes | None, transparency: Transparency) -> _Converter | None:
    """A function that converts a piece of the picture to sRGB in mode RGB or RGBA; None if it already is."""
    if picture.mode[0] in "IF":
        deep = _from_deep(picture)
        colors = _to_srgb("L", profile)
        return (lambda piece: colors(deep(piece))) if colors else (lambda piece: deep(piece).convert("RGB"))
    if picture.mode == "LAB":
        return _to_srgb("LAB", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    colors = _to_srgb(picture.mode, profile)
    if is_transparent(picture):
        return lambda piece: _layered(piece, colors, transparency)
    if colors:
        return colors
    return None if picture.mode == "RGB" else lambda piece: piece.convert("RGB")


def _from_deep(picture: Image.Image) -> _Converter:
    """A function that converts a piece of a gray picture of more than 8 bits to 8: Pillow's own conversion clips at 255
    instead of scaling. Numbers of no known range, as in measured data, count as 16 bits if any is above 255."""
    scale = 255 / 65535
    if not picture.mode.startswith("I;16"):
        extrema = picture.getextrema()
        highest = extrema[1] if not isinstance(extrema[1], tuple) else 0.0
        fraction = picture.mode == "F" and highest <= 1.0
        scale = 255.0 if fraction else scale if highest > 255 else 1.0
    numbers = "F" if picture.mode == "F" else "I"

    def convert(piece: Image.Image) -> Image.Image:
        # Half a level more, because the conversion to whole numbers cuts off.
        return piece.convert(numbers).point(lambda value: value * scale + 0.5).convert("L")

    return convert


def _layered(piece: Image.Image, colors: _Converter | None, transparency: Transparency) -> Image.Image:
    # Only a conversion to RGBA first keeps transparent palette entries.
    layers = piece.convert("RGBA")
    opaque = layers.convert("RGB")
    opaque = colors(opaque) if colors else opaque
    if transparency == "drop":
        return opaque
    alpha = layers.getchannel("A")
    if transparency == "keep":
        opaque.putalpha(alpha)
        return opaque
    white = Image.new("RGB", piece.size, "white")
    white.paste(opaque, mask=alpha)
    return white


_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
"""Color space of a profile -> mode of the pixels that it describes."""


def _to_srgb(mode: str, profile: bytes | None) -> _Converter | None:
    """A function that converts pixels of Pillow's `mode` from the profile's colors to sRGB; None without a usable
    profile. A profile of CMYK says nothing about other pixels, and none of the others about CMYK."""
    if not profile:
        return None
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # Bytes 16 to 19 of a profile name its color space (ICC.1, 7.2.6).
        wanted = _MODES.get(profile[16:20].decode("latin-1").strip(), "")
        if not wanted or ("CMYK" in (wanted, mode) and wanted != mode) or (wanted == "L" and mode not in ("L", "LA")):
            return None
        described = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(described, ImageCms.createProfile("sRGB"), wanted, "RGB")

        def convert(piece: Image.Image) -> Image.Image:
            return ImageCms.applyTransform(piece if piece.mode == wanted else piece.convert(wanted), transform) or piece

        return convert
    return None
