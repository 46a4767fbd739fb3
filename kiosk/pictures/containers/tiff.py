"""Take the first page of a TIFF apart, and write a TIFF with nothing else for the decoder. Layout: TIFF 6.0, BigTIFF.

A directory names its values, its strips and tiles by offsets, and so many of them may name the same bytes. The page is
written anew: only the tags that decoding needs, and the data of its strips or tiles once.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.pictures.containers.parts import MOST_METADATA, Damaged, Parts

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes per value, by type number."""
_FORMS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLORS, _ORIENTATION = 254, 256, 257, 258, 259, 262, 274
_STRIPS, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANES = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_CHILDREN, _XMP, _EXIF, _PROFILE, _DNG = 330, 700, 34665, 34675, 50706
# Fill order, fax options, predictor, palette, inks, extra samples, sample format, JPEG tables, YCbCr.
_KEPT = frozenset({_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _COLORS, _SAMPLES, _ROWS, _PLANES, _TILE_WIDTH, _TILE_HEIGHT})
_KEPT |= {266, 292, 293, 317, 320, 332, 338, 339, 347, 529, 530, 531, 532}
_OF_PLANES = frozenset({_COLORS, _SAMPLES, _PLANES})
"""What is 1 for a single gray plane."""
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000})
"""None, fax, LZW, JPEG, deflate, PackBits, LZMA, Zstandard."""
_RAW = frozenset({32803, 34892})
"""Photometric interpretations of sensor data."""
MOST_ENTRIES = 1000
MOST_SAMPLES = 16
MOST_PIECES = 1_000_000


def is_tiff(head: bytes) -> bool:
    """Whether a file starts like a TIFF or BigTIFF."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class _Page:
    """The first directory. tags: tag -> (type number, count, offset of the values)."""

    data: bytes
    order: str
    tags: dict[int, tuple[int, int, int]]

    def values(self, tag: int) -> tuple[int, ...]:
        """The first MOST_PIECES values of a tag of whole numbers; empty if it is missing."""
        kind, count, at = self.tags.get(tag, (0, 0, 0))
        form = f"{self.order}{min(count, MOST_PIECES)}{_FORMS.get(kind)}"
        return struct.unpack_from(form, self.data, at) if kind in _FORMS else ()

    def value(self, tag: int, otherwise: int) -> int:
        return next(iter(self.values(tag)), otherwise)

    def raw(self, tag: int) -> bytes:
        kind, count, at = self.tags.get(tag, (0, 0, 0))
        return self.data[at : at + _SIZES.get(kind, 1) * count]


def _page(data: bytes) -> _Page:
    """Read the first directory. Raises Damaged if it or its values extend past the file, or all values together are
    larger than the file."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    word, inline = ("Q", 8) if big else ("I", 4)
    tags: dict[int, tuple[int, int, int]] = {}
    named = 0
    try:
        (at,) = struct.unpack_from(f"{order}{word}", data, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, at)
        if count > MOST_ENTRIES:
            raise Damaged(f"{count} tags")
        at += 8 if big else 2
        for _ in range(count):
            tag, kind, number = struct.unpack_from(f"{order}HH{word}", data, at)
            length, place = _SIZES.get(kind, 1) * number, at + 4 + inline
            if length > inline:
                named += length
                (place,) = struct.unpack_from(f"{order}{word}", data, place)
            if named > len(data):
                raise Damaged("the tags are larger than the file")
            if place + length <= len(data):
                tags.setdefault(tag, (kind, number, place))
            elif tag in _KEPT or tag in (_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES):
                raise Damaged(f"tag {tag} extends past the file")
            at += 4 + 2 * inline
    except (struct.error, OverflowError) as error:
        raise Damaged("the directory extends past the file") from error
    return _Page(data, order, tags)


def take_apart(data: bytes) -> Parts:
    """Take the first page of a TIFF apart. Raises Damaged, and BadInput for a camera's raw file, whose first page is a
    thumbnail."""
    page = _page(data)
    width, height = page.value(_WIDTH, 0), page.value(_HEIGHT, 0)
    if not width or not height:
        raise Damaged("the picture has no size")
    small = page.value(_SUBFILE, 0) & 1 and _CHILDREN in page.tags
    if page.value(_COLORS, 0) in _RAW or _DNG in page.tags or small or data[8:10] == b"CR":
        raise BadInput(
            "This is a camera's raw file. Please send the photo as JPEG, HEIC or TIFF.", "unsupported_format", 415
        )
    if page.value(_COMPRESSION, 1) not in _COMPRESSIONS or not 1 <= page.value(_SAMPLES, 1) <= MOST_SAMPLES:
        raise Damaged("unknown compression or samples")
    if page.value(_SAMPLES, 1) > 1 and len(set(page.values(_BITS))) > 1:
        raise Damaged("samples of several depths")
    places, lengths, pieces = _pieces(page, width, height)
    planes, mode = (), ""
    if page.value(_PLANES, 1) == 2 and (samples := page.value(_SAMPLES, 1)) > 1:
        # Decoders mix up planes of 16 bits: each becomes a gray picture.
        mode = {2: "RGB", 5: "CMYK"}.get(page.value(_COLORS, 0), "")
        if not mode or samples < len(mode):
            raise Damaged("planes of unknown colors")
        each = len(pieces) // samples
        split = (pieces[n * each : n * each + each] for n in range(len(mode)))
        planes = tuple(_written(page, places, lengths, plane, alone=True) for plane in split)
    turn = page.value(_ORIENTATION, 1)
    profile, packet = page.raw(_PROFILE), page.raw(_XMP)
    return Parts(
        "TIFF",
        planes[0] if planes else _written(page, places, lengths, pieces),
        width,
        height,
        turn if 1 <= turn <= 8 else 1,
        profile if 0 < len(profile) <= MOST_METADATA else None,
        (packet,) if 0 < len(packet) <= MOST_METADATA else (),
        # Offsets in the EXIF directory count from the file's start.
        exif=data if data[2:4] in (b"*\0", b"\0*") else b"",
        planes=planes,
        planes_mode=mode,
    )


def _pieces(page: _Page, width: int, height: int) -> tuple[int, int, list[bytes]]:
    """(tag of the offsets, tag of the lengths, data) of the strips or tiles. Raises Damaged if they are not those of
    the picture, or extend past the file."""
    across, down = page.value(_TILE_WIDTH, 0), page.value(_TILE_HEIGHT, 0)
    tiled = _TILES in page.tags or _TILE_WIDTH in page.tags
    if tiled and (not across or not down or across * down > 4 * width * height + 2**20):
        raise Damaged("the tiles are larger than the picture")
    if not tiled:
        across, down = width, min(height, page.value(_ROWS, height) or height)
    places, lengths = (_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES)
    samples = page.value(_SAMPLES, 1)
    separate = samples if page.value(_PLANES, 1) == 2 else 1
    expected = -(-width // across) * -(-height // down) * separate
    if expected > MOST_PIECES or page.tags.get(places, (0, 0, 0))[1] < expected:
        raise Damaged("strips are missing")
    starts, sizes = page.values(places)[:expected], page.values(lengths)[:expected]
    bits = max(page.values(_BITS) or (1,)) * (1 if separate > 1 else samples)
    if not sizes and expected == 1 and starts:
        sizes = (len(page.data) - starts[0],)  # old writers leave out the length of a single strip
    if min(len(starts), len(sizes)) < expected or sum(sizes) > len(page.data):
        raise Damaged("the strips are larger than the file")
    for number, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        rows = down if tiled else min(down, height - number % -(-height // down) * down)
        bare = page.value(_COMPRESSION, 1) == 1 and page.value(_COLORS, 0) != 6
        if start + size > len(page.data) or (bare and size < (across * bits + 7) // 8 * rows):
            raise Damaged("a strip is cut short")
    return places, lengths, [page.data[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _written(page: _Page, places: int, lengths: int, pieces: list[bytes], alone: bool = False) -> bytes:
    """A TIFF with this page alone, in the page's byte order; `alone`: as a gray picture, of one of its planes."""
    order, kept = page.order, []
    one = struct.pack(f"{order}H", 1)
    kept += [(tag, 3, 1, one) for tag in _OF_PLANES] if alone else []
    for tag in sorted((_KEPT - _OF_PLANES - {338, 339} if alone else _KEPT) & page.tags.keys()):
        kind, count, _ = page.tags[tag]
        count = 1 if alone and tag == _BITS else count
        size = _SIZES.get(kind, 1)
        values = page.raw(tag)[: size * count]
        if kind == 16:  # BigTIFF's 64-bit numbers
            numbers = [min(value, 2**32 - 1) for value in page.values(tag)[:count]]
            kind, count, values = 4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)
        elif size == 8 and kind in (17, 18):
            continue
        kept.append((tag, kind, count, values))
    at = 8 + 2 + 12 * (len(kept) + 2) + 4
    at += sum(len(values) + len(values) % 2 for *_, values in kept if len(values) > 4) + 8 * len(pieces)
    starts = []
    for piece in pieces:
        starts.append(at)
        at += len(piece) + len(piece) % 2
    kept.append((places, 4, len(pieces), struct.pack(f"{order}{len(pieces)}I", *starts)))
    kept.append((lengths, 4, len(pieces), struct.pack(f"{order}{len(pieces)}I", *map(len, pieces))))
    kept.sort()
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(kept))
    table, bodies = b"", b""
    start = 8 + 2 + 12 * len(kept) + 4
    for tag, kind, count, values in kept:
        if len(values) > 4:
            table += struct.pack(f"{order}HHII", tag, kind, count, start + len(bodies))
            bodies += values + b"\0" * (len(values) % 2)
        else:
            table += struct.pack(f"{order}HHI", tag, kind, count) + values.ljust(4, b"\0")
    whole = [head, table, b"\0\0\0\0", bodies]
    whole[-1] = bodies.ljust((starts[0] if starts else start) - start, b"\0")
    for piece in pieces:
        whole += [piece, b"\0" * (len(piece) % 2)]
    return b"".join(whole)
