"""Walk the boxes of a HEIC or AVIF file and validate them. Layout: ISO/IEC 14496-12 and 23008-12, AVIF 1.1.

The primary item of a photo is one coded picture or a grid of coded tiles; in HEIC, also a turned or cut one, or several
over each other. The decoder only gets files whose primary item is one of these and whose tiles together are about the
size of the picture: a malicious grid may otherwise reference one large picture sixty thousand times.
"""

from __future__ import annotations

import struct

from kiosk.pictures.containers.boxes import av1, derived
from kiosk.pictures.containers.boxes.items import Items, read_items
from kiosk.pictures.containers.parts import MOST_METADATA, Damaged, Parts, first_packets

BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
"""Brands of files with HEVC-coded pictures."""
GENERAL = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
"""Brands that describe only the box layout; AVIF uses them too."""
AVIF = frozenset({b"avif", b"avis"})
_LAYERS = 4
"""How many times as wide and high as one of its layers a layered AV1 picture may be. Encoders double from layer to
layer, up to three of them."""
_CODED = {"HEIF": b"hvc1", "AVIF": b"av01"}
_XMP_TYPE = b"application/rdf+xml"


def brands(head: bytes) -> frozenset[bytes]:
    """The brands in a file's first bytes, the major brand among them; empty if it has no `ftyp` box."""
    if head[4:8] != b"ftyp" or len(head) < 12:
        return frozenset()
    stop = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, stop - 3, 4))})


def is_heic(head: bytes) -> bool:
    """Whether a file with these first bytes has HEVC pictures, or may have: it names only general brands."""
    found = brands(head)
    return bool(found & BRANDS) or (head[8:12] in GENERAL and not found & AVIF)


def is_avif(head: bytes) -> bool:
    """Whether a file with these first bytes has AV1 pictures."""
    return bool(brands(head) & AVIF) and not is_heic(head)


def take_apart(data: bytes) -> Parts:
    """Take a HEIC or AVIF file apart: the primary picture, whose rotation HEIC's decoder applies and AVIF's does not.
    Raises Damaged."""
    try:
        items = read_items(data)
    except (struct.error, IndexError) as error:
        raise Damaged(f"a box is too short: {error}") from error
    pictured = derived.coded(items, items.primary)
    coded = {items.kinds.get(number) for number in pictured}
    form = next((name for name, kind in _CODED.items() if {kind} == coded), None)
    if form is None or (form == "AVIF" and items.kinds[items.primary] not in (b"av01", b"grid")):
        raise Damaged("no displayable primary item")
    width, height = items.sizes.get(items.primary, (0, 0))
    if not width or not height:
        raise Damaged("the picture has no size")
    if pictured != [items.primary]:
        derived.check_areas(items, items.primary, pictured)
    if not all(items.whole(number, len(data)) for number in pictured):
        raise Damaged("the file ends inside the picture")
    if form == "AVIF":
        _check_frames(data, items, pictured)
    return Parts(
        form,
        _bare(data, items, form),
        width,
        height,
        items.orientation if form == "AVIF" else 1,
        items.profile if form == "AVIF" else None,
        _packets(data, items),
        max(1, len(pictured) // 64),
        _exif(data, items),
    )


def _check_frames(data: bytes, items: Items, pictured: list[int]) -> None:
    """Raise Damaged if a frame that the decoder allocates is larger than the picture, or than its own item."""
    width, height = items.sizes[items.primary]
    for number in derived.shown(items, pictured):
        wide, high = items.sizes.get(number, (0, 0))
        if number not in pictured and wide * high > width * height:
            raise Damaged("an item is larger than the picture")
        layers = _LAYERS if items.properties_of(number, b"a1op", b"lsel") else 1
        header = items.content(data, number, av1.MOST_HEADER)
        av1.check_size(header, (layers * wide, layers * high))


def _bare(data: bytes, items: Items, form: str) -> bytes:
    """The file for the decoder: of the brand of its pictures, and without the items of metadata. Decoders load them
    with readers that trust the numbers in them, and unpack compressed text of any size."""
    picture = bytearray(data)
    brand = b"heic" if form == "HEIF" else b"avif"
    picture[8:12] = brand
    if int.from_bytes(data[:4], "big") >= 20:
        picture[16:20] = brand
    for number, at in items.named_at.items():
        if items.kinds[number] in (b"mime", b"Exif"):
            picture[at : at + 4] = b"skip"
    return bytes(picture)


def _packets(data: bytes, items: Items) -> tuple[bytes, ...]:
    """The XMP packets; compressed ones are left out."""
    found = [number for number, kind in items.kinds.items() if kind == b"mime" and items.types[number] == _XMP_TYPE]
    packets = (items.content(data, number, MOST_METADATA) for number in found if items.whole(number, len(data)))
    return first_packets(packets)


def _exif(data: bytes, items: Items) -> bytes:
    """The EXIF block: four bytes say how far behind them it begins (23008-12, A.2.1)."""
    number = next((number for number, kind in items.kinds.items() if kind == b"Exif"), None)
    if number is None:
        return b""
    content = items.content(data, number, MOST_METADATA)
    return content[4 + int.from_bytes(content[:4], "big") :].removeprefix(b"Exif\0\0") if len(content) > 4 else b""
