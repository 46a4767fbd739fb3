"""Photos as phones, cameras and editors write them, and as somebody hostile would, all of one drawn sphere.

Every direction of the sphere has a color of its own, so that a placed photo can be compared with it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from kiosk.pictures.gpano import GPano, xmp_packet
from tests import exif
from tests.photos import saved, with_exif

WIDTH, HEIGHT = 1024, 512
Box = tuple[int, int, int, int]
FULL = (WIDTH, HEIGHT)
PART: Box = (128, 128, 768, 256)
"""Left, top, width, height of the piece that some cases show."""


@dataclass(frozen=True)
class Case:
    """A file, what it shows, upright, uint8 [h, w, 3], and what its tags say. off: how far the levels may be from
    that on average. refused: the code by which an upload of it is refused although the file can be read."""

    data: bytes
    shows: np.ndarray
    gpano: GPano | None = None
    focal_mm: float | None = None
    off: float = 5.0
    refused: str | None = None


def sphere() -> Image.Image:
    """Hue by longitude, brightness by latitude, and a lattice every 15 degrees: 1024 x 512."""
    columns, rows = (np.arange(WIDTH) + 0.5) / WIDTH * 360 - 180, 90 - (np.arange(HEIGHT) + 0.5) / HEIGHT * 180
    longitude, latitude = np.meshgrid(columns, rows)
    hues = [127 + 100 * np.cos(np.radians(longitude + a)) * np.cos(np.radians(latitude)) for a in (0, 120, 240)]
    levels = np.stack(hues, -1) + latitude[..., None] / 2
    lattice = np.minimum(np.abs((longitude + 7.5) % 15 - 7.5), np.abs((latitude + 7.5) % 15 - 7.5)) < 0.4
    levels[lattice] = 235
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def packet(**tags: object) -> bytes:
    return xmp_packet({f"GPano:{name}": value for name, value in tags.items()})


def placed(full: tuple[int, int], box: Box, **more: object) -> bytes:
    """The packet that says where the picture lies."""
    sides = dict(zip(("FullPanoWidthPixels", "FullPanoHeightPixels"), full, strict=True))
    area = (
        "CroppedAreaLeftPixels",
        "CroppedAreaTopPixels",
        "CroppedAreaImageWidthPixels",
        "CroppedAreaImageHeightPixels",
    )
    return packet(ProjectionType="equirectangular", **sides, **dict(zip(area, box, strict=True)), **more)


def said(full: tuple[int, int], box: Box, *pose: float) -> GPano:
    """What `placed` says. pose: heading, pitch, roll."""
    heading, pitch, roll = pose or (None, None, None)
    return GPano("equirectangular", *full, *box, heading, None, pitch, roll)


def jpeg(picture: Image.Image, *packets: bytes) -> bytes:
    data = saved(picture, quality=92)
    for one in reversed(packets):
        body = b"http://ns.adobe.com/xap/1.0/\0" + one
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data


def cases() -> dict[str, Case]:
    """All of them by name."""
    whole = sphere()
    levels = np.asarray(whole)
    left, top, wide, high = PART
    view = whole.crop((left, top, left + wide, top + high))
    band = whole.crop((0, 156, WIDTH, 356))
    video = b"\0\0\0\x18ftypmp42" + np.random.default_rng(7).bytes(150_000) + b"SEFH" + bytes(16) + b"SEFT"
    full = placed(FULL, (0, 0, *FULL))
    part, in_part = placed(FULL, PART), said(FULL, PART)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", part.decode())
    posed = {"PoseHeadingDegrees": 225, "PosePitchDegrees": 17, "PoseRollDegrees": -12}
    found = {
        "a Samsung's, without an end marker": Case(jpeg(whole, full)[:-2] + video, levels, said(FULL, (0, 0, *FULL))),
        "a band of which only the projection is named": Case(
            jpeg(band, packet(ProjectionType="equirectangular")), np.asarray(band), said(FULL, (0, 156, WIDTH, 200))
        ),
        "a band without tags": Case(jpeg(band), np.asarray(band)),
        "a part in PNG": Case(saved(view, "PNG", pnginfo=text), np.asarray(view), in_part, off=0),
        "a part in WebP": Case(saved(view, "WEBP", xmp=part), np.asarray(view), in_part),
        "a part in TIFF": Case(saved(view, "TIFF", tiffinfo={700: part}), np.asarray(view), in_part, off=0),
        "a whole sphere with the tags of the part that it was": Case(jpeg(whole, part), levels, in_part),
        "a camera that was held askew": Case(
            jpeg(whole, placed(FULL, (0, 0, *FULL), **posed)), levels, said(FULL, (0, 0, *FULL), 225, 17, -12)
        ),
        "two packets, the place in the second": Case(
            jpeg(view, packet(SourcePhotosCount=12), part), np.asarray(view), in_part
        ),
        "two fisheyes on black": fisheyes(whole),
    }
    for size in ((1023, 512), (1025, 512), (1024, 511), (1024, 514)):
        small = whole.resize(size)
        name = f"a sphere of {size[0]} x {size[1]}"
        found[f"{name}, tagged"] = Case(
            jpeg(small, placed(size, (0, 0, *size))), np.asarray(small), said(size, (0, 0, *size))
        )
        found[name] = Case(jpeg(small), np.asarray(small))
    return found | hostile(whole) | photos(whole)


def hostile(whole: Image.Image) -> dict[str, Case]:
    """Places that cannot be."""
    small = whole.resize((64, 32))
    boxes: dict[str, tuple[Box, tuple[int, int]]] = {
        "below": ((0, 400, 1024, 1_000_000_000), FULL),
        "tall": ((0, 0, 8, 8_000_000), (8, 1)),
        "huge": ((0, 0, 2_000_000_000, 1_000_000_000), (2_000_000_000, 1_000_000_000)),
        "deep": ((0, 0, 512, 1_000_000), (1024, 100)),
        "negative": ((-5, -5, 1024, 512), FULL),
    }
    return {
        f"a box {name}": Case(jpeg(small, placed(full, box)), np.asarray(small), off=9)
        for name, (box, full) in boxes.items()
    }


def photos(whole: Image.Image) -> dict[str, Case]:
    """Ordinary photos, 4:3."""
    photo = whole.crop((384, 128, 768, 416)).resize((1440, 1080))
    levels = np.asarray(photo)
    upright = {3: 2, 6: -1, 8: 1}
    found = {"an ordinary photo": Case(jpeg(photo), levels)}
    for orientation, quarters in upright.items():
        block = exif.block({0x0112: orientation})
        shown = np.ascontiguousarray(np.rot90(levels, quarters))
        found[f"orientation {orientation}"] = Case(with_exif(jpeg(photo), block), shown)
    found["a wide lens"] = Case(with_exif(jpeg(photo), exif.block({}, {0xA405: 13})), levels, focal_mm=13)
    return found


def fisheyes(whole: Image.Image) -> Case:
    rows, columns = np.mgrid[0:512, 0:512]
    disc = np.hypot(columns - 255.5, rows - 255.5) < 250
    eye = np.asarray(whole.resize((512, 512))) * disc[..., None]
    levels = np.concatenate([eye, eye], axis=1).astype(np.uint8)
    return Case(jpeg(Image.fromarray(levels)), levels, refused="two_fisheyes")
