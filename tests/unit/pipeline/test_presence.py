"""How a placed photo stays itself at its center and fades into the dream."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.pipeline.keeping.presence import lay_photo_over, photo_share


def box(down: slice, across: slice) -> np.ndarray:
    covered = np.zeros((256, 512), bool)
    covered[down, across] = True
    return covered


def test_it_is_strongest_at_the_center_and_nothing_at_the_border_and_outside():
    share = photo_share(box(slice(100, 156), slice(200, 300)), 0.65)
    assert share is not None
    assert share.shape == (256, 512)
    assert share[128, 250] == pytest.approx(0.65, abs=0.02)
    assert share[100, 250] == share[155, 250] == share[128, 200] == 0
    assert share[:100].max() == share[:, 300:].max() == 0
    column = share[100:128, 250]
    assert (np.diff(column) >= 0).all()
    assert np.diff(column).max() < 0.08


def test_a_photo_across_the_meridian_has_its_center_there():
    covered = np.roll(box(slice(100, 156), slice(200, 300)), 262, axis=1)
    share, straight = photo_share(covered, 0.5), photo_share(np.roll(covered, -262, axis=1), 0.5)
    assert share is not None
    assert straight is not None
    np.testing.assert_array_equal(np.roll(share, -262, axis=1), straight)


@pytest.mark.parametrize(
    ("covered", "presence"),
    [
        (None, 0.65),
        (box(slice(0, 256), slice(0, 512)), 0.65),
        (box(slice(90, 160), slice(0, 512)), 0.65),
        (box(slice(100, 156), slice(200, 300)), 0.0),
        (box(slice(0), slice(0)), 0.65),
    ],
    ids=["all", "a sphere", "a closed band", "not wanted", "nothing"],
)
def test_what_goes_all_around_is_dreamed_whole(covered, presence):
    assert photo_share(covered, presence) is None


@pytest.mark.parametrize("width", [256, 512, 1024])
def test_the_photo_shows_by_its_share(width):
    share = photo_share(box(slice(100, 156), slice(200, 300)), 0.5)
    assert share is not None
    photo, dreamed = (np.full((width // 2, width, 3), value, np.uint8) for value in (200, 100))
    result = lay_photo_over(photo, dreamed, share)
    assert result[width // 4, width * 250 // 512, 0] == pytest.approx(150, abs=3)
    assert (result[: width // 8] == 100).all()
    assert result.dtype == np.uint8
