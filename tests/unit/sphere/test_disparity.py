"""Two eyes that see one dream, on pairs whose depth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.sphere.disparity import disparity, second_eye

WIDTH, HEIGHT = 512, 256
NEAR, FAR = 9.0, 2.0


def texture(seed: int, sigma: float) -> np.ndarray:
    """Noise that wraps around, float32 [HEIGHT, WIDTH, 3], mean 0, deviation 1."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32)
    border = 32
    soft = cv2.GaussianBlur(cv2.copyMakeBorder(noise, 0, 0, border, border, cv2.BORDER_WRAP), (0, 0), sigma)
    soft = soft[:, border:-border]
    return soft / soft.std()


def depth() -> np.ndarray:
    """Disparity: a thing that is near in front of a far wall, and one across the +-180 degree meridian."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    near = np.full((HEIGHT, WIDTH), FAR, np.float32)
    for column in (170, 0, WIDTH):
        near[np.hypot(x - column, y - 128) < 50] = NEAR
    return near


def seen_from_the_right(left: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    padded = cv2.copyMakeBorder(left, 0, 0, 16, 16, cv2.BORDER_WRAP)
    return cv2.remap(padded, x + depth() + 16, y, cv2.INTER_LINEAR)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left eye, right eye, and the left eye dreamed."""
    left = np.clip(127 + 30 * texture(0, 3), 0, 255)
    dreamed = np.clip(left + 20 * texture(1, 2), 0, 255)
    return left.astype(np.uint8), np.rint(seen_from_the_right(left)).astype(np.uint8), dreamed.astype(np.uint8)


def test_the_disparity_of_near_and_far_is_found_and_wraps(pair: tuple[np.ndarray, ...]) -> None:
    found = disparity(*pair[:2])
    assert found.shape == (HEIGHT, WIDTH, 2)
    for column, wanted in ((170, NEAR), (0, NEAR), (WIDTH - 1, NEAR), (330, FAR)):
        assert found[128, column, 0] == pytest.approx(wanted, abs=0.5)
        assert found[128, column, 1] == pytest.approx(0, abs=0.3)


def test_what_was_dreamed_lies_at_the_depth_of_what_it_was_dreamed_on(pair: tuple[np.ndarray, ...]) -> None:
    left, right, dreamed = pair
    added = dreamed.astype(np.float32) - left
    carried = second_eye(left, right, dreamed).astype(np.float32) - right
    rows = slice(64, 192)
    assert correlation(carried[rows], seen_from_the_right(added)[rows]) > 0.9
    assert correlation(carried[rows], added[rows]) < 0.6


def test_what_is_plain_takes_its_depth_from_around(pair: tuple[np.ndarray, ...]) -> None:
    plain = [eye.copy() for eye in pair[:2]]
    for eye in plain:
        eye[100:150, 300:360] = 90
    found = disparity(plain[0], plain[1])
    assert found[125, 330, 0] == pytest.approx(FAR, abs=0.7)


@pytest.mark.parametrize("turn", [WIDTH // 2, WIDTH // 4, 37])
def test_a_turned_pair_gives_the_turned_eye(pair: tuple[np.ndarray, ...], turn: int) -> None:
    turned = second_eye(*(np.roll(eye, turn, axis=1) for eye in pair))
    np.testing.assert_array_equal(turned, np.roll(second_eye(*pair), turn, axis=1))


def test_eyes_without_anything_to_go_by_get_the_same_dream(pair: tuple[np.ndarray, ...]) -> None:
    gray = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    assert np.abs(second_eye(gray, gray, pair[2]).astype(int) - pair[2]).max() <= 1
