"""Whole dreams, small, with the real network."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.dreaming.dream import Cancelled, DreamProgress, dream
from kiosk.recipes.recipe import DreamRecipe

RECIPE = DreamRecipe(width=256, octaves=2, smallest=192, iterations=4, precision="fp32")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_graph(tmp_path_factory.mktemp("graphs"), GraphSpec("squeezenet", "fp32", (("fire8", 1.0),)))


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A smooth scene with some structure, seamless, uint8 [128, 256, 3]."""
    rng = np.random.default_rng(0)
    longitude = ((np.arange(256) + 0.5) / 256 * 2 * np.pi)[None]
    latitude = ((np.arange(128) + 0.5) / 128 * np.pi)[:, None]
    direction = np.stack(
        [np.sin(latitude) * np.cos(longitude), np.cos(latitude) + 0 * longitude, np.sin(latitude) * np.sin(longitude)]
    )
    waves = sum(np.sin(np.tensordot(rng.normal(size=3) * 6, direction, 1) + phase) for phase in range(8))
    return np.repeat((127 + 12 * waves)[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)


def test_a_dream_pleases_the_network_and_has_no_seam(graph: Path, photo: np.ndarray) -> None:
    result = dream(photo, RECIPE, graph)
    before, after = result.objective
    assert after > 3 * before
    assert result.picture.shape == (128, 256, 3)
    jumps = np.abs(result.picture - np.roll(result.picture, 1, axis=1).astype(float)).mean(axis=(0, 2))
    # Against its surroundings: so small a dream is strong in some directions and weak in others.
    assert jumps[0] <= 1.25 * np.median(np.roll(jumps, 12)[:25])
    assert [octave["width"] for octave in result.octaves] == [192, 256]


@pytest.mark.slow
@pytest.mark.parametrize("turn", [64, 128, 37])
def test_a_turned_photo_gives_the_turned_dream_to_the_last_bit(graph: Path, photo: np.ndarray, turn: int) -> None:
    recipe = dataclasses.replace(RECIPE, iterations=2)
    dreamed = dream(photo, recipe, graph).picture
    turned = dream(np.roll(photo, turn, axis=1), recipe, graph).picture
    np.testing.assert_array_equal(turned, np.roll(dreamed, turn, axis=1))


def test_the_number_of_threads_changes_nothing(graph: Path, photo: np.ndarray) -> None:
    recipe = dataclasses.replace(RECIPE, iterations=2)
    np.testing.assert_array_equal(
        dream(photo, recipe, graph, threads=1).picture, dream(photo, recipe, graph, threads=3).picture
    )


def test_progress_counts_up_and_shows_the_growing_dream(graph: Path, photo: np.ndarray) -> None:
    seen: list[tuple[float, float]] = []

    def hear(at: DreamProgress) -> None:
        shown = at.preview(128)
        assert shown.shape == (64, 128, 3)
        small = np.asarray(Image.fromarray(photo).resize((128, 64), Image.Resampling.BOX))
        seen.append((at.fraction, float(np.abs(shown.astype(int) - small).mean())))

    dream(photo, RECIPE, graph, progress=hear)
    fractions, changes = zip(*seen, strict=True)
    assert list(fractions) == sorted(fractions)
    assert len(fractions) == 8
    assert fractions[-1] == 1
    assert changes[-1] > changes[0]


def test_cancelling_ends_within_a_tile(graph: Path, photo: np.ndarray) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        dream(photo, RECIPE, graph, cancelled=cancelled, threads=1)
    assert asked == 4


def test_a_late_dream_takes_fewer_steps_and_its_recipe_makes_it_again(graph: Path, photo: np.ndarray) -> None:
    whole = dream(photo, RECIPE, graph)
    hurried = dream(photo, RECIPE, graph, ready_by=time.monotonic())
    assert [octave["iterations"] for octave in whole.octaves] == [4, 4]
    assert [octave["iterations"] for octave in hurried.octaves] == [2, 2]
    assert (whole.recipe.octave_iterations, hurried.recipe.octave_iterations) == ((), (2, 2))
    np.testing.assert_array_equal(dream(photo, hurried.recipe, graph).picture, hurried.picture)
    assert dream(photo, RECIPE, graph, ready_by=time.monotonic() + 600).recipe == RECIPE


@pytest.mark.parametrize("steps", [(2,), (2, 5), (0, 4)])
def test_steps_that_are_not_the_octaves_are_refused(graph: Path, photo: np.ndarray, steps: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="octaves"):
        dream(photo, dataclasses.replace(RECIPE, octave_iterations=steps), graph)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (40, 33), (90, 200)])
def test_plain_pictures_of_any_size_dream(graph: Path, height: int, width: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    recipe = dataclasses.replace(RECIPE, width=width, flat=True, iterations=1)
    assert dream(picture, recipe, graph).picture.shape == picture.shape


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        ({}, (100, 256, 3)),
        ({"width": 250}, (128, 256, 3)),
        ({"iterations": 0}, (128, 256, 3)),
        ({"octave_scale": 1.0}, (128, 256, 3)),
        ({"channels": (("fire8", 512, 1.0),)}, (128, 256, 3)),
    ],
)
def test_what_cannot_be_dreamed_is_refused(graph: Path, change: dict, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput):
        dream(np.zeros(shape, np.uint8), dataclasses.replace(RECIPE, **change), graph)


DREAMER = """
import sys
from pathlib import Path
import numpy as np
from kiosk.nets.dreaming import dream as module
from kiosk.recipes.recipe import DreamRecipe
module.CHECKPOINT_SECONDS = 0.0  # after every step, so that there is something to go on from
photo, graph, checkpoint, out, recipe = sys.argv[1:]
result = module.dream(
    np.load(photo), DreamRecipe.from_json(recipe), Path(graph), checkpoint=Path(checkpoint),
    progress=lambda at: print(at.fraction, flush=True),
)
np.save(out, result.picture)
"""


@pytest.mark.slow
def test_a_dream_killed_at_any_moment_goes_on_to_the_same_bytes(
    graph: Path, photo: np.ndarray, tmp_path: Path, kills: int
) -> None:
    # Long enough that most kills hit the middle; one that comes after the end just makes it begin again.
    recipe = dataclasses.replace(RECIPE, iterations=2 * kills)
    np.save(tmp_path / "photo.npy", photo)
    whole = dream(photo, recipe, graph).picture
    out, checkpoint = tmp_path / "out.npy", tmp_path / "checkpoint"
    files = map(str, (tmp_path / "photo.npy", graph, checkpoint, out))
    command = [sys.executable, "-c", DREAMER, *files, recipe.to_json()]
    rng = np.random.default_rng(7)
    reached = []
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        # It is under way: somewhere in the next steps or the writing of a checkpoint, the power goes.
        reached.append(float(process.stdout.readline() or 1))
        time.sleep(float(rng.uniform(0, 0.15)))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert any(later > earlier for earlier, later in itertools.pairwise(reached)), "it never went on where it was"
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    np.testing.assert_array_equal(np.load(out), whole)
    assert not checkpoint.exists()
