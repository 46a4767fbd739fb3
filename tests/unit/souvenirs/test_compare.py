"""The page that shows what enlarging did."""

import numpy as np
import pytest

from kiosk.souvenirs.compare import choose_details, draw_comparison


def doubled(pixels):
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("shape", [(1, 1, 3), (9, 40, 3), (300, 200, 3), (256, 512, 3), (64, 64, 4)])
@pytest.mark.parametrize("scale", [1, 2])
def test_any_picture_makes_a_page(shape, scale):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    page = draw_comparison(pixels, doubled(pixels) if scale == 2 else pixels, "waifu2x photo", sphere=False)
    assert page.dtype == np.uint8
    assert page.shape[2] == 3
    assert page.shape[1] > 1500


def test_details_are_where_the_result_differs_and_lie_apart():
    pixels = np.full((1024, 2048, 3), 128, np.uint8)
    result = doubled(pixels)
    result[1000:1100, 3000:3200] = 255
    details = choose_details(pixels, result, 2, sphere=True)
    first = details[0]
    assert len(details) == 3
    assert first.top <= 500
    assert first.top + first.height >= 550
    assert first.left <= 1500
    assert first.left + first.width >= 1600
    for number, one in enumerate(details):
        for other in details[number + 1 :]:
            assert abs(one.top - other.top) >= one.height or abs(one.left - other.left) >= one.width


def test_a_small_sphere_shows_three_details_too():
    pixels = np.random.default_rng(0).integers(0, 256, (256, 512, 3), dtype=np.uint8)
    details = choose_details(pixels, doubled(pixels), 2, sphere=True)
    assert len(details) == 3
    assert len({(detail.height, detail.width) for detail in details}) == 1


@pytest.mark.slow
def test_what_is_stretched_at_a_pole_counts_less():
    pixels = np.full((1024, 2048, 3), 128, np.uint8)
    result = doubled(pixels)
    result[:60] = 255
    result[1000:1100, 2000:2400] = 255
    assert choose_details(pixels, result, 2, sphere=False)[0].top == 0
    assert choose_details(pixels, result, 2, sphere=True)[0].top > 300
