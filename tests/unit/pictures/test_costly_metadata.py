"""Small files whose metadata would cost much time or memory, were all of it read."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.pictures.claims.collect import tags_of
from kiosk.pictures.containers import container, png, tiff
from kiosk.pictures.containers.container import refuse_film
from kiosk.pictures.containers.parts import MOST_PACKETS, Damaged
from kiosk.pictures.gpano import gpano_xmp, properties_of, read_gpano
from tests.photos import saved

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PLAIN = saved(Image.new("RGB", (64, 32), "red"), "PNG")
HEADER = 33
"""Bytes of a PNG up to the end of its header."""


def with_texts(*texts: tuple[bytes, bytes]) -> bytes:
    """A PNG with these compressed texts, (keyword, text)."""
    chunks = b""
    for keyword, text in texts:
        body = b"zTXt" + keyword + b"\0\0" + zlib.compress(text, 9)
        chunks += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return PLAIN[:HEADER] + chunks + PLAIN[HEADER:]


def peak(work: Callable[[], object]) -> int:
    """Bytes that Python allocates at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_raw_profile_is_read_in_lines_of_any_length() -> None:
    packet = gpano_xmp(64, 32)
    digits = packet.hex()
    for width in (1, 72):
        lines = "\n".join(digits[at : at + width] for at in range(0, len(digits), width))
        text = f"\nxmp\n    {len(packet)}\n{lines}\n".encode()
        assert read_gpano(with_texts((b"Raw profile type xmp", text))) is not None
    assert read_gpano(with_texts((b"Raw profile type xmp", b"xmp"))) is None


def test_a_raw_profile_takes_little_more_than_its_text() -> None:
    text = b"xmp 8 " + b"7 " * 500_000
    assert peak(lambda: png.take_apart(with_texts((b"Raw profile type xmp", text)))) < 8 * len(text)


def test_only_so_many_texts_of_a_png_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = []
    monkeypatch.setattr(png, "inflate", lambda data: unpacked.append(len(data)))
    png.take_apart(with_texts(*[(b"XML:com.adobe.xmp", b"x" * 5_000_000)] * 60))
    assert 0 < len(unpacked) <= MOST_PACKETS


def nested(levels: int) -> bytes:
    """A packet whose properties hold each other; the innermost one has a text."""
    start, end = "<rdf:Description><a>", "</a></rdf:Description>"
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:rdf="{RDF}">{start * levels}Deep{end * levels}</x:xmpmeta>'.encode()
    )


def test_properties_that_hold_each_other_are_not_read_to_the_bottom_each() -> None:
    assert [value for _, value in properties_of(nested(2), nested=True)] == ["Deep", "Deep"]
    values = [value for _, value in properties_of(nested(2000), nested=True)]
    assert len(values) == 2000
    assert sum(map(bool, values)) < 10


def test_a_packet_of_a_million_elements_is_not_parsed() -> None:
    def packet(elements: int) -> bytes:
        return gpano_xmp(64, 32).replace(b"</rdf:RDF>", b"<a/>" * elements + b"</rdf:RDF>")

    data = {count: with_texts((b"XML:com.adobe.xmp", packet(count))) for count in (5000, 1_000_000)}
    assert len(data[1_000_000]) < 10_000
    assert read_gpano(data[5000]) is not None
    assert read_gpano(data[1_000_000]) is None
    assert peak(lambda: tags_of(container.take_apart(data[1_000_000]))) < 50_000_000


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def heic(*inside: bytes) -> bytes:
    return box(b"ftyp", b"heic\0\0\0\0heic") + box(b"meta", bytes(4) + b"".join(inside))


def test_the_name_of_an_item_is_not_cut_into_a_million_pieces() -> None:
    entry = box(b"infe", b"\2\0\0\0\0\1\0\0mime" + bytes(2_000_000))
    data = heic(box(b"iinf", bytes(4) + b"\0\1" + entry))

    def read() -> None:
        with pytest.raises(Damaged):
            container.take_apart(data)

    assert peak(read) < 6 * len(data)


def test_properties_of_an_item_lie_within_their_box() -> None:
    named = box(b"ipma", bytes(7) + b"\1" + b"\0\1" + b"\xff")
    with pytest.raises(Damaged, match="past their box"):
        container.take_apart(heic(box(b"iprp", named + bytes(300))))


def test_a_tag_of_many_numbers_is_not_read_to_the_end() -> None:
    count = 4_000_000
    tags = [(256, 4, 1, 64), (257, 4, 1, 32), (258, 4, count, 200), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, 32), (279, 4, 1, 2048)]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    data = head + bytes(4 * count + 3000)
    assert peak(lambda: tiff.take_apart(data)) < 4 * len(data)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**63 - 1, 2**62, 16])
def test_a_film_with_a_box_of_any_length_is_a_film(tmp_path, length: int) -> None:
    data = box(b"ftyp", b"isom\0\0\0\0") + struct.pack(">I4sQ", 1, b"free", length) + bytes(100)
    (tmp_path / "film").write_bytes(data)
    for source in (data, tmp_path / "film"):
        refuse_film(source)  # no 360 film, so it has nothing to say
    with pytest.raises(BadInput, match="video"):
        container.take_apart(data)


def test_a_mark_of_a_360_film_may_follow_another_one() -> None:
    mark = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    data = box(b"ftyp", b"isom\0\0\0\0") + box(b"uuid", bytes(64)) + box(b"uuid", mark + bytes(64))
    with pytest.raises(BadInput, match="360 video"):
        refuse_film(data)
