"""Pictures kept in two bytes a value."""

import numpy as np

from kiosk.sphere.compact import STEPS, FixedPoint
from kiosk.sphere.padding import sphere_window


def picture(low: float = -400, high: float = 400) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, (16, 32, 3)).astype(np.float32)


def test_what_is_kept_is_the_nearest_step() -> None:
    given = picture()
    kept = FixedPoint.empty(given.shape)
    kept[:] = given
    assert np.abs(kept[:] - given).max() <= 0.5 / STEPS
    assert kept[:].dtype == np.float32
    kept[3:5, 7:9] += 1
    np.testing.assert_allclose(kept[3:5, 7:9], given[3:5, 7:9] + 1, atol=0.5 / STEPS)


def test_what_it_gives_is_not_its_own() -> None:
    kept = FixedPoint.empty((4, 4, 3))
    kept[:] = np.zeros((4, 4, 3), np.float32)
    kept[:][0] = 9
    assert not kept[:].any()


def test_windows_of_the_sphere_are_those_of_the_picture() -> None:
    whole = np.round(picture() * STEPS) / np.float32(STEPS)
    kept = FixedPoint.empty(whole.shape)
    kept[:] = whole
    for window in ((-5, -9, 30, 50), (3, 4, 5, 6), (-20, 100, 8, 8)):
        np.testing.assert_array_equal(sphere_window(kept, *window), sphere_window(whole, *window))
