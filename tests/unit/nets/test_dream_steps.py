"""The parts of a dream that need no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiosk.nets.dreaming.ascent import posed
from kiosk.nets.dreaming.checkpoint import Checkpoint, DreamState, _lasting_json
from kiosk.nets.dreaming.normalize import apply_step, magnitudes, mean_magnitude, scale_rows, step_scale
from kiosk.nets.dreaming.octaves import octave_sizes
from kiosk.recipes.recipe import DreamRecipe


def solid_angle(height: int) -> np.ndarray:
    return np.sin((np.arange(height) + 0.5) / height * np.pi).astype(np.float32)


def test_octaves_of_a_sphere_are_multiples_of_64_and_twice_as_wide_as_high() -> None:
    sizes = octave_sizes(2048, 1024, 4, 1.4, flat=False)
    assert sizes == [(768, 384), (1024, 512), (1472, 736), (2048, 1024)]


def test_octaves_too_small_for_a_face_are_left_out() -> None:
    assert octave_sizes(256, 128, 8, 1.4, flat=False) == [(192, 96), (256, 128)]
    assert octave_sizes(1024, 512, 6, 1.4, flat=False, smallest=352)[0] == (384, 192)
    assert octave_sizes(2048, 1024, 6, 1.4, flat=False, smallest=352)[0] == (384, 192)
    assert octave_sizes(60, 30, 4, 1.4, flat=True) == [(60, 30)]


@pytest.mark.parametrize("local", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_step_changes_an_even_gradient_by_as_much_as_it_says(local: float, kind: type) -> None:
    gradient = (np.random.default_rng(0).normal(size=(256, 512, 3)) * 1e-3).astype(kind)
    picture = np.full_like(gradient, 100)
    scale = step_scale(gradient, solid_angle(256), local)
    assert scale is not None
    apply_step(picture, gradient, scale, 1.5, sphere=True)
    assert mean_magnitude(magnitudes(picture - 100), solid_angle(256)) == pytest.approx(1.5, rel=0.05)


def test_steps_stay_within_the_levels_of_a_picture() -> None:
    picture = np.full((64, 128, 3), 250, np.float32)
    apply_step(picture, np.full_like(picture, 7), np.ones((8, 16), np.float32), 100, sphere=True)
    assert 252 < picture.max() <= 255


def test_local_normalisation_lifts_the_quiet_half_of_the_sphere() -> None:
    gradient = np.random.default_rng(0).normal(size=(512, 1024, 3)).astype(np.float32)
    gradient[:, 256:768] *= 0.1
    scale = step_scale(gradient, solid_angle(512), 1.0)
    assert scale is not None
    assert scale[32, 64] / scale[32, 0] == pytest.approx(10, rel=0.15)
    assert scale[32, 0] == pytest.approx(scale[32, -1], rel=0.02)  # and there is no edge at +-180 degrees


def test_no_gradient_is_no_step() -> None:
    assert step_scale(np.zeros((64, 128, 3), np.float32), solid_angle(64), 0.5) is None
    assert step_scale(np.full((64, 128, 3), np.nan, np.float32), solid_angle(64), 0.5) is None


def test_blocks_of_rows_join_without_a_trace() -> None:
    scale = np.random.default_rng(0).random((64, 128), np.float32)
    whole = scale_rows(scale, 0, 512, 1024, sphere=True)
    parts = [scale_rows(scale, top, top + 128, 1024, sphere=True) for top in range(0, 512, 128)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 211), (300, 201)])
def test_plain_pictures_of_any_size_can_be_stepped(height: int, width: int) -> None:
    gradient = np.random.default_rng(0).normal(size=(height, width, 3)).astype(np.float32)
    scale = step_scale(gradient, None, 0.5)
    assert scale is not None
    picture = np.full_like(gradient, 100)
    apply_step(picture, gradient, scale, 1, sphere=False)
    assert 0.5 < np.abs(picture - 100).mean() < 1.5


class TestCheckpoint:
    photo = np.random.default_rng(0).integers(0, 255, (8, 16, 3), dtype=np.uint8)
    state = DreamState(2, 5, np.random.default_rng(1).integers(-999, 999, (4, 8, 3), dtype=np.int16), [{"width": 8}])

    def test_gives_back_what_was_saved(self, tmp_path: Path) -> None:
        store = Checkpoint(tmp_path / "c", self.photo, DreamRecipe(), "engine")
        store.save(self.state)
        loaded = store.load()
        assert loaded is not None
        assert (loaded.octave, loaded.iteration, loaded.report) == (2, 5, [{"width": 8}])
        np.testing.assert_array_equal(loaded.array, self.state.array)
        store.clear()
        assert store.load() is None

    @pytest.mark.parametrize("other", ["photo", "recipe", "engine"])
    def test_is_ignored_by_another_dream(self, tmp_path: Path, other: str) -> None:
        Checkpoint(tmp_path / "c", self.photo, DreamRecipe(), "engine").save(self.state)
        photo = self.photo + 1 if other == "photo" else self.photo
        recipe = DreamRecipe(seed=1) if other == "recipe" else DreamRecipe()
        assert Checkpoint(tmp_path / "c", photo, recipe, "new" if other == "engine" else "engine").load() is None

    def test_tiles_belong_to_it_and_recipes_without_them_keep_their_old_checkpoints(self, tmp_path: Path) -> None:
        tiled = Checkpoint(tmp_path / "c", self.photo, DreamRecipe(tile=(96, 240)), "engine")
        tiled.save(self.state)
        assert tiled.load() is not None
        assert Checkpoint(tmp_path / "c", self.photo, DreamRecipe(tile=(144, 144)), "engine").load() is None
        assert "tile" not in _lasting_json(DreamRecipe())

    @pytest.mark.parametrize("cut", [0, 10, 40, -1])
    def test_a_torn_file_is_ignored(self, tmp_path: Path, cut: int) -> None:
        store = Checkpoint(tmp_path / "c", self.photo, DreamRecipe(), "engine")
        store.save(self.state)
        (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:cut])
        assert store.load() is None


@pytest.mark.parametrize(("turn", "growth"), [(0.0, 0.0), (0.1, 0.0), (0.0, -0.1), (-0.08, 0.1)])
def test_a_gradient_seen_in_another_pose_is_put_back_where_it_belongs(turn: float, growth: float) -> None:
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    tile = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], axis=2)
    seen: list[np.ndarray] = []

    def run(picture: np.ndarray) -> np.ndarray:
        seen.append(picture)
        return picture * 3

    found = posed(run, turn, growth, tile)
    inside = slice(20, -20)
    assert np.abs(found[inside, inside] - 3 * tile[inside, inside]).max() < 0.05
    assert (np.abs(seen[0] - tile).max() > 0.3) == bool(turn or growth)
