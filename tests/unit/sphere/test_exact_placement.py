"""A known world, photographed through a known lens and placed, is itself again."""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from kiosk.sphere.place import Place
from kiosk.sphere.placement import cut, put
from tests import directions

LEVELS = 1.5
"""Mean difference allowed, 8-bit levels."""
SHIFT = 0.5 / 4096
"""Shift allowed, as a part of the sphere's width: half a pixel at 4096."""


def view(width: int, height: int, across: float) -> Place:
    down = 2 * np.degrees(np.arctan(np.tan(np.radians(across / 2)) * height / width))
    return Place("view", "rectilinear", across, float(down))


# Name -> the picture, for a width it should have, and its place.
CASES: dict[str, Callable[[int], tuple[np.ndarray, Place]]] = {
    "an ordinary photo": lambda w: (directions.rectilinear(w, w * 3 // 4, 67), view(4, 3, 67)),
    "a portrait": lambda w: (directions.rectilinear(w, w * 4 // 3, 53), view(3, 4, 53)),
    "a wide lens": lambda w: (directions.rectilinear(w, w * 3 // 4, 108), view(4, 3, 108)),
    "a photo of few pixels": lambda w: (directions.rectilinear(w // 3, w // 4, 60), view(4, 3, 60)),
    "a panorama": lambda w: (directions.cylinder(2 * w, w // 2, 200), Place("band", "cylindrical", 200, 47)),
    "a raised panorama": lambda w: (
        directions.cylinder(2 * w, w // 2, 200, raised=200 / 1000 * w),
        Place("part", "cylindrical", 200, 44, pitch=float(np.degrees(np.arctan(0.2 * np.radians(200) / 2)))),
    ),
    "a closed panorama": lambda w: (directions.cylinder(3 * w, w // 2, 360), Place("band", "cylindrical", 360, 55)),
    "a part of a sphere": lambda w: (
        directions.part(2 * w, w * 2 // 3, 100, 260, 70, 10),
        Place("part", "equirectangular", 160, 60, -180, 40),
    ),
    "a panorama swept upward": lambda w: (
        directions.upward(w // 2, 2 * w, 150, 15),
        Place("band", "transverse", 38, 150, pitch=15),
    ),
    "a fisheye lens": lambda w: (
        directions.fisheye(w, w * 3 // 4, 137),
        Place("view", "fisheye", 137, 102.75),
    ),
    "half the world in a disc": lambda w: (
        directions.fisheye(w, w, 184, reach=92),
        Place("view", "fisheye", 184, 184, reach=90),
    ),
    "a disc off its picture's center": lambda w: (
        np.pad(directions.fisheye(w, w, 184, reach=92), ((w // 8, 0), (0, w // 4), (0, 0))),
        Place("view", "fisheye", 184 * 1.25, 184 * 1.125, axis_right=-23, axis_down=11.5, reach=90),
    ),
    "a sphere held askew": lambda w: (
        directions.askew(2 * w, 17, -12),
        Place("sphere", "equirectangular", 360, 180, pose_pitch=17, pose_roll=-12),
    ),
    "a sphere held on its side": lambda w: (
        directions.askew(2 * w, -60, 100),
        Place("sphere", "equirectangular", 360, 180, pose_pitch=-60, pose_roll=100),
    ),
}


sphere = functools.lru_cache(maxsize=2)(directions.sphere)
"""Spheres that many cases are compared with."""


def shift(placed: np.ndarray, right: np.ndarray, within: np.ndarray) -> float:
    """How far, in pixels, `placed` is shifted against `right` on average: the least-squares fit of its slope."""
    before, after = right.astype(float).mean(axis=2), placed.astype(float).mean(axis=2)
    slopes = np.stack([slope[within] for slope in np.gradient(before)])
    return float(np.abs(np.linalg.solve(slopes @ slopes.T, slopes @ (after - before)[within])).max())


def check(case: str, width: int, detail: int) -> None:
    picture, place = CASES[case](detail)
    placed, covered = put(picture, place, width)
    right = sphere(width)
    assert covered.any()
    assert (placed[~covered] == 0).all()
    assert np.abs(placed.astype(int) - right)[covered].mean() < LEVELS
    inside = cv2.erode(covered.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert shift(placed, right, inside) < SHIFT * width


@pytest.mark.parametrize("detail", [200, 1000], ids=["coarse", "fine"])
@pytest.mark.parametrize("case", CASES)
def test_a_placed_picture_is_the_world_it_shows(case: str, detail: int) -> None:
    check(case, 512, detail)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_same_holds_on_a_wide_sphere(case: str) -> None:
    check(case, 4096, 1600)


@pytest.mark.parametrize("case", CASES)
def test_what_is_cut_out_is_the_picture_that_was_put_in(case: str) -> None:
    picture, place = CASES[case](400)
    height, width = picture.shape[:2]
    found = cut(sphere(2048), place, width, height)
    assert found.shape == picture.shape
    seen = (found > 0).any(axis=2)
    assert seen.mean() > 0.7 * (picture > 0).any(axis=2).mean()
    assert np.abs(found.astype(int) - picture)[seen].mean() < LEVELS


@pytest.mark.parametrize("case", CASES)
def test_the_covered_part_is_as_large_as_the_field_of_view(case: str) -> None:
    picture, place = CASES[case](300)
    _, covered = put(picture, place, 720)
    if place.projection == "equirectangular" and not place.levelled:
        assert covered.sum() == place.across * 2 * place.down * 2
    if place.projection == "cylindrical":
        assert abs(covered.any(axis=0).sum() - 2 * place.across) <= 2
        assert abs(covered.any(axis=1).sum() - 2 * place.down) <= 4
    if place.projection == "rectilinear":
        assert abs(covered[180].sum() - 2 * place.across) <= 2
        assert abs(covered[:, 360].sum() - 2 * place.down) <= 2
    if place.is_whole:
        assert covered.all()


def test_a_level_sphere_of_the_right_size_is_not_copied() -> None:
    picture = directions.sphere(256)
    assert put(picture, Place("sphere", "equirectangular", 360, 180), 256)[0] is picture


def test_a_sphere_that_begins_elsewhere_is_turned() -> None:
    picture = directions.sphere(256)
    placed, covered = put(picture, Place("sphere", "equirectangular", 360, 180, yaw=90), 256)
    assert covered.all()
    np.testing.assert_array_equal(placed, np.roll(picture, 64, axis=1))


def test_a_picture_at_the_edge_of_a_wide_sphere_goes_around() -> None:
    place = Place("view", "rectilinear", 40, 30, yaw=180, pitch=10)
    _, covered = put(np.full((30, 40, 3), 200, np.uint8), place, 720)
    assert covered[:, 0].any()
    assert covered[:, -1].any()
    assert not covered[:, 360].any()
    assert abs(np.flatnonzero(covered[:, 0]).mean() - (80 * 2 - 0.5)) < 2


def test_a_picture_that_looks_at_the_zenith_covers_it() -> None:
    place = Place("view", "rectilinear", 60, 60, pitch=90)
    _, covered = put(np.full((40, 40, 3), 200, np.uint8), place, 720)
    assert covered[:55].all()
    assert not covered[80:].any()


def test_detail_beyond_what_the_sphere_holds_becomes_its_mean() -> None:
    stripes = np.zeros((1500, 2000, 3), np.uint8)
    stripes[:, ::2] = 200
    placed, covered = put(stripes, Place("view", "rectilinear", 67, 52.8), 1024)
    inside = cv2.erode(covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.abs(placed[inside].astype(int) - 100).max() <= 12
