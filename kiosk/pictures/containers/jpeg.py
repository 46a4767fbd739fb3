"""Walk the segments of a JPEG once and validate them. Layout: ITU-T T.81, annex B.

`strip` copies only the segments needed for decoding. Everything else a camera or phone wrote (EXIF with GPS and serial
numbers, XMP, IPTC, comments, thumbnails, a second picture or a video after the end) is dropped, unknown tags included.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from kiosk.pictures.containers.exif import orientation
from kiosk.pictures.containers.extended_xmp import EXTENSION_HEADER, joined
from kiosk.pictures.containers.parts import MOST_METADATA, Damaged, Parts, first_packets
from kiosk.pictures.containers.scans import FRAMES, SCAN, Scans
from kiosk.pictures.containers.trailer import marks

START, END = b"\xff\xd8", b"\xff\xd9"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_HEADER = b"Exif\0\0"
_PROFILE_HEADER = b"ICC_PROFILE\0"
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_END_MARKER = 0xD9
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length field."""
_APPLICATION = frozenset(range(0xE0, 0xF0))
_COMMENT = 0xFE
_JFIF = b"JFIF\0"
_PLAIN_JFIF = b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
_PLAIN_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker that ends entropy-coded data. Stuffed zeros, restart markers and fill bytes do not."""
MOST_SEGMENTS = 10_000
"""A 100 MB file in 64 KB segments has 1,600."""


@dataclass(frozen=True)
class Segment:
    """A segment, data[start:stop]: two bytes of marker, two of length, and the body. For a scan, the entropy-coded data
    is data[stop:end]; for other segments `end` equals `stop`."""

    marker: int
    start: int
    stop: int
    end: int


def segments(data: bytes, *, up_to_scan: bool = False) -> Iterator[Segment]:
    """Yield the segments up to the end of the image, or with `up_to_scan` up to the first scan header.

    Stray bytes between segments are skipped, as decoders do. After a scan, the walk ends without an error where no
    segment follows that could belong to the picture: phones append videos without an end-of-image marker. Raises
    Damaged if the file is not a JPEG, or ends before its first scan.
    """
    if data[:2] != START:
        raise Damaged("no start of image")
    at, picture = 2, Scans()
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            break
        at, marker = found.start(), data[found.end() - 1]
        if marker == _END_MARKER:
            break
        if marker in _BARE:
            at += 2
            continue
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        known = marker in FRAMES or marker in _TABLES or marker in _APPLICATION or marker in (SCAN, _COMMENT)
        if not known or stop < at + 4 or stop > len(data):
            break
        body = data[at + 4 : stop]
        if picture.begun and not picture.continues(marker, body):
            break
        end = stop
        if marker in FRAMES:
            picture.frame(marker, body)
        elif marker == SCAN and not up_to_scan:
            picture.scan(body)
            follower = _AFTER_SCAN.search(data, stop)
            end = follower.start() if follower else len(data)
        yield Segment(marker, at, stop, end)
        if marker == SCAN and (up_to_scan or picture.complete):
            return
        at = end
    if not picture.begun:
        raise Damaged(f"no segment at byte {at}")


def strip(data: bytes) -> bytes:
    """Reduce a JPEG to the segments that decoding needs, plus an end-of-image marker.

    A JFIF header and the color transform of an Adobe segment affect colors, so both are rewritten. Raises Damaged.
    """
    kept = [START]
    for segment in segments(data):
        marker, body = segment.marker, data[segment.start + 4 : segment.stop]
        if marker in FRAMES or marker in _TABLES or marker == SCAN:
            kept.append(data[segment.start : segment.end])
        elif marker == 0xE0 and body[:5] == _JFIF:
            kept.append(_PLAIN_JFIF)
        elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            kept.append(_PLAIN_ADOBE + body[11:12])
    kept.append(END)
    return b"".join(kept)


def _end(data: bytes, at: int) -> bool:
    """Whether the end-of-image marker is at byte `at`, behind any number of fill bytes."""
    while data[at : at + 2] == b"\xff\xff":
        at += 1
    return data[at : at + 2] == END


def size(data: bytes) -> tuple[int, int] | None:
    """(width, height) from the frame header; None if there is none."""
    try:
        for segment in segments(data, up_to_scan=True):
            if segment.marker in FRAMES and segment.stop - segment.start >= 9:
                height, width = struct.unpack_from(">HH", data, segment.start + 5)
                return width, height
    except Damaged:
        pass
    return None


def xmp_packets(data: bytes) -> tuple[bytes, ...]:
    """The XMP packets before the first scan, extended ones last; empty if the data is not a JPEG."""
    packets, extended = [], []
    try:
        for segment in segments(data, up_to_scan=True):
            body = data[segment.start + 4 : segment.stop]
            if segment.marker == 0xE1 and body.startswith(XMP_HEADER):
                packets.append(body[len(XMP_HEADER) :])
            elif segment.marker == 0xE1 and body.startswith(EXTENSION_HEADER):
                extended.append(body[len(EXTENSION_HEADER) :])
    except Damaged:
        pass
    return first_packets((*packets, *joined(packets, extended)))


def take_apart(data: bytes) -> Parts:
    """Take a JPEG apart. Raises Damaged, also for a progressive one that ends before its last scan."""
    width, height, scans, last = 0, 0, 0, 0
    profile: list[tuple[int, bytes]] = []
    packets: list[bytes] = []
    extended: list[bytes] = []
    exif = b""
    picture = Scans()
    for segment in segments(data):
        marker, body = segment.marker, data[segment.start + 4 : segment.stop]
        last = segment.end
        if marker in FRAMES and len(body) >= 6 and not width:
            height, width = struct.unpack_from(">HH", body, 1)
            picture.frame(marker, body)
        elif marker == SCAN:
            scans += 1
            picture.scan(body)
        elif marker == 0xE1 and body.startswith(_EXIF_HEADER):
            exif = exif or body[len(_EXIF_HEADER) :]
        elif marker == 0xE1 and body.startswith(XMP_HEADER):
            packets.append(body[len(XMP_HEADER) :])
        elif marker == 0xE1 and body.startswith(EXTENSION_HEADER):
            extended.append(body[len(EXTENSION_HEADER) :])
        elif marker == 0xE2 and body.startswith(_PROFILE_HEADER) and len(body) >= 14:
            profile.append((body[12], body[14:]))
    ended = _end(data, last)
    if not picture.unbroken or not (ended or picture.complete):
        raise Damaged("scans are missing")
    whole = b"".join(piece for _, piece in sorted(profile, key=lambda numbered: numbered[0]))
    return Parts(
        "JPEG",
        strip(data),
        width,
        height,
        orientation(exif),
        whole if 0 < len(whole) <= MOST_METADATA else None,
        first_packets((*packets, *joined(packets, extended))),
        scans,
        exif,
        marks(data),
        ended,
    )
