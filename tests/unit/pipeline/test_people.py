"""People are kept whole, wherever on the sphere they stand; what has no face is dreamed.

People here are red, with a blue face; the finder knows the blue, and the matte is what is red or blue, a statue too.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.nets.dreaming.dream import Cancelled
from kiosk.nets.faces import Face
from kiosk.pipeline.keeping.body import MOST_VIEWS, UNDERFOOT, WIDEST, Person, gazes, persons
from kiosk.pipeline.keeping.mattes import holes, touching
from kiosk.pipeline.keeping.people import mask_people
from kiosk.sphere.grid import latitude, longitude

WIDTH, HEIGHT = 1024, 512
GREEN, RED, BLUE = (90, 160, 90), (200, 40, 40), (60, 40, 200)


def find(picture: np.ndarray) -> list[Face]:
    blue = ((picture[..., 2] > 150) & (picture[..., 1] < 80)).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(blue)
    return [Face(x, y, w, h, 1.0) for x, y, w, h, area in boxes[1:].tolist() if area > 50]


def matting(picture: np.ndarray) -> np.ndarray:
    return (picture[..., 1] < 100).astype(np.float32)


def meadow() -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), GREEN, np.uint8)
    # Not the same from column to column, so that it has one canonical yaw.
    picture[..., 0] += np.random.default_rng(5).integers(0, 9, (HEIGHT, WIDTH), np.uint8)
    return picture


def place(yaw: float, pitch: float) -> tuple[int, int]:
    """(row, column) of a direction in degrees."""
    return round((0.5 - pitch / 180) * HEIGHT), round((yaw / 360 + 0.5) * WIDTH) % WIDTH


def fill(picture: np.ndarray, yaw: float, top: float, bottom: float, across: float, color: tuple[int, ...]) -> None:
    """A patch between two pitches, `across` degrees wide on the sphere, round about `yaw`."""
    lat = np.degrees(latitude(np.arange(HEIGHT), HEIGHT))[:, None]
    beside = (np.degrees(longitude(np.arange(WIDTH), WIDTH)) - yaw + 180) % 360 - 180
    inside = (np.abs(beside)[None] * np.cos(np.radians(lat)) < across / 2) & (lat < top) & (lat > bottom)
    picture[inside] = color


def stand(picture: np.ndarray, yaw: float, face: float, size: float = 6.0, feet: float | None = None) -> None:
    """A person whose face is `size` degrees high at pitch `face`, down to the pitch `feet`."""
    fill(picture, yaw, face, face - 9 * size if feet is None else feet, 2.4 * size, RED)
    fill(picture, yaw, face + size / 2, face - size / 2, size, BLUE)


def kept(photo: np.ndarray, **options) -> np.ndarray:
    mask = mask_people(photo, find, options.pop("matting", matting), flat=False, **options)
    assert mask is not None
    assert mask.shape == photo.shape[:2]
    assert mask.dtype == np.uint8
    return mask


@pytest.mark.parametrize("yaw", [0.0, 179.0, -75.0])
def test_a_person_is_kept_from_head_to_feet_and_nothing_else(yaw: float) -> None:
    photo = meadow()
    stand(photo, yaw, 8)
    mask = kept(photo)
    person = (photo[..., 1] < 100).astype(np.uint8)
    near = cv2.dilate(np.tile(person, (1, 3)), np.ones((25, 25)))[:, WIDTH : 2 * WIDTH]
    assert mask[person > 0].mean() > 245
    assert mask[place(yaw, 8)] == mask[place(yaw, -40)] == 255
    assert not mask[near == 0].any()


@pytest.mark.slow
def test_the_mask_turns_with_the_photo() -> None:
    photo = meadow()
    stand(photo, 170, 5)
    mask = kept(photo)
    for turn in (512, 333):
        np.testing.assert_array_equal(np.roll(mask, turn, axis=1), kept(np.roll(photo, turn, axis=1)))


def test_what_has_no_face_is_dreamed_beside_and_far_from_people() -> None:
    photo = meadow()
    stand(photo, 20, 8)
    fill(photo, 40, 10, -20, 10, RED)
    fill(photo, -120, 10, -20, 10, RED)
    mask = kept(photo)
    assert mask[place(20, -10)] == 255
    assert mask[place(40, -5)] == 0
    assert mask[place(-120, -5)] == 0


def test_what_a_scarf_cuts_off_below_the_face_is_still_the_person() -> None:
    photo = meadow()
    stand(photo, 20, 8)
    fill(photo, 20, 2.5, 0, 30, GREEN)
    mask = kept(photo)
    assert mask[place(20, 8)] == mask[place(20, -10)] == 255
    assert mask[place(20, 1.2)] < 255


def test_somebody_close_by_is_kept_down_to_the_nadir() -> None:
    photo = meadow()
    stand(photo, -60, 10, size=14, feet=-90)
    mask = kept(photo)
    for pitch in (10, -20, -50, -70, -82):
        assert mask[place(-60, pitch)] == 255, pitch


def test_a_face_that_the_matte_misses_stays_as_with_keep_faces() -> None:
    photo = meadow()
    stand(photo, 30, 0)
    mask = kept(photo, matting=lambda picture: np.zeros(picture.shape[:2], np.float32))
    assert mask[place(30, 0)] == 255
    assert mask[place(30, -15)] == 0


def test_what_is_filled_in_is_dreamed_and_its_mirrored_faces_are_nobody() -> None:
    photo = meadow()
    stand(photo, 0, 8)
    stand(photo, 90, 8)
    covered = np.zeros((HEIGHT, WIDTH), bool)
    bottom, left = place(-60, -15)
    covered[100:bottom, left : place(60, 0)[1]] = True
    views: list[int] = []
    mask = kept(photo, covered=covered, watch=lambda done, total: views.append(total))
    assert mask[place(0, 0)] == 255
    assert not mask[~covered].any()
    assert len(views) == views[0] <= 3


def test_nobody_is_no_mask_and_a_plain_picture_neither() -> None:
    photo = meadow()
    fill(photo, 40, 10, -20, 10, RED)
    assert mask_people(photo, find, matting, flat=False) is None
    assert mask_people(photo, find, matting, flat=True) is None


def test_the_work_ends_between_views() -> None:
    photo = meadow()
    stand(photo, 0, 8)
    seen: list[int] = []

    def watch(done: int, total: int) -> None:
        assert total > 1
        seen.append(done)
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        mask_people(photo, find, matting, flat=False, watch=watch)
    assert seen == [0, 1]


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (300, 2000)], ids=["wide", "tall", "very wide"])
def test_in_a_plain_picture_people_are_kept_and_statues_not(shape: tuple[int, int]) -> None:
    photo = np.full((*shape, 3), GREEN, np.uint8)
    photo[100:260, 60:120] = RED
    photo[80:110, 78:102] = BLUE
    photo[100:260, 300:360] = RED
    mask = mask_people(photo, find, matting, flat=True)
    assert mask is not None
    high, wide = mask.shape
    assert high / wide == pytest.approx(shape[0] / shape[1], rel=0.01)
    mask = cv2.resize(mask, shape[::-1])
    assert mask[95, 90] == mask[240, 70] == 255
    assert not mask[:, 200:].any()
    assert not mask[:60].any()


def test_circles_around_one_face_are_one_person_the_nearest_first() -> None:
    def circle(yaw: float, radius: float) -> list[float]:
        return [np.sin(np.radians(yaw)), 0, np.cos(np.radians(yaw)), np.radians(radius)]

    found = persons(np.array([circle(0, 4), circle(1, 5), circle(40, 8), circle(181, 3)]), reach=0.8)
    assert [round(np.degrees(one.yaw)) for one in found] == [40, 1, -179]
    assert np.degrees(found[0].face) == pytest.approx(10)


def test_neighbors_share_views_and_a_crowd_has_a_bound() -> None:
    def row(count: int, apart: float, face: float) -> list[Person]:
        return [Person(np.radians(apart * number), 0.0, np.radians(face)) for number in range(count)]

    assert len(gazes(row(1, 0, 4))) == len(gazes(row(3, 4, 4))) == 2
    assert len(gazes(row(2, 90, 4))) == 4
    crowd = [Person(yaw, pitch, 0.05) for yaw in np.arange(0, 6.2, 0.3) for pitch in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    assert len(gazes(crowd)) == MOST_VIEWS


@pytest.mark.parametrize("face", [3, 6, 12, 25, 40])
@pytest.mark.parametrize("pitch", [-80, -40, 0, 30])
def test_a_face_is_inside_the_views_of_its_person(face: float, pitch: float) -> None:
    found = gazes([Person(0.0, np.radians(pitch), np.radians(face))])
    assert all(0 < gaze.fov <= WIDEST for gaze in found)
    for gaze in found:
        if gaze.pitch != UNDERFOOT:
            assert abs(pitch - gaze.pitch) + face / 2 < 0.45 * gaze.fov


def test_parts_that_cross_the_edge_hang_together() -> None:
    parts = np.zeros((8, 32), bool)
    parts[2, :5] = parts[2, 28:] = parts[6, 10:20] = True
    seed = np.zeros_like(parts)
    seed[2, 3] = True
    np.testing.assert_array_equal(np.flatnonzero(touching(parts, seed)[2]), [0, 1, 2, 3, 4, 28, 29, 30, 31])
    np.testing.assert_array_equal(np.flatnonzero(touching(parts, seed, wrap=False)[2]), [0, 1, 2, 3, 4])
    assert not touching(parts, np.zeros_like(seed)).any()


def test_only_holes_that_are_wholly_inside_are_filled() -> None:
    found = np.zeros((20, 30), bool)
    found[2:18, 2:28] = True
    found[4:7, 5:8] = found[12:15, 5:8] = found[0:6, 20] = False
    region = np.zeros_like(found)
    region[:13] = True
    assert holes(found, region).sum() == 9
    assert holes(found, region)[4:7, 5:8].all()
    assert not holes(found, ~region).any()
    assert not holes(np.ones_like(found), region).any()
    for turn in (6, 12, 25):
        rolled = holes(np.roll(found, turn, axis=1), region)
        np.testing.assert_array_equal(rolled, np.roll(holes(found, region), turn, axis=1))


@pytest.mark.parametrize("flat", [False, True])
def test_a_hole_in_a_head_is_filled_and_one_below_an_arm_is_not(flat: bool) -> None:
    photo = meadow()
    stand(photo, 20, 8)
    fill(photo, 20, 17, 11, 12, RED)
    fill(photo, 20, 15, 13, 2, GREEN)
    fill(photo, 24, -20, -24, 4, GREEN)
    mask = mask_people(photo, find, matting, flat=flat)
    assert mask is not None
    mask = cv2.resize(mask, (WIDTH, HEIGHT))
    assert mask[place(20, 14)] == mask[place(20, -10)] == 255
    assert mask[place(24, -22)] == 0
