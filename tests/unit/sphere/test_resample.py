"""Changing sizes and turning photos about the vertical."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.sphere.resample import resize_detail, resize_picture
from kiosk.sphere.seam import seam_ratio
from kiosk.sphere.yaw import Turned, canonical_yaw


def wave(width: int) -> np.ndarray:
    """One smooth wave around the horizon, uint8 [width / 2, width, 3]."""
    level = 127 + 100 * np.sin((np.arange(width) + 0.5) / width * 2 * np.pi)
    return np.repeat(np.broadcast_to(level, (width // 2, width))[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(("before", "after"), [(512, 1024), (1000, 512), (77 * 2, 256), (2048, 64)])
def test_a_resized_photo_has_no_seam(before: int, after: int) -> None:
    small = resize_picture(wave(before), after, after // 2)
    assert small.shape == (after // 2, after, 3)
    assert np.abs(small.astype(int) - wave(after)).max() <= 3


@pytest.mark.parametrize(("before", "after"), [(256, 384), (704, 1024), (512, 256), (1472, 2048)])
def test_a_resized_detail_has_no_seam_and_does_not_shift(before: int, after: int) -> None:
    blocks = list(resize_detail(wave(before).astype(np.float32), after, after // 2))
    assert [rows.start for rows, _ in blocks] == [0, *(rows.stop for rows, _ in blocks[:-1])]
    changed = np.concatenate([block for _, block in blocks])
    assert changed.shape == (after // 2, after, 3)
    assert np.abs(changed - wave(after)).max() < 2


def test_cubic_growth_is_opencvs() -> None:
    detail = np.random.default_rng(0).random((20, 30, 3), np.float32)
    grown = np.concatenate([block for _, block in resize_detail(detail, 47, 33, wrap=False)])
    np.testing.assert_allclose(grown, cv2.resize(detail, (47, 33), interpolation=cv2.INTER_CUBIC), atol=2e-3)


@pytest.mark.parametrize("turn", [1, 17, 128, 255])
def test_a_turned_photo_begins_at_the_same_place(turn: int) -> None:
    photo = np.random.default_rng(3).integers(0, 256, (128, 256, 3), dtype=np.uint8)
    turned = np.roll(photo, turn, axis=1)
    one, other = (np.roll(p, -canonical_yaw(p), axis=1) for p in (photo, turned))
    np.testing.assert_array_equal(one, other)


def test_a_photo_seen_as_turned_is_the_turned_photo() -> None:
    photo = np.random.default_rng(3).integers(0, 256, (16, 32, 3), dtype=np.uint8)
    seen, turned = Turned(photo, 5), np.roll(photo, -5, axis=1)
    assert seen.shape == photo.shape
    np.testing.assert_array_equal(seen[2:9], turned[2:9])
    np.testing.assert_array_equal(seen[2:9, 30:], turned[2:9, 30:])


def test_repeating_columns_do_not_confuse_the_beginning() -> None:
    photo = np.zeros((4, 8, 3), np.uint8)
    photo[:, [1, 5]] = 200
    photo[:, 6] = 100
    turned = np.roll(photo, 3, axis=1)
    one, other = (np.roll(p, -canonical_yaw(p), axis=1) for p in (photo, turned))
    np.testing.assert_array_equal(one, other)


def test_the_seam_of_a_plain_color_has_no_ratio_and_a_cut_has_a_large_one() -> None:
    assert seam_ratio(np.full((8, 16, 3), 7, np.uint8)) is None
    ramp = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(32, axis=0)
    assert (seam_ratio(ramp) or 0) > 20
    assert (seam_ratio(wave(256)) or 9) < 2.5
