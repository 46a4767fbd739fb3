"""HEIC files as phones write them, made by heif-enc (Debian: libheif-examples): Pillow's plugin only reads them."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kiosk.pictures.containers.boxes.items import read_items

BRANDS = ("heic", "heix", "hevc", "mif1", "msf1", "heim", "heis", "miaf", "mif2")


def heic(picture: Image.Image, *options: str, form: str = "PNG", **saved: Any) -> bytes:
    """`picture` as HEIC. options: heif-enc's. form and saved: how Pillow writes the file that heif-enc reads; of a
    JPEG it takes EXIF, profile, XMP and orientation over."""
    encoder = shutil.which("heif-enc")
    if encoder is None:
        pytest.fail("heif-enc is missing: python -m tests installs it, or apt-get install libheif-examples")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, f"in.{'jpg' if form == 'JPEG' else 'png'}"), Path(folder, "out.heic")
        picture.save(source, form, **saved)
        subprocess.run([encoder, *options, "-o", target, source], check=True, capture_output=True)
        return target.read_bytes()


def branded(data: bytes, brand: str, compatible: tuple[str, ...] | None = None) -> bytes:
    """The file with another major brand, and other compatible ones where they are given."""
    length = int.from_bytes(data[:4], "big")
    listed = b"".join(one.encode() for one in compatible) if compatible is not None else data[16:length]
    # The item locations count from the file's start: the box keeps its size.
    listed = listed[: length - 16].ljust(length - 16, b"\0")
    return data[:8] + brand.encode() + data[12:16] + listed + data[length:]


def with_property(data: bytes, box: bytes) -> bytes:
    """A file as heif-enc writes it, whose picture, the first item, has one property more."""
    lengthened = bytearray(data)
    grown = len(box) + 1
    container, listed, places = (data.index(name) - 4 for name in (b"ipco", b"ipma", b"iloc"))
    assert data[places + 12 : places + 14] == b"D@", "places are counted from the file's start in four bytes"
    at = places + 16
    for _ in range(data[places + 15]):
        _grow(lengthened, at + 4, grown)
        at += 10 + 8 * data[at + 9]
    for at in (data.index(b"meta") - 4, data.index(b"iprp") - 4):
        _grow(lengthened, at, grown)
    _grow(lengthened, container, len(box))
    _grow(lengthened, listed, 1)
    count = data[listed + 18]
    lengthened[listed + 18] += 1
    lengthened.insert(listed + 19 + count, 0x80 | (_properties(data, container) + 1))
    return bytes(lengthened[:listed] + box + lengthened[listed:])


def _grow(data: bytearray, at: int, by: int) -> None:
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + by).to_bytes(4, "big")


def _properties(data: bytes, at: int) -> int:
    stop, count = at + int.from_bytes(data[at : at + 4], "big"), 0
    at += 8
    while at < stop:
        at += int.from_bytes(data[at : at + 4], "big")
        count += 1
    return count


def turned(data: bytes, quarters: int) -> bytes:
    """The file with the property that says to turn the picture by so many quarters, counterclockwise."""
    return with_property(data, b"\0\0\0\x09irot" + bytes([quarters]))


def colored(data: bytes, primaries: int) -> bytes:
    """The file with its colors named by number (H.273), with the curve of sRGB and BT.601's matrix, full range."""
    colors = b"".join(number.to_bytes(2, "big") for number in (primaries, 13, 6)) + b"\x80"
    return with_property(data, b"\0\0\0\x13colrnclx" + colors)


def composed(data: bytes, kind: bytes, *properties: bytes, times: int = 1) -> bytes:
    """A file whose picture is composed of the one of a file as heif-enc writes it: kind "iden", the same, or "iovl",
    `times` of it over each other, each 20 pixels farther down. properties: boxes of the composed one."""
    found = read_items(data)
    coded = found.content(data, found.primary, len(data))
    (described,) = found.properties_of(found.primary, b"hvcC")
    width, height = found.sizes[found.primary]
    size = _box(b"ispe", struct.pack(">III", 0, width, height))
    container = _box(b"ipco", _box(b"hvcC", described) + size + b"".join(properties))
    parts, whole = range(1, times + 1), times + 1
    used = bytes((1 + len(properties), 2, *(0x80 | (3 + n) for n in range(len(properties)))))
    uses = b"".join(struct.pack(">H", n) + b"\2\x81\2" for n in parts) + struct.pack(">H", whole) + used
    layers = b"".join(struct.pack(">ii", 0, 20 * n) for n in range(times))
    canvas = bytes((0, 1)) + struct.pack(">4HII", 0, 0, 0, 65535, width, height) + layers
    kinds = [b"hvc1"] * times + [kind]
    entries = [_box(b"infe", struct.pack(">IHH4sB", 2 << 24, n, 0, item, 0)) for n, item in enumerate(kinds, 1)]
    references = _box(b"dimg", struct.pack(f">HH{times}H", whole, times, *parts))

    def meta(offset: int) -> bytes:
        places = b"".join(struct.pack(">HHHHII", n, 0, 0, 1, offset, len(coded)) for n in parts)
        places += struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(canvas)) if kind == b"iovl" else b""
        return _box(
            b"meta",
            bytes(4)
            + _box(b"hdlr", bytes(8) + b"pict" + bytes(13))
            + _box(b"pitm", struct.pack(">IH", 0, whole))
            + _box(b"iinf", struct.pack(">IH", 0, whole) + b"".join(entries))
            + _box(b"iref", bytes(4) + references)
            + _box(b"iprp", container + _box(b"ipma", struct.pack(">II", 0, whole) + uses))
            + _box(b"idat", canvas)
            + _box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, len(places) // 16) + places),
        )

    start = _box(b"ftyp", b"heic\0\0\0\0mif1heic")
    return start + meta(len(start) + len(meta(0)) + 8) + _box(b"mdat", coded)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def clap(width: int, height: int) -> bytes:
    """The property that cuts the middle of this size out of a picture."""
    return _box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1))
