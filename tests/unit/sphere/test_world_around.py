"""What lies just around a photo: contrast that goes on, and nothing that there is only one of."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.sphere.world.contrast import match
from kiosk.sphere.world.frames import directions
from kiosk.sphere.world.invent import invent
from kiosk.sphere.world.singular import singular
from kiosk.sphere.world.sources import eroded

NOBODY = np.zeros((2, 4), bool)


def box(across: float, down: float, width: int = 512) -> np.ndarray:
    """What a photo of this many degrees covers, bool [H, W]."""
    x, y, z = np.moveaxis(directions(width), -1, 0)
    ahead = np.maximum(z, 1e-6)
    inside = (np.abs(x / ahead) < np.tan(np.radians(across / 2))) & (np.abs(y / ahead) < np.tan(np.radians(down / 2)))
    return inside & (z > 0)


def meadow(width: int = 512) -> np.ndarray:
    noise = np.random.default_rng(2).normal(0, 12, (width // 2, width, 1))
    return np.clip(np.array([90, 150, 60]) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("inside", "outside"), [(30, 15), (15, 30)])
def test_detail_around_a_photo_is_brought_to_its_contrast(inside, outside):
    covered = box(60, 50)
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (256, 512, 1)) * np.where(covered, inside, outside)[..., None]
    before = np.clip(127 + noise, 0, 255).repeat(3, 2).astype(np.uint8)
    after = before.copy()
    match(after, covered, covered & ~eroded(covered))
    ring, far = box(70, 60) & ~box(62, 52), ~box(110, 110)
    assert abs(after[ring].std() - inside) < 0.8 * abs(before[ring].std() - inside)
    np.testing.assert_array_equal(after[far], before[far])
    np.testing.assert_array_equal(after[eroded(covered)], before[eroded(covered)])


def test_contrast_is_scaled_without_color():
    covered = box(60, 50)
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (256, 512, 1)) * np.where(covered, 30, 15)[..., None]
    before = np.clip(np.array([150, 110, 120]) + noise, 0, 255).astype(np.uint8)
    before[:, ::9] += np.array([20, 0, 0], np.uint8)
    after = before.copy()
    match(after, covered, covered & ~eroded(covered))
    changed = (after != before).any(2) & (after.max(2) < 250) & (after.min(2) > 5)
    assert changed.any()
    apart = after.astype(int) - before
    assert np.ptp(apart[changed], axis=1).max() <= 1


def test_an_even_photo_has_no_detail_to_bring():
    covered = box(60, 50)
    gray = np.full((256, 512, 3), 90, np.uint8)
    match(gray, covered, covered & ~eroded(covered))
    assert (gray == 90).all()


def test_a_single_animal_does_not_become_a_herd():
    covered, animal = box(67, 50), box(24, 18)
    photo = meadow()
    photo[animal] = np.where(np.arange(512)[None, :, None] // 6 % 2, 240, 15).repeat(256, 0).repeat(3, 2)[animal]
    world = invent(np.where(covered[..., None], photo, 0).astype(np.uint8), covered, NOBODY).astype(int)
    gray = np.ptp(world, axis=2) < 30
    assert gray[animal].mean() > 0.9
    assert gray[~covered].mean() < 0.002


def test_writing_is_not_repeated():
    covered = box(60, 50)
    page = np.full((256, 512, 3), 240, np.uint8)
    lines = box(40, 32) & (np.arange(256)[:, None] // 3 % 2 > 0)
    page[lines] = 30
    world = invent(np.where(covered[..., None], page, 0).astype(np.uint8), covered, NOBODY)
    halfway_to_ink = (240 + 30) / 2
    assert world[~covered].min() > halfway_to_ink


def test_things_of_a_place_may_be_repeated():
    covered = box(67, 50, 256)
    colors = meadow(256).astype(np.float32)
    assert not singular(colors, covered).any()
    for x in (-9, 0, 9):
        colors[122:134, 128 + x - 2 : 128 + x + 2] = 240
    assert not singular(colors, covered).any()


@pytest.mark.parametrize(("spread", "found"), [(20, True), (110, False)], ids=["before a wall", "among all colors"])
def test_a_large_object_stands_before_surroundings(spread, found):
    covered, thing = box(67, 50, 256), box(40, 30, 256)
    colors = np.full((128, 256, 3), 100, np.float32)
    colors[:, :128] += spread * np.array([1, 0, -0.5], np.float32)
    colors[:, 128:] -= spread * np.array([0.5, 0, -1], np.float32)
    colors[thing] = (255, 255, 255)
    assert singular(colors, covered)[thing].all() == found
