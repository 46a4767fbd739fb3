"""Where photos land on the sphere, and what the rest of it looks like."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.pictures.gpano import GPano
from kiosk.pictures.stereo import stereo_mode
from kiosk.pictures.tags import Tags
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import put
from kiosk.sphere.world.invent import invent


def on_sphere(picture: np.ndarray, gpano: GPano | None, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture where it belongs, and what it covers."""
    return put(picture, decide(picture, Tags(gpano=gpano)), width)


def waves(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A colorful picture that is smooth, and periodic across."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    parts = [
        127 + 90 * np.sin(2 * np.pi * (rng.integers(1, 4) * x / width) + rng.uniform(0, 6) + 3 * y / height)
        for _ in range(3)
    ]
    return np.stack(parts, -1).astype(np.uint8)


def seam_ratio(picture: np.ndarray) -> float:
    """The jump across the meridian over the largest one near it."""
    jumps = np.abs(picture.astype(float) - np.roll(picture, 1, axis=1)).mean(axis=(0, 2))
    return jumps[0] / max(float(jumps[[-4, -3, -2, -1, 1, 2, 3, 4]].max()), 0.05)


def test_a_sphere_of_the_right_size_is_not_touched():
    photo = waves(128, 256)
    placed, covered = on_sphere(photo, None, 256)
    assert placed is photo
    assert covered.all()


@pytest.mark.parametrize("width", [128, 512, 600])
def test_a_sphere_of_another_size_is_resized_without_a_seam(width):
    placed, covered = on_sphere(waves(128, 256), None, width)
    assert placed.shape == (width // 2, width, 3)
    assert covered.all()
    assert seam_ratio(placed) < 1.25


@pytest.mark.parametrize("left", [0, 300, 900])
def test_a_cropped_panorama_goes_to_its_place_also_across_the_meridian(left):
    photo = waves(100, 200)
    crop = GPano("equirectangular", 1024, 512, left, 200, 200, 100)
    placed, covered = on_sphere(photo, crop, 1024)
    columns = (left + np.arange(200)) % 1024
    assert covered.sum() == 200 * 100
    assert covered[200:300][:, columns].all()
    np.testing.assert_array_equal(placed[200:300][:, columns], photo)


def test_a_cropped_panorama_scales_with_the_sphere():
    crop = GPano("equirectangular", 1024, 512, 256, 128, 512, 256)
    _, covered = on_sphere(waves(256, 512), crop, 512)
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (64, 192, 128, 384)


def test_a_crop_that_says_more_than_the_sphere_holds_is_cut_off():
    crop = GPano("equirectangular", 1024, 512, 0, 400, 1024, 400)
    placed, covered = on_sphere(waves(400, 1024), crop, 256)
    assert placed.shape == (128, 256, 3)
    assert covered[-1].all()


def test_a_plain_photo_stands_on_the_horizon_sixty_seven_degrees_wide():
    width = 720
    placed, covered = on_sphere(np.full((300, 400, 3), 200, np.uint8), None, width)
    row = covered[width // 4]
    assert abs(row.sum() - 67 / 360 * width) <= 2
    center = np.flatnonzero(row).mean()
    assert abs(center - (width / 2 - 0.5)) < 1
    rows = np.flatnonzero(covered[:, width // 2])
    expected = np.degrees(2 * np.arctan(np.tan(np.radians(33.5)) * 300 / 400)) / 180 * (width // 2)
    assert abs(len(rows) - expected) <= 2
    assert (placed[covered] == 200).all()


def test_a_very_tall_photo_does_not_reach_over_the_poles():
    _, covered = on_sphere(waves(1600, 100), None, 512)
    assert covered.any()
    assert not covered[0].any()
    assert not covered[-1].any()


@pytest.mark.parametrize(
    "gpano", [None, GPano("equirectangular", 1024, 512, 700, 150, 300, 200)], ids=["plain", "cropped"]
)
def test_the_invented_part_has_no_seam(gpano):
    photo = waves(200, 300, seed=3)
    placed = invent(*on_sphere(photo, gpano, 1024))
    assert seam_ratio(placed) < 1.25


def test_the_invented_part_continues_the_edges():
    photo = np.zeros((200, 300, 3), np.uint8)
    photo[:100], photo[100:] = (90, 140, 220), (120, 90, 60)
    placed, covered = on_sphere(photo, None, 512)
    placed = invent(placed, covered)
    above, below = placed[30, 256].astype(int), placed[-30, 256].astype(int)
    assert above[2] > above[0] + 40
    assert below[0] > below[2] + 20
    assert not covered[30, 256]


def test_two_eyes_over_each_other_are_recognised_and_the_left_one_is_taken():
    eye = waves(128, 256)
    pair = np.concatenate([eye, np.roll(eye, 2, axis=1)])
    assert stereo_mode(pair) == "top-bottom"
    placed, covered = on_sphere(pair, None, 256)
    np.testing.assert_array_equal(placed, eye)
    assert covered.all()


def test_an_ordinary_square_photo_is_not_stereo():
    y, x = np.mgrid[0:256, 0:256]
    square = np.stack([y + x // 8, y, 255 - x // 2], -1).clip(0, 255).astype(np.uint8)
    assert stereo_mode(square) is None
    assert stereo_mode(np.full((256, 256, 3), 90, np.uint8)) is None


def test_metadata_decides_about_stereo_where_it_speaks():
    mono = GPano("equirectangular", 256, 128, 0, 0, 256, 128, stereo_mode="mono")
    pair = np.concatenate([waves(128, 256)] * 2)
    assert stereo_mode(pair, mono) is None


@pytest.mark.parametrize("width", [0, 8, 255])
def test_an_impossible_width_is_refused(width):
    with pytest.raises(BadInput, match="even number"):
        on_sphere(waves(64, 128), None, width)
