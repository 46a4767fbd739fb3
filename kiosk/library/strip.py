"""A JPEG without its metadata, its picture untouched to the last bit.

What cameras and phones write beside the picture (EXIF with GPS and serial numbers, XMP, IPTC, comments, thumbnails,
a second picture or a video after the end) is left behind by copying only what decodes the picture, so that a tag
nobody thought of cannot slip through. Segment layout: ITU-T T.81, annex B.
"""

from __future__ import annotations

# What a decoder needs: tables, frames, restart intervals, scans.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_SCAN, _END = 0xDA, 0xD9


class NotStrippable(ValueError):
    """The stream is not laid out as the standard says; decode and encode it again instead."""


def strip(jpeg: bytes) -> bytes:
    """The picture of `jpeg` alone: everything up to its first end-of-image that decoding needs.

    Kept besides: the JFIF header and Adobe's colour transform flag, which change the colours. Raises NotStrippable.
    """
    if jpeg[:2] != b"\xff\xd8":
        raise NotStrippable("no start of image")
    kept = [b"\xff\xd8"]
    at = 2
    while True:
        if at + 2 > len(jpeg):
            raise NotStrippable("no end of image")
        if jpeg[at] != 0xFF:
            raise NotStrippable(f"no marker at byte {at}")
        marker = jpeg[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _END:
            kept.append(b"\xff\xd9")
            return b"".join(kept)
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        stop = at + 2 + length
        if length < 2 or stop > len(jpeg):
            raise NotStrippable(f"segment at byte {at} ends beyond the file")
        body = jpeg[at + 4 : stop]
        if marker in _FRAMES or marker in _TABLES or marker == _SCAN or _changes_colour(marker, body):
            kept.append(jpeg[at:stop])
        elif not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            raise NotStrippable(f"unknown marker {marker:#x}")
        at = stop
        if marker == _SCAN:
            end = _end_of_scan(jpeg, at)
            kept.append(jpeg[at:end])
            at = end


def _changes_colour(marker: int, body: bytes) -> bool:
    # A JFIF header may carry a thumbnail behind its 14 bytes; APP0 of other kinds (JFXX, vendors') goes.
    return (marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) == 14) or (marker == 0xEE and body[:5] == b"Adobe")


def _end_of_scan(jpeg: bytes, at: int) -> int:
    """Where the next marker stands that is not part of the coded data (stuffed zeros and restarts are)."""
    while True:
        at = jpeg.find(b"\xff", at)
        if at < 0 or at + 1 >= len(jpeg):
            raise NotStrippable("no end of image")
        follower = jpeg[at + 1]
        if follower == 0 or 0xD0 <= follower <= 0xD7:
            at += 2
        elif follower == 0xFF:
            at += 1
        else:
            return at
