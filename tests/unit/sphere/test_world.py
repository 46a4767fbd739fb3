"""What is invented around a photo: a place that goes on where the photo ends."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.sphere.view import rectilinear
from kiosk.sphere.world.frames import directions, frame, pixels
from kiosk.sphere.world.invent import invent, world_of
from kiosk.sphere.world.labels import grown, label_at
from kiosk.sphere.world.sources import listed, padded

WIDTH = 512


def landscape(width: int = WIDTH, seed: int = 1) -> np.ndarray:
    """A sphere with blue sky, green ground and trees around the horizon, all of them textured."""
    rng = np.random.default_rng(seed)
    height = width // 2
    sky, ground = np.array([90, 140, 215.0]), np.array([100, 125, 60.0])
    picture = np.where(np.arange(height)[:, None, None] < height / 2, sky, ground).repeat(width, 1)
    y, x = np.mgrid[0:height, 0:width]
    for left, tall in zip(rng.integers(0, width, 60), rng.integers(8, 30, 60), strict=True):
        across = np.minimum((x - left) % width, (left - x) % width)
        tree = (across * 3 < y - height / 2 + tall * width / 512) & (y < height / 2 + 4)
        picture[tree] = (45, 60, 35)
    return np.clip(picture + rng.normal(0, 12, picture.shape), 0, 255).astype(np.uint8)


def view(across: float = 67, down: float = 50, width: int = WIDTH, yaw: float = 0) -> np.ndarray:
    """What a view covers of a sphere, bool [H, W]."""
    toward = directions(width)
    x, y, z = np.moveaxis(toward @ frame(np.radians(yaw), 0.0).T, -1, 0)
    ahead = np.maximum(z, 1e-6)
    inside = (np.abs(x / ahead) < np.tan(np.radians(across / 2))) & (np.abs(y / ahead) < np.tan(np.radians(down / 2)))
    return inside & (z > 0)


def placed(picture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    return np.where(covered[..., None], picture, 0).astype(np.uint8)


NOBODY = np.zeros((2, 4), bool)


def test_the_photo_stays_and_the_rest_is_filled():
    covered = view()
    photo = placed(landscape(), covered)
    world = invent(photo, covered, NOBODY)
    np.testing.assert_array_equal(world[covered], photo[covered])
    assert np.quantile(world[~covered].max(axis=-1), 0.001) > 15


def test_a_whole_sphere_stays_and_one_without_a_photo_is_gray():
    photo = landscape(128)
    np.testing.assert_array_equal(invent(photo, np.ones((64, 128), bool)), photo)
    assert (invent(photo, np.zeros((64, 128), bool)) == 127).all()


@pytest.mark.slow
def test_the_same_photo_gives_the_same_world():
    covered = view()
    photo = placed(landscape(), covered)
    np.testing.assert_array_equal(invent(photo, covered), invent(photo, covered))


@pytest.mark.slow
@pytest.mark.parametrize("columns", [2, 150, 300], ids=lambda n: f"{n} columns")
def test_a_turned_photo_gives_the_turned_world(columns):
    covered = view()
    photo = placed(landscape(), covered)
    turned = invent(np.roll(photo, columns, 1), np.roll(covered, columns, 1))
    apart = np.abs(np.roll(turned, -columns, 1).astype(int) - invent(photo, covered))
    assert apart.mean() < 0.1


@pytest.mark.parametrize("yaw", [-30, 180])
def test_sky_is_above_and_ground_below(yaw):
    covered = view(yaw=yaw)
    world = invent(placed(landscape(), covered), covered, NOBODY).astype(float)
    above, below = world[: WIDTH // 12].mean((0, 1)), world[-WIDTH // 12 :].mean((0, 1))
    assert above[2] > above[0] + 60
    assert below[1] > below[2] + 30


def test_the_texture_of_the_poles_is_that_of_the_photo():
    covered = view()
    photo = (127 + np.random.default_rng(5).normal(0, 20, (256, 512, 1))).repeat(3, 2).astype(np.uint8)
    world = invent(placed(photo, covered), covered, NOBODY)
    middle = rectilinear(photo, 60, 60, fov=40).astype(float)
    for pitch in (90, -90):
        pole = rectilinear(world, 60, 60, pitch=pitch, fov=40).astype(float)
        for axis in (0, 1):
            assert 0.6 < np.diff(pole, axis=axis).std() / np.diff(middle, axis=axis).std() < 1.4


def roughness(world: np.ndarray, covered: np.ndarray, apart: float) -> float:
    """Mean squared gradient of a world along the circles that lie `apart` degrees outside of a round photo."""
    toward = directions(world.shape[1])
    angle = np.degrees(np.arccos(np.clip(toward[..., 2], -1, 1)))
    edge = angle[covered].max()
    ring = np.abs(angle - edge - apart) < 0.6
    down, across = np.gradient(world.astype(float).mean(-1), axis=(0, 1))
    return float((down**2 + across**2)[ring].mean())


def test_the_border_is_as_rough_as_what_lies_beside_it():
    covered = directions(1024)[..., 2] > np.cos(np.radians(28))
    world = invent(placed(landscape(1024), covered), covered, NOBODY)
    beside = (roughness(world, covered, -5) + roughness(world, covered, 5)) / 2
    assert 0.7 < roughness(world, covered, 0) / beside < 1.4


@pytest.mark.slow
def test_a_world_is_one_at_every_width():
    covered = view(width=1024)
    photo = placed(landscape(1024), covered)
    world = world_of(photo, covered, NOBODY)
    small = world.at(photo[::2, ::2], covered[::2, ::2]).astype(float)
    large = world.at(photo, covered).reshape(256, 2, 512, 2, 3).mean((1, 3))
    for rows in np.array_split(np.arange(256), 4):
        assert np.abs(small[rows].mean((0, 1)) - large[rows].mean((0, 1))).max() < 3
    assert np.corrcoef(small.reshape(-1), large.reshape(-1))[0, 1] > 0.9


@pytest.mark.parametrize("known", [True, False], ids=["found", "not looked for"])
def test_people_are_not_repeated(known):
    covered = view()
    photo = landscape()
    people = view(20, 40)
    photo[people] = (255, 0, 200)
    world = invent(placed(photo, covered), covered, people if known else None).astype(int)
    pink = (world[..., 0] > 200) & (world[..., 1] < 80)
    assert not pink[~covered].any()


def test_a_photo_full_of_people_gives_a_world_all_the_same():
    covered = view()
    photo = placed(landscape(), covered)
    world = invent(photo, covered, covered)
    assert world[~covered].std() > 10
    np.testing.assert_array_equal(world[covered], photo[covered])


@pytest.mark.parametrize(("across", "down"), [(1, 1), (3, 60), (359, 2)])
def test_small_and_narrow_photos_give_a_world(across, down):
    covered = np.zeros((128, 256), bool)
    covered[64 - max(1, down // 2) : 64 + max(1, down // 2), 128 - max(1, across // 3) : 128 + max(1, across // 3)] = 1
    photo = placed(np.full((128, 256, 3), (200, 120, 60)), covered)
    world = invent(photo, covered)
    assert np.abs(world.astype(int) - (200, 120, 60)).max() <= 3


def test_a_frame_looks_where_it_is():
    place = frame(np.radians(30), np.radians(40))
    np.testing.assert_allclose(place @ place.T, np.eye(3), atol=1e-6)
    column, row = pixels(place[2], 360)
    assert (float(column), float(row)) == pytest.approx((209.5, 49.5), abs=1e-3)
    assert place[1, 1] > 0
    assert place[0, 1] == pytest.approx(0)


def test_pictures_are_read_across_the_meridian():
    picture = np.zeros((16, 32, 4), np.float32)
    picture[:, 0], picture[:, -1] = 10, 20
    seen = listed(padded(picture), np.array([[0.0, 0, -1]]))
    assert seen[0, 0] == pytest.approx(15, abs=0.1)


@pytest.mark.slow
def test_a_very_wide_world_runs_up_to_the_border_too():
    covered = view(30, 20, width=4096)
    photo = placed(np.full((2048, 4096, 3), 100), covered)
    photo[:, :2048][covered[:, :2048]] = 160
    world = invent(photo, covered, NOBODY).astype(int)
    row = world[1024, :, 0]
    left = int(np.flatnonzero(covered[1024])[0])
    right = int(np.flatnonzero(covered[1024])[-1])
    assert abs(row[left - 1] - 160) < 8
    assert abs(row[right + 1] - 100) < 8
    np.testing.assert_array_equal(world[covered], photo[covered])


def test_borders_of_pieces_are_lines_not_stairs():
    label = np.tri(8, 8, dtype=int)
    for along in np.linspace(1, 6, 21):
        above, below = label_at(label, np.array([along + 0.8, along + 0.2]), np.array([along, along]))
        assert (above, below) == (0, 1)
    assert label_at(label, np.array([-0.4, 7.6]), np.array([-0.5, 7.5])).tolist() == [1, 1]


def test_labels_next_to_the_photo_are_continued_into_it():
    label = np.full((9, 9), 5)
    label[1:8, 1:8] = 0
    assert (grown(label) == 0).sum() == 9
