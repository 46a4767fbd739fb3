from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kiosk.library.looking.thumb import HEIGHT, THUMB_BYTES, WIDTH, encode_thumb, is_thumb


@pytest.mark.parametrize("kind", ["noise", "halves"])
def test_whatever_is_in_it_a_small_picture_is_small(kind: str) -> None:
    sphere = np.zeros((512, 1024, 3), np.uint8)
    if kind == "noise":
        sphere[:] = np.random.default_rng(1).integers(0, 256, sphere.shape)
    else:
        sphere[:, 512:] = (200, 40, 40)
    data = encode_thumb(sphere)
    assert is_thumb(data)
    assert len(data) <= THUMB_BYTES
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (WIDTH, HEIGHT))
        if kind == "halves":
            left, right = opened.getpixel((90, 90)), opened.getpixel((290, 90))
            assert np.allclose(left, 0, atol=12)
            assert np.allclose(right, (200, 40, 40), atol=12)


def test_what_a_decoder_in_bad_hands_may_write_is_no_small_picture() -> None:
    def webp(width: int, height: int, **options: object) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", (width, height)).save(file, "WEBP", **options)
        return file.getvalue()

    good = encode_thumb(np.zeros((64, 128, 3), np.uint8))
    assert is_thumb(good)
    for bad in (b"", good[:20], webp(4000, 4000), webp(WIDTH, HEIGHT, lossless=True), good + bytes(THUMB_BYTES),
                b"<svg/>"):  # fmt: skip
        assert not is_thumb(bad)
