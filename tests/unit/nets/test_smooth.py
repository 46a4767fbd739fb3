"""The gradient's scales and colors."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.nets.dreaming.smooth import REST, shape_gradient


def noise(height: int = 96, width: int = 128) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(height, width, 3)).astype(np.float32)


def share_of_fine(gradient: np.ndarray) -> float:
    """Energy above an eighth of the sampling frequency."""
    coarse = cv2.GaussianBlur(gradient, (0, 0), 2)
    return float(np.square(gradient - coarse).sum() / np.square(gradient).sum())


def test_without_smoothing_and_with_full_color_nothing_changes() -> None:
    gradient = noise()
    assert shape_gradient(gradient, 0, 1) is gradient


def test_equal_weights_of_all_bands_give_the_gradient_back_but_for_its_tint() -> None:
    gradient = noise(205, 177)
    gradient += 5
    shaped = shape_gradient(gradient, 1e-9, 1)
    assert shaped.mean() == pytest.approx(REST * gradient.mean(), rel=0.02)
    assert share_of_fine(gradient - shaped) < 0.05


def test_more_smoothing_leaves_less_glitter() -> None:
    shares = [share_of_fine(shape_gradient(noise(), smooth, 1)) for smooth in (0, 0.5, 1, 2)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.5 * shares[0]


def test_coarse_forms_gain_and_fine_ones_lose() -> None:
    column = np.arange(256, dtype=np.float32)
    coarse, fine = (
        np.repeat(np.tile(np.cos(column * 2 * np.pi / length), (256, 1))[..., None], 3, axis=2) for length in (48, 2)
    )
    middle = slice(64, 192)
    gain = [np.abs(shape_gradient(wave, 1, 1)[middle, middle]).mean() / np.abs(wave).mean() for wave in (coarse, fine)]
    assert gain[0] > 1.3
    assert gain[1] < 0.4


def test_no_chroma_is_a_gradient_of_brightness() -> None:
    gradient = noise()
    gray = shape_gradient(gradient, 0, 0)
    np.testing.assert_allclose(gray, np.repeat(gradient.mean(axis=2, keepdims=True), 3, axis=2), atol=1e-6)
    half = shape_gradient(gradient, 0, 0.5)
    np.testing.assert_allclose(half, (gradient + gray) / 2, atol=1e-6)


def test_no_magenta_leaves_green_halfway_between_red_and_blue() -> None:
    gradient = np.random.default_rng(3).normal(size=(32, 32, 3)).astype(np.float32)
    shaped = shape_gradient(gradient, 0.0, 0.6, 0.0)
    red, green, blue = np.moveaxis(shaped, 2, 0)
    np.testing.assert_allclose(green, (red + blue) / 2, atol=1e-5)
    # Brightness and the colors between blue and orange are what they were.
    np.testing.assert_allclose(shaped.mean(2), gradient.mean(2), atol=1e-5)
    np.testing.assert_allclose(red - blue, 0.6 * (gradient[..., 0] - gradient[..., 2]), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16)])
def test_small_tiles_are_smoothed_as_far_as_they_go(size: tuple[int, int]) -> None:
    assert shape_gradient(noise(*size), 1, 0.5).shape == (*size, 3)
