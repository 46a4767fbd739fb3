"""The parts of a dream that need no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.nets.checkpoint import Checkpoint, DreamState
from kiosk.nets.dream import octave_sizes
from kiosk.nets.normalise import magnitude, step_scale
from kiosk.nets.recipe import DreamRecipe, UpscaleRecipe


def solid_angle(height: int) -> np.ndarray:
    return np.sin((np.arange(height) + 0.5) / height * np.pi).astype(np.float32)


def test_octaves_of_a_sphere_are_multiples_of_64_and_twice_as_wide_as_high() -> None:
    sizes = octave_sizes(2048, 1024, 4, 1.4, flat=False)
    assert sizes == [(768, 384), (1024, 512), (1472, 736), (2048, 1024)]


def test_octaves_too_small_for_a_face_are_left_out() -> None:
    assert octave_sizes(256, 128, 8, 1.4, flat=False) == [(192, 96), (256, 128)]
    assert octave_sizes(60, 30, 4, 1.4, flat=True) == [(60, 30)]


@pytest.mark.parametrize("local", [0.0, 0.5, 1.0])
def test_a_step_changes_an_even_gradient_by_one_on_average(local: float) -> None:
    gradient = np.random.default_rng(0).normal(size=(256, 512, 3)).astype(np.float32) * 1e-6
    weight = solid_angle(256)
    scaled = gradient * np.asarray(step_scale(gradient, weight, local))[..., None]
    assert magnitude(scaled, weight) == pytest.approx(1, rel=0.05)


def test_local_normalisation_lifts_the_quiet_half_of_the_sphere() -> None:
    gradient = np.random.default_rng(0).normal(size=(512, 1024, 3)).astype(np.float32)
    gradient[:, 256:768] *= 0.1
    scale = np.asarray(step_scale(gradient, solid_angle(512), 1.0))
    assert scale[256, 512] / scale[256, 0] == pytest.approx(10, rel=0.15)
    assert scale[256, 0] == pytest.approx(scale[256, -1], rel=0.02)  # and there is no edge at +-180 degrees


def test_no_gradient_is_no_step() -> None:
    assert step_scale(np.zeros((64, 128, 3), np.float32), solid_angle(64), 0.5) == 0
    assert step_scale(np.full((64, 128, 3), np.nan, np.float32), solid_angle(64), 0.5) == 0


def test_the_mean_magnitude_does_not_depend_on_where_the_photo_begins() -> None:
    gradient = np.random.default_rng(0).normal(size=(64, 128, 3)).astype(np.float32)
    weight = solid_angle(64)
    assert magnitude(gradient, weight) == magnitude(np.roll(gradient, 37, axis=1), weight)


@pytest.mark.parametrize("recipe", [DreamRecipe(channels=((84, 1.0),)), UpscaleRecipe(scale=4, noise="2")])
def test_a_recipe_survives_json(recipe: DreamRecipe | UpscaleRecipe) -> None:
    assert type(recipe).from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize("text", ["", "[]", '{"colour": 1}', "nonsense"])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        DreamRecipe.from_json(text)


class TestCheckpoint:
    photo = np.random.default_rng(0).integers(0, 255, (8, 16, 3), dtype=np.uint8)
    state = DreamState(2, 5, None, np.random.default_rng(1).random((4, 8, 3), np.float32), [{"width": 8}])

    def test_gives_back_what_was_saved(self, tmp_path: Path) -> None:
        store = Checkpoint(tmp_path / "c", self.photo, DreamRecipe(), "engine")
        store.save(self.state)
        loaded = store.load()
        assert loaded is not None
        assert (loaded.octave, loaded.iteration, loaded.report) == (2, 5, [{"width": 8}])
        np.testing.assert_array_equal(loaded.picture, self.state.picture)
        store.clear()
        assert store.load() is None

    @pytest.mark.parametrize("other", ["photo", "recipe", "engine"])
    def test_is_ignored_by_another_dream(self, tmp_path: Path, other: str) -> None:
        Checkpoint(tmp_path / "c", self.photo, DreamRecipe(), "engine").save(self.state)
        photo = self.photo + 1 if other == "photo" else self.photo
        recipe = DreamRecipe(seed=1) if other == "recipe" else DreamRecipe()
        assert Checkpoint(tmp_path / "c", photo, recipe, "new" if other == "engine" else "engine").load() is None

    @pytest.mark.parametrize("cut", [0, 10, 40, -1])
    def test_a_torn_file_is_ignored(self, tmp_path: Path, cut: int) -> None:
        store = Checkpoint(tmp_path / "c", self.photo, DreamRecipe(), "engine")
        store.save(self.state)
        (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:cut])
        assert store.load() is None
