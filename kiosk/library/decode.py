"""Look into a stranger's file, in a process of its own that may die: `python -m kiosk.library.decode IN OUT`.

A picture decoder fed by strangers is where a server is most easily broken: by a bomb that unpacks to gigabytes, a file
that takes minutes, a hole in a codec. So this runs in a short-lived child with limits on memory and processor time,
below everybody else's priority, and only formats that guests really bring are looked at.

IN is what was uploaded, OUT the upright JPEG to be written: without private tags, in sRGB, with its GPano. A JPEG that
needs no change keeps its compressed picture bit for bit. One line of JSON goes to stdout: {width, height, gpano} and
exit status 0, or {code, message} and exit status 2.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kiosk.errors import BadInput, KioskError
from kiosk.library.strip import NotStrippable, strip
from kiosk.storage import write_atomic

if TYPE_CHECKING:
    from PIL import Image

# The JPEG plugin opens multi-picture JPEGs too.
FORMATS = ("JPEG", "PNG", "WEBP")
SHORTEST_SIDE = 16
MOST_PIXELS = 16384 * 8192
QUALITY = 96


@dataclass(frozen=True)
class Limits:
    """What one photo may cost: pixels; megabytes of address space; seconds of processor; steps of niceness."""

    pixels: int = MOST_PIXELS
    memory_mb: int = 2048
    cpu_seconds: int = 60
    nice: int = 10


def main(arguments: list[str]) -> int:
    """Decode arguments[0] into arguments[1] under the limits in arguments[2] (JSON); see the module."""
    limits = Limits(**json.loads(arguments[2])) if len(arguments) > 2 else Limits()
    confine(limits)
    try:
        answer, status = decode(Path(arguments[0]), Path(arguments[1]), limits), 0
    except MemoryError:
        answer, status = asdict_error(_too_many_pixels(limits)), 2
    except KioskError as error:
        answer, status = asdict_error(error), 2
    print(json.dumps(answer))  # noqa: T201 (the parent reads it)
    return status


def asdict_error(error: KioskError) -> dict[str, Any]:
    """What the parent needs to raise the same error."""
    return {"code": error.code, "message": str(error), "status": getattr(error, "status", 400)}


def confine(limits: Limits) -> None:
    """Put this process under `limits`; for good."""
    os.nice(limits.nice)
    for what, amount in (
        (resource.RLIMIT_AS, limits.memory_mb * 2**20),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(what)[1]
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (amount, amount))
    # OpenBLAS reserves address space for a thread on every core as soon as numpy is imported.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def decode(source: Path, target: Path, limits: Limits) -> dict[str, Any]:
    """Write the upright JPEG of `source` to `target`; {width, height, gpano} of it. Raises BadInput, Unavailable."""
    # Named one by one: Pillow's own start would import fifty formats that are not wanted.
    from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

    Image.MAX_IMAGE_PIXELS = None  # the limit below is ours, and raises instead of warning
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    data = source.read_bytes()
    if not data:
        raise BadInput("The file is empty. Please send the photo again.", "empty")
    try:
        picture = Image.open(source, formats=FORMATS)
    except UnidentifiedImageError:
        raise _not_a_photo(data) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _damaged() from error
    with picture:
        width, height = picture.size
        if width * height > limits.pixels:
            raise _too_many_pixels(limits)
        if min(width, height) < SHORTEST_SIDE:
            raise BadInput(
                f"The picture is too small ({width} x {height} pixels). Please send a photo that is at least "
                f"{SHORTEST_SIDE} pixels high; a 360 photo is usually thousands wide.",
                "too_small",
            )
        gpano = _gpano(data)
        try:
            upright = _upright_jpeg(picture, data)
        except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
            raise _damaged() from error
    jpeg, width, height = upright
    fields = None
    if gpano is not None:
        jpeg, fields = _with_gpano(jpeg, gpano)
    write_atomic(target, jpeg)
    return {"width": width, "height": height, "gpano": fields}


def _upright_jpeg(picture: Image.Image, data: bytes) -> tuple[bytes, int, int]:
    """(JPEG bytes without any metadata, width, height) of an opened picture, every pixel of which was decoded."""
    import io

    from PIL import ExifTags

    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    profile = picture.info.get("icc_profile")
    if picture.format in ("JPEG", "MPO") and orientation in (0, 1) and picture.mode in ("RGB", "L") and not profile:
        width, height = picture.size
        # Decoding at an eighth reads every coded byte, which shows whether the file is whole, in a 64th of the memory.
        picture.draft(None, (width // 8, height // 8))
        picture.load()
        with contextlib.suppress(NotStrippable):
            return strip(data), width, height
        picture = _reopen(data)
    upright = _srgb(picture, profile, orientation)
    buffer = io.BytesIO()
    upright.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue(), upright.width, upright.height


def _reopen(data: bytes) -> Image.Image:
    import io

    from PIL import Image

    return Image.open(io.BytesIO(data), formats=FORMATS)


def _srgb(picture: Image.Image, profile: bytes | None, orientation: int) -> Image.Image:
    """The picture upright, RGB, 8 bits, opaque, in sRGB."""
    import io

    from PIL import Image, ImageCms, ImageOps

    picture.load()
    if orientation not in (0, 1):
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        # 16-bit PNG: Pillow's own conversion clips at 255 instead of scaling.
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layers = picture.convert("RGBA")
        picture = Image.new("RGB", picture.size, "white")
        picture.paste(layers, mask=layers.getchannel("A"))
        return picture
    if profile and picture.mode in ("RGB", "L", "CMYK"):
        # A profile that cannot be used is as good as none.
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            converted = ImageCms.profileToProfile(
                picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            picture = converted or picture
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _gpano(data: bytes) -> Any:
    # Reading GPano needs numpy and OpenCV, most of a second on a small board: only for files that mention it.
    if b"ns.google.com/photos/1.0/panorama" not in data and b"ns.google.com/videos/1.0/spherical" not in data:
        return None
    from kiosk.sphere.gpano import read_gpano

    return read_gpano(data)


def _with_gpano(jpeg: bytes, gpano: Any) -> tuple[bytes, dict[str, Any]]:
    """The JPEG with a new packet of nothing but the GPano fields that place the picture, and those fields."""
    from kiosk.sphere.gpano import gpano_xmp, with_xmp

    extra: dict[str, object] = {
        "GPano:ProjectionType": gpano.projection,
        "GPano:FullPanoWidthPixels": gpano.full_width,
        "GPano:FullPanoHeightPixels": gpano.full_height,
        "GPano:CroppedAreaLeftPixels": gpano.cropped_left,
        "GPano:CroppedAreaTopPixels": gpano.cropped_top,
    }
    if gpano.stereo_mode:
        extra["GPano:StereoMode"] = gpano.stereo_mode
    packet = gpano_xmp(gpano.cropped_width, gpano.cropped_height, gpano.pose_heading_degrees, **extra)
    return with_xmp(jpeg, packet), asdict(gpano)


def _not_a_photo(data: bytes) -> BadInput:
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return _damaged()
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"):
        return BadInput(
            "This is a HEIC photo, which this kiosk cannot open. Please choose JPEG: on an iPhone under Settings, "
            "Camera, Formats, Most Compatible.",
            "unsupported_format",
            415,
        )
    known = {b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF or RAW", b"MM\0*": "TIFF or RAW", b"%PDF": "PDF"}
    name = next((name for start, name in known.items() if data.startswith(start)), None)
    if name is None and data[4:8] == b"ftyp":
        name = "AVIF" if data[8:12] in (b"avif", b"avis") else "video"
    if name is not None:
        return BadInput(
            f"This is a {name} file. Please send the photo as JPEG, PNG or WebP.", "unsupported_format", 415
        )
    return BadInput("This is not a photo. Please send a JPEG, PNG or WebP picture.", "not_an_image", 415)


def _damaged() -> BadInput:
    return BadInput("The photo is incomplete or damaged. Please send it again.", "damaged", 400)


def _too_many_pixels(limits: Limits) -> BadInput:
    return BadInput(
        f"The picture has too many pixels for this kiosk. Please send one of at most {limits.pixels // 1_000_000} "
        "megapixels.",
        "too_many_pixels",
        413,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
