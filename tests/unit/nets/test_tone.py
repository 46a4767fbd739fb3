"""What a step may do to a pixel's brightness and color."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.nets.dreaming.tone import NO_LIMIT, expose, subdue

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.uniform(0, 255, (64, 96, 3)).astype(np.float32)


def pixel(*levels: float) -> np.ndarray:
    return np.full((2, 2, 3), levels, np.float32)


def from_gray(picture: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(picture - picture.mean(axis=2, keepdims=True)).sum(axis=2))


@pytest.mark.parametrize("size", [0, 1, 30, 1e6])
def test_no_step_leaves_the_levels_of_a_picture(size: float) -> None:
    after = expose(PICTURE, RANDOM.normal(0, size, PICTURE.shape).astype(np.float32))
    assert after.min() >= 0
    assert after.max() <= 255


def test_a_step_goes_the_way_it_points() -> None:
    change = RANDOM.normal(0, 9, PICTURE.shape).astype(np.float32)
    moved = expose(PICTURE, change.copy()) - PICTURE
    assert (moved * change >= 0).all()
    assert (np.abs(moved) <= np.abs(change) + 1e-4).all()


def test_no_change_changes_nothing() -> None:
    np.testing.assert_array_equal(expose(PICTURE, np.zeros_like(PICTURE)), PICTURE)


@pytest.mark.parametrize("change", [7, -7])
def test_a_hundred_steps_towards_an_end_do_not_reach_it(change: float) -> None:
    picture = pixel(128, 128, 128)
    for _ in range(100):
        picture = expose(picture, pixel(change, change, change))
    assert 1 < np.abs(picture - (255 if change > 0 else 0)).max() < 20


def test_steps_away_from_white_are_not_held_back() -> None:
    np.testing.assert_allclose(expose(pixel(255, 255, 255), pixel(-3, -3, -3)), 252, atol=0.3)


def test_light_and_dark_are_treated_alike() -> None:
    change = RANDOM.normal(0, 20, PICTURE.shape).astype(np.float32)
    np.testing.assert_allclose(255 - expose(255 - PICTURE, -change), expose(PICTURE, change.copy()), rtol=0, atol=1e-3)


def test_colors_stop_at_the_limit() -> None:
    picture = pixel(128, 128, 128)
    for _ in range(200):
        picture = picture + subdue(picture, pixel(4, -1, -3), 90)
    assert 80 < from_gray(picture).max() < 92
    np.testing.assert_allclose(picture.mean(axis=2), 128, atol=1e-2)


def test_brightness_passes_where_color_does_not() -> None:
    change = subdue(pixel(200, 100, 100), pixel(6, 3, 3), 60)
    np.testing.assert_allclose(change, 4, atol=1e-4)


def test_the_way_back_to_gray_is_open() -> None:
    back = pixel(-6, 3, 3)
    np.testing.assert_allclose(subdue(pixel(240, 60, 60), back, 60), back, atol=1e-4)


def test_without_a_limit_nothing_is_taken() -> None:
    change = pixel(6, 3, 3)
    assert subdue(pixel(255, 0, 0), change, NO_LIMIT) is change
