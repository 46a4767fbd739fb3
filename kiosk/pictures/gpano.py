"""GPano: the XMP metadata that tells viewers that a picture is a sphere, or which part of one it shows.

Property names follow the Photo Sphere XMP metadata (namespace http://ns.google.com/photos/1.0/panorama/). The XMP of
uploads is untrusted, so defusedxml parses it (no entities, no external references). A packet that cannot be parsed
counts as missing, never as an error.
"""

from __future__ import annotations

import itertools
import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from kiosk.errors import BadInput
from kiosk.pictures.containers import container, jpeg
from kiosk.pictures.containers.packets import utf8
from kiosk.pictures.containers.parts import MOST_METADATA, Damaged
from kiosk.pictures.layouts import LAYOUTS, LEFT_RIGHT, TOP_BOTTOM

PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
SPHERICAL_VIDEO = "http://ns.google.com/videos/1.0/spherical/"
KIOSK = "urn:dream-kiosk:1.0:"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAMESPACES = {"GPano": PANORAMA, "xmp": "http://ns.adobe.com/xap/1.0/", "DreamKiosk": KIOSK}
PROJECTIONS = frozenset({"equirectangular", "cylindrical", "cubemap"})
"""Allowed values. Anything else in an untrusted packet is ignored."""
_LARGEST = 1_000_000  # pixels per side; anything larger is damage, not a panorama
_SLACK = 1.02
"""Tolerance of a cropped area's size against its sphere, for rounding in other programs."""
_END = b"</x:xmpmeta>"
_MOST_ELEMENTS = 50_000
"""Starts and ends of elements in a packet that is parsed. Editors write thousands; a million take a second, and shrink
to 4 KB in a PNG."""
_MOST_NESTED = 8
"""Elements within a property whose text belongs to it. A text in several languages has two and one for each."""


@dataclass(frozen=True)
class GPano:
    """Where a picture lies on its sphere. Lengths are pixels of the full panorama. stereo_mode: a name in
    `layouts.LAYOUTS`'s values, or None.

    The pose is the camera's, in degrees, None if unknown. Heading: compass direction of the center of the full
    panorama. Pitch: how far that center is above the horizon, -90 to 90. Roll: how far the horizon is rotated
    counterclockwise in the picture, -180 to 180.
    """

    projection: str
    full_width: int
    full_height: int
    cropped_left: int
    cropped_top: int
    cropped_width: int
    cropped_height: int
    pose_heading_degrees: float | None = None
    stereo_mode: str | None = None
    pose_pitch_degrees: float | None = None
    pose_roll_degrees: float | None = None

    @property
    def is_full(self) -> bool:
        """Whether the picture covers the whole sphere."""
        return self.cropped_width >= self.full_width and self.cropped_height >= self.full_height

    @property
    def is_possible(self) -> bool:
        """Whether the numbers are plausible and the picture lies within its sphere; it may cross the +-180 degree
        meridian."""
        lengths = (self.full_width, self.full_height, self.cropped_width, self.cropped_height)
        return (
            min(lengths) >= 1
            and max(lengths) <= _LARGEST
            and 0 <= self.cropped_left <= self.full_width
            and 0 <= self.cropped_top <= self.full_height
            and self.cropped_width <= self.full_width * _SLACK + 1
            and self.cropped_top + self.cropped_height <= self.full_height * _SLACK + 1
        )


def read_gpano(source: bytes | str | os.PathLike[str]) -> GPano | None:
    """The GPano properties of a picture file, given as bytes or as a path; None if it has no valid ones."""
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else Path(source).read_bytes()
    kind = container.format_of(data[: container.FIRST_BYTES])
    if kind == "JPEG":
        return parse_gpano(map(utf8, jpeg.xmp_packets(data)), *(jpeg.size(data) or (0, 0)))
    if kind is None:
        return None
    try:
        parts = container.take_apart(data)
    except (Damaged, BadInput):
        return None
    return parse_gpano(parts.xmp, parts.width, parts.height)


def gpano_xmp(width: int, height: int, heading: float | None = None, **extra: object) -> bytes:
    """An XMP packet that declares a full sphere of `width` x `height` pixels. `extra`: more properties, as for
    `xmp_packet`."""
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
    return xmp_packet({**properties, **heading_property(heading), **extra})


def heading_property(heading: float | None) -> dict[str, str]:
    """The property that says in which compass direction, in degrees, a sphere's center lies; empty if unknown."""
    return {} if heading is None else {"GPano:PoseHeadingDegrees": exact(heading % 360)}


def picture_xmp(width: int, height: int, properties: Mapping[str, object], *, sphere: bool) -> bytes | None:
    """The packet of a picture that the kiosk writes; None if there is nothing to say.

    A 2:1 `sphere` gets GPano; a square one also declares two eyes, left over right. `properties` are named as for
    `xmp_packet`.
    """
    if sphere and width == height:
        return gpano_xmp(width, height // 2, None, **{"GPano:StereoMode": TOP_BOTTOM, **properties})
    if sphere and width == 2 * height:
        return gpano_xmp(width, height, None, **properties)
    return xmp_packet(properties) if properties else None


def xmp_packet(properties: Mapping[str, object]) -> bytes:
    """An XMP packet with `properties`, named "GPano:Name", "xmp:Name", or a bare name for the kiosk's namespace."""
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
    """The property `name` of the kiosk's namespace in an XMP packet; None if it is missing."""
    return next((value for key, value in properties_of(packet) if key == f"{{{KIOSK}}}{name}"), None)


def with_xmp(picture: bytes, packet: bytes) -> bytes:
    """Set `packet` as the only XMP of the JPEG `picture`, in an APP1 segment after the JFIF header, without
    re-encoding. Raises BadInput if it does not fit into a segment."""
    body = jpeg.XMP_HEADER + packet
    if len(body) + 2 > 0xFFFF:
        raise BadInput("the metadata does not fit into one JPEG segment (64 KiB)", "metadata_too_large")
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    first, rest, end = [], [], len(jpeg.START)
    try:
        for old in jpeg.segments(picture, up_to_scan=True):
            if old.marker == jpeg.SCAN:
                break
            end = old.stop
            if old.marker == 0xE1 and picture[old.start + 4 : old.stop].startswith(jpeg.XMP_HEADER):
                continue
            (first if old.marker == 0xE0 else rest).append(picture[old.start : old.stop])
    except Damaged:
        pass  # keep the damaged rest unchanged
    return b"".join([jpeg.START, *first, segment, *rest, picture[end:]])


def placed_xmp(gpano: GPano, own: Mapping[str, object]) -> bytes:
    """An XMP packet that says all of `gpano`, and the properties `own` of the kiosk's namespace."""
    extra: dict[str, object] = {
        "GPano:ProjectionType": gpano.projection,
        "GPano:FullPanoWidthPixels": gpano.full_width,
        "GPano:FullPanoHeightPixels": gpano.full_height,
        "GPano:CroppedAreaLeftPixels": gpano.cropped_left,
        "GPano:CroppedAreaTopPixels": gpano.cropped_top,
    }
    if gpano.stereo_mode:
        extra["GPano:StereoMode"] = gpano.stereo_mode
    if gpano.pose_pitch_degrees is not None:
        extra["GPano:PosePitchDegrees"] = exact(gpano.pose_pitch_degrees)
    if gpano.pose_roll_degrees is not None:
        extra["GPano:PoseRollDegrees"] = exact(gpano.pose_roll_degrees)
    return gpano_xmp(gpano.cropped_width, gpano.cropped_height, gpano.pose_heading_degrees, **extra, **own)


def exact(value: float) -> str:
    """A number as text that is read back as the same number."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def parse_gpano(packets: Iterable[bytes], width: int, height: int) -> GPano | None:
    """The placement in XMP packets; None if there is none or it is implausible. Each property counts where it comes
    first; if they do not fit together, each packet counts alone. width, height: the picture's size in pixels, for
    values that are left out."""
    listed = [_named(packet) for packet in packets if len(packet) <= MOST_METADATA and mentions_panorama(packet)]
    merged = {name: value for found in reversed(listed) for name, value in found.items()}
    return next((gpano for found in (merged, *listed) if (gpano := _placed(found, width, height))), None)


def mentions_panorama(packet: bytes) -> bool:
    """Whether an XMP packet may have a placement: parsing XML takes 0.1 s on a small board."""
    return b"ns.google.com/photos/1.0/panorama" in packet or b"ns.google.com/videos" in packet


def _named(packet: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in properties_of(packet):
        if name.startswith((f"{{{PANORAMA}}}", f"{{{SPHERICAL_VIDEO}}}")):
            found.setdefault(name.partition("}")[2], value.strip())
    return found


def _placed(found: Mapping[str, str], width: int, height: int) -> GPano | None:
    """The placement that these properties describe. Sizes that are left out are those that viewers assume (Photo Sphere
    Viewer, mergePanoData): the full panorama is the smallest 2:1 one around the picture, which lies in its center."""
    projection = (found.get("ProjectionType") or _implied(found, width, height)).lower()
    stereo = LAYOUTS.get(found.get("StereoMode", "").lower())
    if projection not in PROJECTIONS:
        return None
    eye = width // (2 if stereo == LEFT_RIGHT else 1), height // (2 if stereo == TOP_BOTTOM else 1)
    try:
        across = _pixels(found.get("CroppedAreaImageWidthPixels"), eye[0])
        down = _pixels(found.get("CroppedAreaImageHeightPixels"), eye[1])
        full = [_pixels(found.get(f"FullPano{side}Pixels"), 0) for side in ("Width", "Height")]
        if projection != "equirectangular":
            full = [full[0] or across, full[1] or down]
        wide = full[0] or 2 * full[1] or max(across, 2 * down)
        # A pixel off 2:1, as of odd widths, is the picture's own.
        high = full[1] or (down if abs(wide - 2 * down) <= 2 else round(wide / 2))
        panorama = GPano(
            projection=projection,
            full_width=wide,
            full_height=high,
            cropped_left=_pixels(found.get("CroppedAreaLeftPixels"), max(0, round((wide - across) / 2))),
            cropped_top=_pixels(found.get("CroppedAreaTopPixels"), max(0, round((high - down) / 2))),
            cropped_width=across,
            cropped_height=down,
            pose_heading_degrees=_degrees(found.get("PoseHeadingDegrees"), 0, 360),
            stereo_mode=stereo,
            pose_pitch_degrees=_degrees(found.get("PosePitchDegrees"), None, 90),
            pose_roll_degrees=_degrees(found.get("PoseRollDegrees"), -180, 180),
        )
    except (ValueError, OverflowError):
        return None
    return panorama if panorama.is_possible else None


def _implied(found: Mapping[str, str], width: int, height: int) -> str:
    """The projection where none is named: the one that viewers assume, if the sizes say that there is a panorama, or if
    a wide picture asks for a viewer. Samsung's phones leave it out."""
    sized = "FullPanoWidthPixels" in found and "CroppedAreaImageWidthPixels" in found
    viewed = found.get("UsePanoramaViewer", "").lower() == "true" and width >= 1.9 * height
    return "equirectangular" if sized or viewed else ""


def properties_of(packet: bytes, nested: bool = False) -> list[tuple[str, str]]:
    """("{namespace}name", value) of every simple property; empty if the packet cannot be parsed. With `nested`, the
    value of a property with several is their text."""
    if packet.count(b"<") > _MOST_ELEMENTS:
        return []
    start, end = max(0, packet.find(b"<x:xmpmeta")), packet.find(_END)
    stop = end + len(_END) if end >= 0 else packet.rfind(b">") + 1
    try:
        root = defusedxml.ElementTree.fromstring(packet[start:stop])
    # LookupError, OSError: an unknown encoding, or one whose module a confined process may not load.
    except (ParseError, DefusedXmlException, ValueError, LookupError, OSError):
        return []
    pairs = []
    for description in root.iter(f"{{{_RDF}}}Description"):
        pairs += [*description.attrib.items(), *((child.tag, _text(child, nested)) for child in description)]
    return [(name, value) for name, value in pairs if isinstance(name, str)]


def _text(element: Element, nested: bool) -> str:
    parts = itertools.islice(element.iter(), _MOST_NESTED) if nested else (element,)
    return "".join(part.text or "" for part in parts)


def _pixels(text: str | None, otherwise: int) -> int:
    return otherwise if not text else round(float(text))


def _degrees(text: str | None, start: float | None, most: float) -> float | None:
    """An angle, brought into [start, most) by whole turns; without `start`, None unless within +-`most`."""
    value = float(text) if text else None
    if value is None or not math.isfinite(value):
        return None
    if start is None:
        return value if abs(value) <= most else None
    return value if start <= value < most else (value - start) % 360 + start
