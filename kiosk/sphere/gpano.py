"""GPano: the XMP by which viewers know that a JPEG is a sphere, or which part of one it shows.

Property names are those of the Photo Sphere XMP metadata (namespace http://ns.google.com/photos/1.0/panorama/). XMP
arrives inside photos from strangers, so it is parsed by defusedxml (no entities, no external references), and a packet
that cannot be read is a photo without GPano, never an error.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import quoteattr

import cv2
import defusedxml.ElementTree
import numpy as np
from defusedxml.common import DefusedXmlException

from kiosk.errors import BadInput
from kiosk.storage import atomic_file

PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
SPHERICAL_VIDEO = "http://ns.google.com/videos/1.0/spherical/"
KIOSK = "urn:dream-kiosk:1.0:"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_NAMESPACES = {"GPano": PANORAMA, "xmp": "http://ns.adobe.com/xap/1.0/", "DreamKiosk": KIOSK}
# What files call the layouts of two eyes in one picture (GPano, spherical video, editors), and what it is called here.
_STEREO = {
    "top-bottom": "top-bottom",
    "top_bottom": "top-bottom",
    "over-under": "top-bottom",
    "left-right": "left-right",
    "left_right": "left-right",
    "side-by-side": "left-right",
}
_LARGEST = 1_000_000  # pixels a side; a number beyond it is damage, not a panorama


@dataclass(frozen=True)
class GPano:
    """Where a picture lies on its sphere. Lengths are pixels of the full panorama; heading is degrees from north;
    stereo_mode is "top-bottom", "left-right", or what else the file says in small letters ("mono")."""

    projection: str
    full_width: int
    full_height: int
    cropped_left: int
    cropped_top: int
    cropped_width: int
    cropped_height: int
    pose_heading_degrees: float | None = None
    stereo_mode: str | None = None

    @property
    def is_full(self) -> bool:
        """True where the picture covers the whole sphere."""
        return self.cropped_width >= self.full_width and self.cropped_height >= self.full_height


def read_gpano(source: bytes | str | os.PathLike[str]) -> GPano | None:
    """The GPano properties of a JPEG (its bytes, or its path); None where there are none, or none that make sense."""
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else Path(source).read_bytes()
    size, packet = None, None
    for marker, body in _segments(data):
        if marker == 0xE1 and body.startswith(_XMP_HEADER) and packet is None:
            packet = body[len(_XMP_HEADER) :]
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 5:
            height, width = struct.unpack(">HH", body[1:5])
            size = (width, height)
    return _parse(packet, size) if packet is not None else None


def gpano_xmp(width: int, height: int, heading: float | None = None, **extra: object) -> bytes:
    """An XMP packet that declares a full sphere of `width` x `height` pixels, with the properties `extra` (see
    `xmp_packet`)."""
    properties: dict[str, object] = {
        "GPano:ProjectionType": "equirectangular",
        "GPano:UsePanoramaViewer": "True",
        "GPano:CroppedAreaImageWidthPixels": width,
        "GPano:CroppedAreaImageHeightPixels": height,
        "GPano:FullPanoWidthPixels": width,
        "GPano:FullPanoHeightPixels": height,
        "GPano:CroppedAreaLeftPixels": 0,
        "GPano:CroppedAreaTopPixels": 0,
    }
    if heading is not None:
        properties["GPano:PoseHeadingDegrees"] = f"{heading % 360:g}"
    return xmp_packet({**properties, **extra})


def xmp_packet(properties: Mapping[str, object]) -> bytes:
    """An XMP packet with `properties`: "GPano:Name" or "xmp:Name" in those namespaces, a bare name in the kiosk's
    own."""
    named = {name if ":" in name else f"DreamKiosk:{name}": value for name, value in properties.items()}
    used = sorted({name.split(":")[0] for name in named})
    declared = " ".join(f'xmlns:{prefix}="{_NAMESPACES[prefix]}"' for prefix in used)
    listed = "\n   ".join(f"{name}={quoteattr(str(value))}" for name, value in named.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n <rdf:RDF xmlns:rdf="{_RDF}">\n'
        f'  <rdf:Description rdf:about="" {declared}\n   {listed}/>\n'
        ' </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="r"?>'
    ).encode()


def read_own_property(packet: bytes, name: str) -> str | None:
    """The property `name` in the kiosk's own namespace of an XMP packet; None where there is none."""
    return next((value for key, value in _properties(packet) if key == f"{{{KIOSK}}}{name}"), None)


def encode_jpeg(
    picture: np.ndarray, quality: int = 92, gpano: bool = True, extra_xmp: Mapping[str, object] | None = None
) -> bytes:
    """A JPEG of `picture` (uint8 [H, W, 3], RGB), with a GPano packet unless `gpano` is False.

    Raises BadInput where `gpano` is asked for and the picture is not exactly 2:1, or is larger than JPEG allows.
    """
    height, width = picture.shape[:2]
    if gpano and width != 2 * height:
        raise BadInput(f"a 360 photo is twice as wide as high, this picture is {width} x {height}", "not_2_to_1")
    if max(width, height) > 65535:
        raise BadInput(f"a JPEG is at most 65535 pixels wide, this picture is {width} x {height}", "too_large")
    # OpenCV's encoder needs less than half of Pillow's memory on a 16K picture.
    encoded, buffer = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    )
    if not encoded:
        raise BadInput(f"this picture of {width} x {height} cannot be written as JPEG", "not_encodable")
    data = buffer.tobytes()
    return with_xmp(data, gpano_xmp(width, height, None, **(extra_xmp or {}))) if gpano else data


def save_jpeg(
    path: str | os.PathLike[str],
    picture: np.ndarray,
    quality: int = 92,
    gpano: bool = True,
    extra_xmp: Mapping[str, object] | None = None,
) -> None:
    """Write `encode_jpeg(...)` to `path`, atomically. Raises BadInput like it, and Unavailable on a full disk."""
    data = encode_jpeg(picture, quality, gpano, extra_xmp)
    with atomic_file(Path(path)) as file:
        file.write(data)


def with_xmp(jpeg: bytes, packet: bytes) -> bytes:
    """`jpeg` with `packet` as its only XMP, in an APP1 segment after the JFIF header. Pixels are not touched."""
    body = _XMP_HEADER + packet
    if len(body) + 2 > 0xFFFF:
        raise BadInput("the metadata does not fit into one JPEG segment (64 KiB)", "metadata_too_large")
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    kept, end = [], 2
    for marker, old, start, stop in _located_segments(jpeg):
        if marker == 0xDA:
            break
        if not (marker == 0xE1 and old.startswith(_XMP_HEADER)):
            kept.append((marker, jpeg[start:stop]))
        end = stop
    first = [part for marker, part in kept if marker == 0xE0]
    rest = [part for marker, part in kept if marker != 0xE0]
    return b"\xff\xd8" + b"".join(first) + segment + b"".join(rest) + jpeg[end:]


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    for marker, body, _, _ in _located_segments(jpeg):
        yield marker, body


def _located_segments(jpeg: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """(marker, body, start, stop) of each segment up to and with the start of the scan; stops quietly at damage."""
    if jpeg[:2] != b"\xff\xd8":
        return
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker = jpeg[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        (length,) = struct.unpack(">H", jpeg[at + 2 : at + 4])
        stop = at + 2 + length
        if length < 2 or stop > len(jpeg):
            return
        yield marker, jpeg[at + 4 : stop], at, stop
        if marker == 0xDA:
            return
        at = stop


def _parse(packet: bytes, size: tuple[int, int] | None) -> GPano | None:
    found: dict[str, str] = {}
    for name, value in _properties(packet):
        if name.startswith((f"{{{PANORAMA}}}", f"{{{SPHERICAL_VIDEO}}}")):
            found.setdefault(name.partition("}")[2], value.strip())
    if "ProjectionType" not in found:
        return None
    width, height = size or (0, 0)
    try:
        panorama = GPano(
            projection=found["ProjectionType"].lower(),
            full_width=_pixels(found.get("FullPanoWidthPixels"), width),
            full_height=_pixels(found.get("FullPanoHeightPixels"), height),
            cropped_left=_pixels(found.get("CroppedAreaLeftPixels"), 0),
            cropped_top=_pixels(found.get("CroppedAreaTopPixels"), 0),
            cropped_width=_pixels(found.get("CroppedAreaImageWidthPixels"), width),
            cropped_height=_pixels(found.get("CroppedAreaImageHeightPixels"), height),
            pose_heading_degrees=_degrees(found.get("PoseHeadingDegrees")),
            stereo_mode=_stereo(found.get("StereoMode", "")),
        )
    except (ValueError, OverflowError):
        return None
    lengths = (panorama.full_width, panorama.full_height, panorama.cropped_width, panorama.cropped_height)
    if min(lengths) < 1 or max(lengths) > _LARGEST:
        return None
    if not (0 <= panorama.cropped_left <= panorama.full_width and 0 <= panorama.cropped_top <= panorama.full_height):
        return None
    return panorama


def _stereo(text: str) -> str | None:
    said = text.strip().lower()
    return _STEREO.get(said, said) or None


def _properties(packet: bytes) -> list[tuple[str, str]]:
    """(name with its namespace in braces, value) of every simple property; none of a packet that cannot be read."""
    start, stop = packet.find(b"<x:xmpmeta"), packet.rfind(b">")
    try:
        root = defusedxml.ElementTree.fromstring(packet[max(start, 0) : stop + 1])
    except (ParseError, DefusedXmlException, ValueError):
        return []
    pairs = []
    for description in root.iter(f"{{{_RDF}}}Description"):
        pairs += [*description.attrib.items(), *((child.tag, child.text or "") for child in description)]
    return [(name, value) for name, value in pairs if isinstance(name, str)]


def _pixels(text: str | None, otherwise: int) -> int:
    return otherwise if not text else round(float(text))


def _degrees(text: str | None) -> float | None:
    value = float(text) if text else None
    return value if value is not None and np.isfinite(value) else None
