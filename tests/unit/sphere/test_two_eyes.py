"""Two eyes, one above the other, and square photos whose halves only look alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.pictures.tags import NO_TAGS, Tags
from kiosk.scenery.camera import photograph
from kiosk.scenery.scenes import SCENES, make_scene
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


DOWN, RIGHT = np.mgrid[0:600, 0:600]
REPEATED = {
    "tiles": lambda side: np.where((RIGHT % side < 4) | (DOWN % side < 4), 60, 180),
    "bricks": lambda side: np.where(((RIGHT + DOWN // side % 2 * side) % (2 * side) < 5) | (DOWN % side < 4), 200, 120),
    "checks": lambda side: np.where((RIGHT // side + DOWN // side) % 2, 60, 180),
    "stripes across": lambda side: 120 + 60 * np.sin(2 * np.pi * DOWN / side),
    "stripes down": lambda side: 120 + 60 * np.sin(2 * np.pi * RIGHT / side),
    "slanting stripes": lambda side: 120 + 60 * np.sin(2 * np.pi * (RIGHT + DOWN) / side),
}
"""Levels of photos that repeat after so many pixels."""


@pytest.mark.parametrize("repeated", REPEATED)
@pytest.mark.parametrize("side", [25, 50, 75])
def test_a_square_photo_of_what_repeats_is_no_pair_of_eyes(repeated: str, side: int) -> None:
    levels = np.roll(REPEATED[repeated](side), (side // 2, side // 2), axis=(0, 1))
    noise = np.random.default_rng(2).normal(0, 3, levels.shape)
    photo = np.repeat((levels + noise).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    assert decide(photo, NO_TAGS).kind == "view"


@pytest.mark.parametrize("tags", [Tags(focal_mm=26), Tags(lens="fisheye"), Tags(screenshot=True)])
def test_a_square_photo_of_an_ordinary_lens_is_no_pair_of_eyes(tags: Tags) -> None:
    tiles = 120 + 60 * np.sin(2 * np.pi * ACROSS / 150)
    assert decide(square(tiles), tags).kind == "view"


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_two_eyes_in_a_scene_are_two_eyes_however_near_things_are(scene: str) -> None:
    eye = photograph(make_scene(scene, 1, 18.3), 512)
    # The nearest are shifted most, here the ground.
    shift = 6 * np.arange(256)[:, None] / 256
    turned = cv2.remap(
        eye,
        ((np.arange(512)[None] + shift) % 512).astype(np.float32),
        np.repeat(np.arange(256, dtype=np.float32)[:, None], 512, axis=1),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    assert decide(np.concatenate([eye, turned]), NO_TAGS).kind == "stereo"


def test_two_spheres_one_above_the_other_are_two_eyes() -> None:
    eye = directions.sphere(512)
    for yaw in (0, 100, 300):
        left = np.roll(eye, yaw, axis=1)
        assert decide(np.concatenate([left, np.roll(left, 2, axis=1)]), NO_TAGS).kind == "stereo"
