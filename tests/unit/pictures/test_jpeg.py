"""Stripping a JPEG copies the picture and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from kiosk.pictures.containers.jpeg import strip
from kiosk.pictures.containers.parts import Damaged


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_mandelbrot((96, 48), (-3, -2.5, 2, 2.5), 50).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_restarts() -> bytes:
    return jpeg(restart_marker_blocks=2)


KINDS: dict[str, Callable[[], bytes]] = {
    "baseline": jpeg,
    "progressive": lambda: jpeg(progressive=True),
    "gray": lambda: jpeg("L"),
    "optimized": lambda: jpeg(optimize=True),
    "full color": lambda: jpeg(subsampling=0),
    "with restart markers": with_restarts,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_the_same_to_the_last_bit(kind: str) -> None:
    before = KINDS[kind]()
    after = strip(before)
    assert Image.open(io.BytesIO(after)).tobytes() == Image.open(io.BytesIO(before)).tobytes()
    assert strip(after) == after


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), 0xFE])
def test_every_application_segment_and_comment_goes(marker: int) -> None:
    plain = strip(jpeg())
    body = b"Private\0of somebody"
    segment = bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
    assert strip(plain[:2] + segment + plain[2:]) == plain


def test_what_follows_the_picture_goes() -> None:
    plain = strip(jpeg())
    assert strip(plain + jpeg() + b"a video") == plain


@pytest.mark.parametrize("length", [0, 1, 2, 3, 20, 200])
def test_a_stream_that_is_not_whole_is_said_so(length: int) -> None:
    with pytest.raises(Damaged):
        strip(jpeg()[:length])


def test_a_stream_that_is_not_a_jpeg_is_said_so() -> None:
    for stream in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8hello there", b"\xff\xd8\xff\xe0\x00\x00"):
        with pytest.raises(Damaged):
            strip(stream)
