"""Convert an opened picture file to upright 8-bit sRGB pixels, whatever it is stored as."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Literal, TypeAlias

from PIL import Image, ImageCms, ImageFile

from kiosk.pictures import primaries
from kiosk.pictures.containers.parts import Parts

Transparency: TypeAlias = Literal["white", "drop", "keep"]

_BAND = 256
"""Rows converted at a time, to avoid a third copy of the picture."""
# Exceptions of Pillow's decoders on damaged data, found by truncating and corrupting files of every common format.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, RuntimeError)


def load_plugins(form: str) -> None:
    """Register only the Pillow plugins for this format. Pillow's own init would import fifty others."""
    from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

    Image.preinit()
    Image.MAX_IMAGE_PIXELS = None  # callers check the size and raise instead of warning
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    if form == "HEIF":
        import pi_heif

        # Each additional thread would allocate its own memory arena.
        pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def open_parts(parts: Parts) -> Image.Image:
    """Open the picture without decoding its pixels. Raises one of DAMAGE."""
    return Image.open(io.BytesIO(parts.picture), formats=(parts.format,))


def upright(picture: Image.Image, parts: Parts, transparency: Transparency = "white") -> Image.Image:
    """Decode `picture`, opened from `parts`, to upright sRGB pixels in mode RGB. `transparency` says whether alpha is
    kept (mode RGBA), composited on white, or dropped. Raises one of DAMAGE."""
    picture.load()
    profile = parts.profile
    if parts.format == "HEIF":
        profile = picture.info.get("icc_profile")
        named = picture.info.get("nclx_profile")
        if not profile and isinstance(named, dict):
            profile = primaries.profile(int(named.get("color_primaries", 2)))
    mode = "RGBA" if transparency == "keep" and is_transparent(picture) else "RGB"
    convert = _converter(picture, profile, transparency)
    plain = picture
    if convert:
        plain = Image.new(mode, picture.size)
        for top in range(0, picture.height, _BAND):
            box = (0, top, picture.width, min(top + _BAND, picture.height))
            plain.paste(convert(picture.crop(box)), (0, top))
    return plain if parts.orientation == 1 else plain.transpose(_TURNS[parts.orientation])


def heif_packets(picture: Image.Image) -> tuple[bytes, ...]:
    """The XMP packets of an opened HEIC file."""
    packet = picture.info.get("xmp") if picture.format == "HEIF" else None
    return (packet,) if isinstance(packet, bytes) else ()


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


_Converter: TypeAlias = Callable[[Image.Image], Image.Image]


def _converter(picture: Image.Image, profile: bytes | None, transparency: Transparency) -> _Converter | None:
    """A function that converts a piece of the picture to sRGB in mode RGB or RGBA; None if it already is."""
    if picture.mode.startswith("I"):
        # 16-bit PNG: Pillow's own conversion clips at 255 instead of scaling.
        return lambda piece: (
            piece.convert("I").point(lambda value: value * (255 / 65535) + 0.5).convert("L").convert("RGB")
        )
    colors = _to_srgb(picture, profile)
    if is_transparent(picture):
        return lambda piece: _layered(piece, colors, transparency)
    if colors:
        return colors
    return None if picture.mode == "RGB" else lambda piece: piece.convert("RGB")


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


def _to_srgb(picture: Image.Image, profile: bytes | None) -> _Converter | None:
    """A function that converts the profile's colors to sRGB; None without a usable profile."""
    mode = picture.mode if picture.mode in ("L", "CMYK") else "RGB"
    if not profile:
        return None
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )

        def convert(piece: Image.Image) -> Image.Image:
            return ImageCms.applyTransform(piece if piece.mode == mode else piece.convert(mode), transform) or piece

        return convert
    return None
