"""The fall into a dream: where its steps lead, and that its end meets its beginning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.zoom import save_loop, zoom_loop
from kiosk.sphere.moebius import FlatZoom, Zoom

WIDTH, HEIGHT = 256, 128


def directions() -> np.ndarray:
    """x (right), y (up), z (ahead) of each pixel as levels, uint8: smooth on the sphere."""
    longitude = ((np.arange(WIDTH) + 0.5) / WIDTH - 0.5)[None] * 2 * np.pi
    latitude = (0.5 - (np.arange(HEIGHT) + 0.5) / HEIGHT)[:, None] * np.pi
    x, z = np.cos(latitude) * np.sin(longitude), np.cos(latitude) * np.cos(longitude)
    return np.rint(np.stack([x, np.sin(latitude) + 0 * x, z], -1) * 127 + 127).astype(np.uint8)


def vectors(picture: np.ndarray) -> np.ndarray:
    found = (picture.astype(float) - 127) / 127
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def test_a_step_enlarges_what_is_ahead_by_its_factor() -> None:
    ahead = vectors(Zoom(WIDTH, 1.5)(directions()))[HEIGHT // 2, WIDTH // 2 - 8 : WIDTH // 2 + 8]
    angles = np.degrees(np.arctan2(ahead[:, 0], ahead[:, 2]))
    assert np.diff(angles).mean() == pytest.approx(360 / WIDTH / 1.5, rel=0.05)


def test_steps_multiply_and_meet_no_seam() -> None:
    once, twice = Zoom(WIDTH, 1.3 * 1.2)(directions()), Zoom(WIDTH, 1.3)(Zoom(WIDTH, 1.2)(directions()))
    assert np.abs(once.astype(int) - twice).max() <= 6
    jumps = np.abs(np.diff(once.astype(int), axis=1, append=once[:, :1].astype(int))).mean(axis=(0, 2))
    assert jumps[-1] <= 1.2 * max(jumps[-2], jumps[0])


def test_a_step_keeps_angles() -> None:
    seen = vectors(Zoom(WIDTH, 1.6)(directions()))
    # At any place the picture is enlarged alike along the parallel and along the meridian.
    for row, column in ((64, 160), (40, 128), (64, 190), (90, 100)):
        parallel = np.linalg.norm(seen[row, column + 2] - seen[row, column - 2])
        meridian = np.linalg.norm(seen[row + 2, column] - seen[row - 2, column])
        cosine = np.cos((0.5 - (row + 0.5) / HEIGHT) * np.pi)
        assert parallel / cosine == pytest.approx(meridian, rel=0.2)


def test_into_a_plain_picture_its_middle_stays() -> None:
    y, x = np.mgrid[0:90, 0:120]
    picture = np.stack([x, y, x], -1).astype(np.uint8)
    closer = FlatZoom(90, 120, 2.0)(picture)
    assert closer[44, 59, 0] == pytest.approx(59, abs=1)
    assert closer[44, 119, 0] - closer[44, 0, 0] == pytest.approx(60, abs=2)


def shifting(frame: np.ndarray, recipe: DreamRecipe) -> np.ndarray:
    """A stand-in for dreaming on, quick and visible: noise that the seed decides."""
    noise = np.random.default_rng(recipe.seed).integers(-20, 21, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("flat", [False, True])
def test_the_loop_closes_without_a_jump(flat: bool, tmp_path: Path) -> None:
    first = np.random.default_rng(0).integers(60, 200, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    first = np.asarray(Image.fromarray(first).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    frames = zoom_loop(first, DreamRecipe(flat=flat), shifting, frames=12, fade=5)
    assert len(frames) == 12
    changes = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert changes[-1] < 1.2 * np.median(changes[:-1])
    assert max(changes) < 2.5 * min(changes)
    save_loop(tmp_path / "zoom.webp", frames)
    with Image.open(tmp_path / "zoom.webp") as loop:
        assert (loop.n_frames, loop.size, loop.info["loop"]) == (12, (WIDTH, HEIGHT), 0)


def test_every_frame_is_dreamed_on_a_little_and_differently() -> None:
    asked: list[DreamRecipe] = []

    def hear(frame: np.ndarray, recipe: DreamRecipe) -> np.ndarray:
        asked.append(recipe)
        return frame

    zoom_loop(directions(), DreamRecipe(seed=5, keep_nadir=20), hear, frames=4, fade=2)
    assert [recipe.seed for recipe in asked] == [5, 6, 7, 8, 9]
    assert {(recipe.width, recipe.octaves, recipe.keep_nadir) for recipe in asked} == {(WIDTH, 1, 0.0)}
