"""Where a picture lies is decided by its tags as far as its shape agrees, then by its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.pictures.gpano import GPano
from kiosk.pictures.tags import NO_TAGS, Tags
from kiosk.sphere.deciding import decide
from kiosk.sphere.kinds.fisheyes import has_two_discs
from kiosk.sphere.kinds.panoramas import ends_match
from tests import directions


def plain(width: int, height: int) -> np.ndarray:
    """A picture without any structure."""
    return np.full((height, width, 3), 120, np.uint8)


def landscape(width: int, height: int, seed: int = 1) -> np.ndarray:
    """Sky over ground, with hills that differ from one end to the other."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, width)
    hills = 0.5 + sum(0.12 / k * np.sin(2 * np.pi * (k * x * 0.8 + rng.uniform())) for k in range(1, 6))
    rows = np.linspace(0, 1, height)[:, None]
    sky, ground = np.array([110, 160, 220]), np.array([90, 80, 40])
    picture = np.where((rows < hills[None])[..., None], sky - 60 * rows[..., None], ground + 60 * x[None, :, None])
    return (picture + rng.normal(0, 8, (height, width, 3))).clip(0, 255).astype(np.uint8)


def area(full: tuple[int, int], left: int, top: int, width: int, height: int, **more: Any) -> Tags:
    return Tags(gpano=GPano(more.pop("projection", "equirectangular"), *full, left, top, width, height, **more))


# (picture, tags, kind, projection, (across, down), (yaw, pitch)); what is said about it: a note or not.
PLACES: dict[str, tuple[np.ndarray, Tags, str, str, tuple[float, float], tuple[float, float]]] = {
    "2:1": (plain(1024, 512), NO_TAGS, "sphere", "equirectangular", (360, 180), (0, 0)),
    "a column short": (plain(1023, 512), NO_TAGS, "sphere", "equirectangular", (360, 180), (0, 0)),
    "a column more": (plain(1025, 512), NO_TAGS, "sphere", "equirectangular", (360, 180), (0, 0)),
    "two rows more": (plain(1024, 514), NO_TAGS, "sphere", "equirectangular", (360, 180), (0, 0)),
    "tagged whole, a pixel off": (
        plain(512, 254),
        area((512, 254), 0, 0, 512, 254),
        *("sphere", "equirectangular", (360, 180), (0, 0)),
    ),
    "tagged whole, smaller than it was": (
        plain(512, 256),
        area((4096, 2048), 0, 0, 4096, 2048),
        *("sphere", "equirectangular", (360, 180), (0, 0)),
    ),
    "a part": (
        plain(768, 256),
        area((1024, 512), 128, 128, 768, 256),
        *("part", "equirectangular", (270, 90), (0, 0)),
    ),
    "a part aside": (
        plain(200, 100),
        area((1024, 512), 0, 0, 512, 256),
        *("part", "equirectangular", (180, 90), (-90, 45)),
    ),
    "a part across the meridian": (
        plain(200, 100),
        area((1000, 500), 900, 200, 200, 100),
        *("part", "equirectangular", (72, 36), (-180, 0)),
    ),
    "once around, named by its projection alone": (
        plain(1024, 200),
        area((1024, 200), 0, 0, 1024, 200),
        *("band", "equirectangular", (360, 70.3), (0, 0)),
    ),
    "once around, in its place": (
        plain(1024, 200),
        area((1024, 512), 0, 156, 1024, 200),
        *("band", "equirectangular", (360, 70.3), (0, 0)),
    ),
    "a part of a cylinder": (
        plain(500, 200),
        area((1000, 300), 0, 0, 500, 200, projection="cylindrical"),
        # The radius is 1000 / 2 pi = 159.15; the rows reach from 150 above the horizon to 50 below.
        *("part", "cylindrical", (180, 60.75), (-90, 17.44)),
    ),
    "a whole cylinder": (
        plain(1000, 300),
        area((1000, 300), 0, 0, 1000, 300, projection="cylindrical"),
        *("band", "cylindrical", (360, 86.6), (0, 0)),
    ),
    "a panorama whose ends match": (
        directions.cylinder(1024, 200, 360),
        NO_TAGS,
        *("band", "cylindrical", (360, 63.06), (0, 0)),
    ),
    "a panorama": (landscape(1800, 400), NO_TAGS, "band", "cylindrical", (268.5, 55), (0, 0)),
    "a panorama of an iPhone": (
        landscape(2400, 600),
        Tags(panorama="Apple", focal_mm=26),
        *("band", "cylindrical", (244, 56.06), (0, 0)),
    ),
    "a panorama of another phone": (
        landscape(1800, 600),
        Tags(panorama="Samsung", focal_mm=26),
        *("band", "cylindrical", (228.7, 67.28), (0, 0)),
    ),
    "a panorama that says how far it goes": (
        landscape(1800, 400),
        Tags(panorama="Samsung", degrees=180),
        *("band", "cylindrical", (180, 38.45), (0, 0)),
    ),
    "a short panorama": (
        landscape(1000, 500),
        Tags(panorama="Apple"),
        *("band", "cylindrical", (119.3, 55), (0, 0)),
    ),
    "a panorama all around that is 2:1": (
        landscape(1000, 500),
        Tags(panorama="Photomatix", degrees=360),
        *("sphere", "equirectangular", (360, 180), (0, 0)),
    ),
    "a panorama longer than a turn": (landscape(3000, 400), NO_TAGS, "band", "cylindrical", (360, 45.46), (0, 0)),
    "a small strip": (landscape(160, 40), NO_TAGS, "band", "cylindrical", (56.25, 14), (0, 0)),
    "a panorama swept upward": (
        landscape(500, 1500),
        Tags(panorama="Apple"),
        *("band", "transverse", (55, 178.95), (0, 29.5)),
    ),
    "an ordinary photo": (plain(1440, 1080), NO_TAGS, "view", "rectilinear", (67, 52.8), (0, 0)),
    "an upright photo": (plain(1080, 1440), NO_TAGS, "view", "rectilinear", (52.8, 67), (0, 0)),
    "a wide lens": (plain(1440, 1080), Tags(focal_mm=13), "view", "rectilinear", (108.3, 92.2), (0, 0)),
    "a wide lens held upright": (plain(1080, 1440), Tags(focal_mm=13), "view", "rectilinear", (92.2, 108.3), (0, 0)),
    "a long lens": (plain(3000, 2000), Tags(focal_mm=200), "view", "rectilinear", (10.3, 6.9), (0, 0)),
    "a square photo": (plain(3000, 3000), Tags(focal_mm=26), "view", "rectilinear", (54.9, 54.9), (0, 0)),
    "an impossibly wide lens": (plain(4000, 3000), Tags(focal_mm=2), "view", "rectilinear", (140, 128.2), (0, 0)),
    "a tall strip without a mark": (plain(400, 1600), NO_TAGS, "view", "rectilinear", (18.8, 67), (0, 0)),
    "a fisheye lens": (
        plain(4000, 3000),
        Tags(focal_mm=15, lens="fisheye"),
        *("view", "fisheye", (137.5, 103.1), (0, 0)),
    ),
    "a tiny photo": (plain(64, 48), NO_TAGS, "view", "rectilinear", (22.2, 16.8), (0, 0)),
    "the tiniest photo": (plain(8, 8), NO_TAGS, "view", "rectilinear", (20, 20), (0, 0)),
    "a screenshot": (plain(1170, 2532), Tags(screenshot=True), "view", "rectilinear", (24.3, 50), (0, 0)),
    "a wide screenshot": (plain(2400, 1080), Tags(screenshot=True), "view", "rectilinear", (50, 23.7), (0, 0)),
    "one disc": (
        directions.fisheye(400, 400, 190, reach=90),
        NO_TAGS,
        *("view", "fisheye", (190, 190), (0, 0)),
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_every_picture_finds_its_place(case: str) -> None:
    picture, tags, kind, projection, field, center = PLACES[case]
    place = decide(picture, tags)
    assert (place.kind, place.projection) == (kind, projection)
    assert (place.across, place.down) == pytest.approx(field, rel=0.01)
    assert (place.yaw, place.pitch) == pytest.approx(center, abs=0.2)
    assert place.notes == ()


# Tags that the picture contradicts: (picture, tags, kind, a word of the note).
CONTRADICTED: dict[str, tuple[np.ndarray, Tags, str, str]] = {
    "a sphere that an editor filled up": (plain(1024, 512), area((1024, 512), 128, 128, 768, 256), "sphere", "shape"),
    "the same where the part was 2:1": (plain(1024, 512), area((1024, 512), 256, 128, 512, 256), "sphere", "512 x 256"),
    "a piece of a part": (plain(600, 450), area((1024, 512), 128, 128, 768, 256), "view", "not used"),
    "a whole sphere that is 4:3": (plain(600, 450), area((600, 450), 0, 0, 600, 450), "view", "whole sphere"),
    "a part too small to see": (plain(64, 48), area((1_000_000, 500_000), 0, 0, 64, 48), "view", "small"),
    "a box of another shape": (plain(64, 48), area((1024, 100), 0, 0, 512, 1_000_000), "view", "shape"),
    "a cubemap": (plain(600, 450), area((600, 450), 0, 0, 600, 450, projection="cubemap"), "view", "cubemap"),
    "two eyes in a picture that is not square": (
        plain(1024, 512),
        area((1024, 512), 0, 0, 1024, 512, stereo_mode="top-bottom"),
        *("sphere", "two eyes"),
    ),
}


@pytest.mark.parametrize("case", CONTRADICTED)
def test_tags_lose_against_the_picture_and_a_note_says_so(case: str) -> None:
    picture, tags, kind, word = CONTRADICTED[case]
    place = decide(picture, tags)
    assert place.kind == kind
    (note,) = place.notes
    assert word in note
    assert note.endswith(".")


def test_the_pose_levels_and_the_heading_is_kept() -> None:
    pose = {"pose_heading_degrees": 225.0, "pose_pitch_degrees": 17.0, "pose_roll_degrees": -12.0}
    place = decide(plain(1024, 512), area((1024, 512), 0, 0, 1024, 512, **pose))
    assert (place.pose_pitch, place.pose_roll, place.heading, place.levelled) == (17, -12, 225, True)


def test_a_pose_of_nothing_does_not_touch_the_sphere() -> None:
    pose = {"pose_heading_degrees": 360.0, "pose_pitch_degrees": 0.01, "pose_roll_degrees": -0.02}
    place = decide(plain(1024, 512), area((1024, 512), 0, 0, 1024, 512, **pose))
    assert (place.levelled, place.heading) == (False, 0)


def noisy(picture: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("quality", [95, 40])
@pytest.mark.parametrize("radius", [0.5, 0.488, 0.45, 0.42, 0.38, 0.34, 0.3])
def test_two_discs_on_black_are_two_fisheyes(radius: float, quality: int) -> None:
    with pytest.raises(BadInput, match="two fisheye pictures") as caught:
        decide(noisy(directions.two_discs(512, radius), quality), NO_TAGS)
    assert caught.value.code == "two_fisheyes"


@pytest.mark.parametrize("step", [(0, 18), (0, -14), (16, 8), (-16, -8)])
def test_discs_off_their_centers_are_two_fisheyes(step: tuple[int, int]) -> None:
    left, right = np.hsplit(directions.two_discs(512, 0.43), 2)
    moved = [np.roll(half, (step[1], across), axis=(0, 1)) for half, across in ((left, step[0]), (right, -step[0]))]
    assert has_two_discs(noisy(np.hstack(moved), 85))


def with_disc(width: int, height: int, x: int, y: int, radius: int) -> np.ndarray:
    """A black picture with half the world in a disc around (x, y)."""
    picture = np.zeros((height, width, 3), np.uint8)
    disc = directions.fisheye(2 * radius, 2 * radius, 180, reach=90)
    picture[y - radius : y + radius, x - radius : x + radius] = disc
    return picture


@pytest.mark.parametrize(
    ("size", "center", "radius"),
    [
        ((600, 600), (300, 300), 200),
        ((600, 600), (340, 250), 240),
        ((900, 600), (420, 305), 285),
        ((900, 600), (560, 290), 190),
        ((600, 900), (290, 560), 280),
        ((2000, 1500), (1100, 700), 650),
    ],
)
@pytest.mark.parametrize("quality", [95, 50])
def test_a_disc_anywhere_in_the_black_is_half_the_world(
    size: tuple[int, int], center: tuple[int, int], radius: int, quality: int
) -> None:
    place = decide(noisy(with_disc(*size, *center, radius), quality), NO_TAGS)
    assert (place.kind, place.projection, place.yaw, place.pitch) == ("view", "fisheye", 0, 0)
    assert 88 < place.reach <= 90
    per_pixel = 90 / radius
    assert (place.across, place.down) == pytest.approx((size[0] * per_pixel, size[1] * per_pixel), rel=0.01)
    off = [(at - side / 2) * per_pixel for at, side in zip(center, size, strict=True)]
    assert (place.axis_right, place.axis_down) == pytest.approx(off, abs=0.5)


@pytest.mark.parametrize(
    "shape",
    [
        lambda x, y: np.hypot(x, y) < 100,
        lambda x, y: np.hypot(x, 1.3 * y) < 250,
        lambda x, y: (abs(x) < 200) & (abs(y) < 200),
        lambda x, y: (np.hypot(x, y) < 220) & (x < 60),
        lambda x, y: (np.hypot(x, y) < 220) & (np.hypot(x - 150, y) > 200),
    ],
    ids=["small", "an ellipse", "a square", "cut off", "a crescent"],
)
def test_other_shapes_on_black_are_ordinary_photos(shape: Callable[..., np.ndarray]) -> None:
    y, x = np.mgrid[0:600, 0:600]
    photo = np.where(shape(x - 330, y - 280)[..., None], 160, 0).astype(np.uint8).repeat(3, axis=2)
    assert decide(noisy(photo, 90), NO_TAGS).projection == "rectilinear"


def test_the_mark_of_a_camera_is_believed_unless_the_picture_is_stitched() -> None:
    # The black around them is lit, so they are not told without the mark.
    lit = np.maximum(directions.two_discs(512, 0.47), 30)
    assert decide(lit, NO_TAGS).kind == "sphere"
    with pytest.raises(BadInput, match="unstitched"):
        decide(lit, Tags(fisheyes="Insta360"))
    assert decide(plain(1024, 512), Tags(fisheyes="Insta360")).kind == "sphere", "stitched, its GPano lost"
    stitched = area((1024, 512), 0, 0, 1024, 512)
    assert decide(plain(1024, 512), Tags(gpano=stitched.gpano, fisheyes="Insta360")).kind == "sphere"
    assert decide(plain(1440, 1080), Tags(fisheyes="Insta360")).kind == "view"


def night(kind: str) -> np.ndarray:
    """A sphere of 1024 x 512 in the dark."""
    rng = np.random.default_rng(3)
    picture = np.zeros((512, 1024, 3), np.uint8)
    if kind == "lights":
        for x, y in zip(rng.integers(0, 1024, 80), rng.normal(256, 20, 80).astype(int), strict=True):
            cv2.circle(picture, (int(x), int(y)), int(rng.integers(1, 9)), (255, 220, 150), -1)
    elif kind == "two lamps":
        for x in (256, 768):
            cv2.circle(picture, (x, 256), 200, (90, 80, 60), -1)
            picture = cv2.GaussianBlur(picture, (0, 0), 60)
    elif kind == "band":
        picture[190:330] = rng.integers(0, 160, (140, 1024, 1), np.uint8)
    elif kind == "stars":
        picture[rng.integers(0, 512, 900), rng.integers(0, 1024, 900)] = 255
    elif kind == "moon":
        cv2.circle(picture, (700, 120), 30, (240, 240, 230), -1)
    return cv2.add(picture, rng.integers(0, 6, picture.shape, np.uint8))


@pytest.mark.parametrize("kind", ["black", "lights", "two lamps", "band", "stars", "moon"])
def test_a_sphere_in_the_dark_is_no_pair_of_fisheyes(kind: str) -> None:
    assert not has_two_discs(night(kind))
    assert decide(night(kind), NO_TAGS).kind == "sphere"


def test_a_sphere_is_no_pair_of_fisheyes() -> None:
    assert not has_two_discs(directions.sphere(1024))
    assert not has_two_discs(plain(1024, 512))


@pytest.mark.parametrize("quality", [95, 50])
def test_ends_match_where_the_circle_closes_and_nowhere_else(quality: int) -> None:
    around = np.concatenate([landscape(900, 200), landscape(900, 200)[:, ::-1]], axis=1)
    assert ends_match(noisy(around, quality))
    assert not ends_match(noisy(around[:, :1200], quality))
    assert not ends_match(noisy(landscape(1800, 400, seed=5), quality))
    assert not ends_match(plain(1200, 300))
