"""Write JPEG and PNG files strip by strip, so that encoding any size takes the memory of one strip.

Restart markers reset a JPEG decoder's state. So each strip is encoded as its own JPEG with the same tables, and the
scans are joined by restart markers under one header with the full height (ITU-T T.81, B.2.4.4 and E.1.4). PNG data is
one zlib stream, which can be fed row by row.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import IO

import cv2
import numpy as np

from kiosk.errors import BadInput
from kiosk.pictures.containers.jpeg import segments
from kiosk.pictures.gpano import with_xmp

JPEG_LIMIT = 65535
_STRIP_PIXELS = 1 << 20


def write_jpeg(
    file: IO[bytes],
    picture: np.ndarray,
    *,
    quality: int = 95,
    halved_chroma: bool = False,
    xmp: bytes | None = None,
    after_strip: Callable[[], None] | None = None,
) -> None:
    """Write `picture`, uint8 [H, W, 3] (RGB), as baseline JPEG with the XMP packet `xmp`, if any.

    `halved_chroma`: store color at half the resolution (4:2:0), which takes two thirds of the bytes. The filters of
    chroma do not wrap, so at high zoom a line can show at a sphere's seam. `after_strip` is called after each strip is
    read. Raises BadInput above 65535 pixels per side.
    """
    height, width = picture.shape[:2]
    if max(height, width) > JPEG_LIMIT:
        raise BadInput(
            f"a JPEG is at most {JPEG_LIMIT} pixels per side, but this picture is {width} x {height}", "too_large"
        )
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if halved_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    options = [cv2.IMWRITE_JPEG_QUALITY, int(quality), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    side = 16 if halved_chroma else 8
    blocks = -(-width // side)
    # A restart interval is counted in 16 bits, which this many blocks always fit.
    rows = max(1, _STRIP_PIXELS // (blocks * side * side))
    for number, top in enumerate(range(0, height, rows * side)):
        # OpenCV takes five sixths of Pillow's time, and its JPEGs decode to the same pixels.
        strip = cv2.cvtColor(picture[top : top + rows * side], cv2.COLOR_RGB2BGR)
        header, scan = _split(cv2.imencode(".jpg", strip, options)[1].tobytes())
        if number == 0:
            header = header if rows * side >= height else _whole_header(header, height, blocks * rows)
            file.write(with_xmp(header, xmp) if xmp else header)
        else:
            file.write(bytes([0xFF, 0xD0 + (number - 1) % 8]))
        file.write(scan)
        if after_strip:
            after_strip()
    file.write(b"\xff\xd9")


def _split(jpeg: bytes) -> tuple[bytes, bytes]:
    """Split a JPEG into its header, scan header included, and the scan data without the end-of-image marker."""
    end = list(segments(jpeg, up_to_scan=True))[-1].stop
    return jpeg[:end], jpeg[end:-2]


def _whole_header(header: bytes, height: int, interval: int) -> bytes:
    """Turn the first strip's header into that of the whole picture: full height, and a restart interval in blocks."""
    patched = bytearray(header)
    found = list(segments(header, up_to_scan=True))
    frame = next(segment.start for segment in found if segment.marker == 0xC0)
    struct.pack_into(">H", patched, frame + 5, height)
    scan = found[-1].start
    return bytes(patched[:scan]) + struct.pack(">2sHH", b"\xff\xdd", 4, interval) + bytes(patched[scan:])


def write_png(
    file: IO[bytes],
    picture: np.ndarray,
    *,
    xmp: bytes | None = None,
    after_strip: Callable[[], None] | None = None,
) -> None:
    """Write `picture`, uint8 [H, W, 3 or 4], as PNG with the XMP packet `xmp`, if any. Rows use the filter "up", the
    difference from the row above."""
    height, width, channels = picture.shape
    file.write(b"\x89PNG\r\n\x1a\n")
    _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 6, 0, 0, 0))
    if xmp:
        _chunk(file, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    stream = zlib.compressobj(4, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    above = np.zeros((1, width * channels), np.uint8)
    for top in range(0, height, 64):
        rows = picture[top : top + 64].reshape(-1, width * channels)
        lines = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
        lines[:, 0] = 2
        np.subtract(rows, np.concatenate([above, rows[:-1]]), out=lines[:, 1:])
        above = rows[-1:].copy()
        _chunk(file, b"IDAT", stream.compress(lines.tobytes()))
        if after_strip:
            after_strip()
    _chunk(file, b"IDAT", stream.flush())
    _chunk(file, b"IEND", b"")


def _chunk(file: IO[bytes], kind: bytes, data: bytes) -> None:
    if data or kind == b"IEND":
        file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
