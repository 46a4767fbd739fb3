"""How a placed photo stays itself at its center and fades into the dream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiosk.nets.dreaming.checkpoint import Checkpoint, DreamState
from kiosk.nets.dreaming.dream import DreamProgress, DreamResult
from kiosk.pipeline.keeping import beside
from kiosk.pipeline.keeping.presence import lay_photo_over, photo_share
from kiosk.recipes.recipe import DreamRecipe


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


def test_the_dream_of_a_placed_photo_and_its_previews_show_it(monkeypatch):
    covered = box(slice(100, 156), slice(200, 300))
    photo, dreamed = (np.full((256, 512, 3), value, np.uint8) for value in (200, 100))

    def dream(photo, recipe, graph, *, progress=None, **options):
        assert progress is not None
        progress(DreamProgress(0.5, 1, 2, 1, 2, 1.0, lambda width: dreamed[::2, ::2]))
        return DreamResult(dreamed, recipe, 1.0, 1.0, (0.0, 0.0))

    monkeypatch.setattr(beside, "dream", dream)
    previews = []
    for presence, center in ((0.5, 150), (1.0, 200), (0.0, 100)):
        result = beside.dream_beside_kept(
            Path(),
            photo,
            DreamRecipe(presence=presence),
            b"",
            covered=covered,
            progress=lambda at: previews.append(at.preview(256)),
        )
        assert result.picture[128, 250, 0] == pytest.approx(center, abs=2)
        assert previews[-1][64, 125, 0] == pytest.approx(center, abs=3)
        assert (result.picture[~covered] == 100).all()


def test_presence_does_not_make_a_checkpoint_invalid(tmp_path):
    photo = np.zeros((32, 64, 3), np.uint8)
    Checkpoint(tmp_path / "dream", photo, DreamRecipe(presence=0.2), "cpu").save(DreamState(1, 0, None))
    assert Checkpoint(tmp_path / "dream", photo, DreamRecipe(), "cpu").load() == DreamState(1, 0, None)
    assert Checkpoint(tmp_path / "dream", photo, DreamRecipe(seed=1), "cpu").load() is None
