"""Two eyes, one above the other, and square photos whose halves only look alike."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.pictures.tags import NO_TAGS, Tags
from kiosk.sphere.deciding import decide
from tests import directions

ACROSS = np.arange(600)
COLUMNS = {
    "light from one side": 40 + ACROSS * 0.28,
    "a wall beside a window": np.where(ACROSS < 300, 30.0, 200.0),
    "curtains": 120 + 80 * np.cos(2 * np.pi * 4.5 * ACROSS / 600),
}
"""Levels of photos that change from left to right alone."""


def square(levels: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(2).normal(0, 3, (600, 600, 1))
    return np.repeat((levels[None, :, None] + noise).clip(0, 255), 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("columns", COLUMNS)
def test_a_square_photo_that_does_not_go_all_around_is_no_pair_of_eyes(columns: str) -> None:
    assert decide(square(COLUMNS[columns]), NO_TAGS).kind == "view"


@pytest.mark.parametrize("tags", [Tags(focal_mm=26), Tags(lens="fisheye"), Tags(screenshot=True)])
def test_a_square_photo_of_an_ordinary_lens_is_no_pair_of_eyes(tags: Tags) -> None:
    tiles = 120 + 60 * np.sin(2 * np.pi * ACROSS / 150)
    assert decide(square(tiles), tags).kind == "view"


def test_two_spheres_one_above_the_other_are_two_eyes() -> None:
    eye = directions.sphere(512)
    for yaw in (0, 100, 300):
        left = np.roll(eye, yaw, axis=1)
        assert decide(np.concatenate([left, np.roll(left, 2, axis=1)]), NO_TAGS).kind == "stereo"
