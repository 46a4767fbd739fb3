"""Seeing JPEG's blocks."""

import io

import numpy as np
import pytest
from PIL import Image

from kiosk.pictures.blocking import blocking


def photo():
    """Smooth structure of many sizes, as in a photo."""
    rng, total = np.random.default_rng(0), np.zeros((256, 512, 3))
    for size in (4, 16, 64):
        coarse = rng.integers(0, 256, (size, 2 * size, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(coarse).resize((512, 256), Image.Resampling.BICUBIC)) / 3
    return total.astype(np.uint8)


def compressed(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_a_clean_picture_has_no_blocks():
    assert blocking(photo()) < 1.03


def test_coarser_compression_shows_more():
    shown = [blocking(compressed(photo(), quality)) for quality in (95, 75, 40)]
    assert shown == sorted(shown)
    assert shown[-1] > 1.07


def test_blocks_are_seen_wherever_the_picture_was_turned_or_cut():
    blocky = compressed(photo(), 30)
    assert blocking(np.roll(blocky, 3, axis=1)) == pytest.approx(blocking(blocky), rel=0.05)
    assert blocking(blocky[5:, 3:]) > 1.07


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (40, 80)])
def test_small_and_plain_pictures_have_none(shape):
    assert blocking(np.full((*shape, 3), 9, np.uint8)) == 1
