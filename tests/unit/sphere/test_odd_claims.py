"""Whatever a file claims and whatever shape it has, it is placed somewhere, or refused in one line."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.pictures.gpano import PROJECTIONS, GPano
from kiosk.pictures.tags import Tags
from kiosk.sphere.deciding import decide
from kiosk.sphere.kinds.fisheyes import DARK
from kiosk.sphere.kinds.tagged import is_two_to_one
from kiosk.sphere.place import Place
from kiosk.sphere.placement import cut, put


def some_gpano(rng: random.Random, width: int, height: int) -> GPano | None:
    """Claims that may fit the picture, nearly fit it, or make no sense."""
    full_width = int(2 ** rng.uniform(0, 20))
    full_height = int(2 ** rng.uniform(0, 20)) if rng.random() < 0.5 else max(1, full_width // 2)
    area = rng.choice(
        [
            (full_width, full_height),
            (int(full_width * rng.random()) + 1, int(full_height * rng.random()) + 1),
            (max(1, full_width // 2), max(1, round(full_width / 2 * height / width))),
        ]
    )
    return GPano(
        rng.choice(sorted(PROJECTIONS)),
        *(full_width, full_height, rng.randint(0, full_width), rng.randint(0, full_height), *area),
        pose_heading_degrees=rng.choice([None, 0.0, 359.9]),
        stereo_mode=rng.choice([None, "mono", "top-bottom", "left-right"]),
        pose_pitch_degrees=rng.choice([None, 0.0, rng.uniform(-90, 90), 90.0, -90.0]),
        pose_roll_degrees=rng.choice([None, 0.0, rng.uniform(-180, 180), 180.0]),
    )


def some_tags(rng: random.Random, width: int, height: int) -> Tags:
    return Tags(
        gpano=some_gpano(rng, width, height) if rng.random() < 0.6 else None,
        focal_mm=rng.choice([None, rng.uniform(1, 1000)]),
        lens=rng.choice([None, "fisheye"]),
        panorama=rng.choice([None, None, "Apple", "Samsung"]),
        degrees=rng.choice([None, None, None, rng.uniform(1, 360)]),
        fisheyes=rng.choice([None, None, None, "Insta360"]),
        screenshot=rng.random() < 0.1,
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.filterwarnings("error")
def test_every_claim_ends_in_a_place_or_in_a_sentence(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(15):
        width, height = int(2 ** rng.uniform(3, 10)), int(2 ** rng.uniform(3, 9))
        if rng.random() < 0.3:
            width = 2 * height
        picture = np.full((height, width, 3), rng.randrange(1, 256), np.uint8)
        tags = some_tags(rng, width, height)
        if tags.fisheyes and is_two_to_one(width, height) and picture.max() <= DARK:
            # Whether its GPano says that it is stitched decides.
            with contextlib.suppress(BadInput):
                decide(picture, tags)
            continue
        place = decide(picture, tags)
        assert 0 < place.across <= 360
        assert place.down > 0
        sphere, covered = put(picture, place, 64)
        assert sphere.shape == (32, 64, 3)
        assert covered.any()
        assert cut(sphere, place, min(width, 40), min(height, 40)).any()


def test_a_picture_between_pixels_is_one_pixel() -> None:
    place = Place("part", "equirectangular", 0.1, 0.1, yaw=90, pitch=-45)
    sphere, covered = put(np.full((20, 20, 3), 77, np.uint8), place, 64)
    assert np.argwhere(covered).tolist() == [[24, 48]]
    assert sphere[24, 48].tolist() == [77, 77, 77]
