"""A world that is known in every direction, photographed through known lenses and written as cameras write files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from kiosk.pictures.gpano import xmp_packet

Axes = tuple[np.ndarray, np.ndarray, np.ndarray]


def color(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The color that is seen in a direction (right, up, ahead), a unit vector: uint8 [..., 3]."""
    red = 127 + 60 * np.sin(9 * x + 3 * y) + 50 * np.sin(25 * y - 11 * z)
    green = 127 + 90 * np.cos(14 * y + 20 * x * z)
    blue = 127 + 100 * np.sin(18 * z + 7 * x)
    return np.rint(np.stack([red, green, blue], -1)).clip(0, 255).astype(np.uint8)


def _pixels(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels to the right of the picture's center, and above it."""
    return np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - np.arange(height) - 0.5)


def part(width: int, height: int, left: float, right: float, top: float, bottom: float) -> np.ndarray:
    """A part of an equirectangular sphere between these longitudes and latitudes, degrees."""
    lon = np.radians(left + (np.arange(width) + 0.5) / width * (right - left))[None]
    lat = np.radians(top - (np.arange(height) + 0.5) / height * (top - bottom))[:, None]
    return color(np.cos(lat) * np.sin(lon), np.sin(lat) + 0 * lon, np.cos(lat) * np.cos(lon))


def sphere(width: int) -> np.ndarray:
    return part(width, width // 2, -180, 180, 90, -90)


def rectilinear(width: int, height: int, across: float) -> np.ndarray:
    """What a lens without distortion sees straight ahead, `across` degrees wide."""
    x, y = _pixels(width, height)
    return _seen(x, y, np.full_like(x, width / 2 / np.tan(np.radians(across / 2))))


def cylinder(width: int, height: int, across: float, raised: float = 0) -> np.ndarray:
    """A panorama on an upright cylinder, `across` degrees around; its middle is `raised` pixels above the horizon."""
    x, y = _pixels(width, height)
    radius = width / np.radians(across)
    return _seen(radius * np.sin(x / radius), y + raised, radius * np.cos(x / radius))


def upward(width: int, height: int, down: float, pitch: float) -> np.ndarray:
    """A panorama swept over `down` degrees of height; its middle is `pitch` degrees above the horizon."""
    x, y = _pixels(width, height)
    radius = height / np.radians(down)
    angle = y / radius + np.radians(pitch)
    return _seen(x, radius * np.sin(angle), radius * np.cos(angle))


def fisheye(width: int, height: int, across: float, reach: float = 180) -> np.ndarray:
    """What an equidistant fisheye sees, `across` degrees wide; black farther than `reach` from its axis."""
    x, y = _pixels(width, height)
    angle = np.hypot(x, y) * np.radians(across) / width
    aside = np.sin(angle) / np.hypot(x, y)
    picture = _seen(x * aside, y * aside, np.cos(angle))
    picture[angle > np.radians(reach)] = 0
    return picture


def askew(width: int, pitch: float, roll: float) -> np.ndarray:
    """A whole sphere whose center is `pitch` degrees above the horizon, and in which the horizon is turned by `roll`
    degrees counterclockwise."""
    lon = np.radians((np.arange(width) + 0.5) / width * 360 - 180)[None]
    lat = np.radians(90 - (np.arange(width // 2) + 0.5) / width * 360)[:, None]
    x, y, z = np.cos(lat) * np.sin(lon), np.sin(lat) + 0 * lon, np.cos(lat) * np.cos(lon)
    p, r = np.radians(pitch), np.radians(roll)
    ahead, level = np.array([0, np.sin(p), np.cos(p)]), np.array([0, np.cos(p), -np.sin(p)])
    # The camera's right side is lowered, so that what is level rises to the right in its picture.
    right, up = np.array([np.cos(r), 0, 0]) - level * np.sin(r), np.array([np.sin(r), 0, 0]) + level * np.cos(r)
    return color(*(x * right[i] + y * up[i] + z * ahead[i] for i in range(3)))


def two_discs(height: int, radius: float = 0.49) -> np.ndarray:
    """Two fisheye pictures side by side on black, of `radius` times the height."""
    eye = fisheye(height, height, 190, reach=190 * radius)
    return np.hstack([eye, eye[:, ::-1]])


def _seen(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    length = np.sqrt(x * x + y * y + z * z)
    return color(x / length, y / length, z / length)


def box(full: tuple[int, int], left: int, top: int, width: int, height: int, **more: object) -> bytes:
    """The XMP packet of a part of a sphere of `full` (width, height)."""
    place = {
        "ProjectionType": "equirectangular",
        "FullPanoWidthPixels": full[0],
        "FullPanoHeightPixels": full[1],
        "CroppedAreaLeftPixels": left,
        "CroppedAreaTopPixels": top,
        "CroppedAreaImageWidthPixels": width,
        "CroppedAreaImageHeightPixels": height,
    }
    return xmp_packet({f"GPano:{name}": value for name, value in {**place, **more}.items()})


def written(
    picture: np.ndarray,
    form: str = "JPEG",
    *,
    xmp: bytes | None = None,
    focal: int | None = None,
    orientation: int | None = None,
) -> bytes:
    """A picture file with these tags. focal: 35 mm equivalent, mm."""
    more: dict[str, object] = {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    exif = Image.Exif()
    if focal is not None:
        exif.get_ifd(0x8769)[41989] = focal
    if orientation is not None:
        exif[274] = orientation
    if len(exif) or focal is not None:
        more["exif"] = exif.tobytes()
    if xmp is not None:
        more |= {"tiffinfo": {700: xmp}} if form == "TIFF" else {"xmp": xmp}
    if form == "PNG" and xmp is not None:
        from PIL.PngImagePlugin import PngInfo

        more = {"pnginfo": PngInfo()}
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form, **more)
    return buffer.getvalue()
