"""What is kept of a photo, and the way to its dream."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.pictures.encode import write_picture
from kiosk.pipeline.keeping.masking import keep_masked
from kiosk.pipeline.sidecar import (
    digest,
    read_sidecar,
    sidecar_body,
    sidecar_path,
    sidecar_property,
    write_sidecar,
)
from kiosk.recipes.recipe import DreamRecipe
from kiosk.souvenirs.journey import evenly


@pytest.fixture
def pictures() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 100, (64, 128, 3), np.uint8), random.integers(150, 250, (64, 128, 3), np.uint8)


def test_white_keeps_the_photo_to_the_last_bit_and_black_the_dream(pictures) -> None:
    photo, dreamed = pictures
    mask = np.zeros((64, 128), np.uint8)
    mask[20:40, 40:80] = 255
    result = keep_masked(photo, dreamed, mask, sphere=True)
    assert (result[20:40, 40:80] == photo[20:40, 40:80]).all()
    assert (result[:, :20] == dreamed[:, :20]).all()


def test_the_border_of_what_is_kept_is_feathered(pictures) -> None:
    photo, dreamed = np.zeros_like(pictures[0]), np.full_like(pictures[1], 200)
    mask = np.zeros((64, 128), np.uint8)
    mask[:, :64] = 255
    row = keep_masked(photo, dreamed, mask, sphere=False)[32, 60:80, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert ((row > 10) & (row < 190)).any()


def test_on_a_sphere_the_feather_crosses_the_meridian(pictures) -> None:
    photo, dreamed = np.zeros_like(pictures[0]), np.full_like(pictures[1], 200)
    mask = np.zeros((64, 128), np.uint8)
    mask[:, :10] = 255
    assert keep_masked(photo, dreamed, mask, sphere=True)[32, -1, 0] < 190
    assert keep_masked(photo, dreamed, mask, sphere=False)[32, -1, 0] == 200


def test_a_mask_of_another_size_covers_the_same_part(pictures) -> None:
    photo, dreamed = pictures
    mask = np.zeros((16, 32), np.uint8)
    mask[8:] = 255
    result = keep_masked(photo, dreamed, mask, sphere=True)
    assert (result[40:] == photo[40:]).all()
    assert (result[:24] == dreamed[:24]).all()


def test_frames_are_even_in_change_and_hold_first_and_last() -> None:
    # Nothing happens, then much, then a little.
    levels = [0, 0, 0, 0, 40, 80, 120, 121, 122, 123]
    frames = [np.full((8, 16, 3), level, np.uint8) for level in levels]
    chosen = evenly(frames, 4)
    assert chosen[0] == 0
    assert chosen[-1] == len(frames) - 1
    steps = np.diff([levels[n] for n in chosen])
    assert steps.max() <= 45


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_and_motionless_ways_have_frames_too(count: int) -> None:
    frames = [np.zeros((8, 16, 3), np.uint8)] * count
    assert evenly(frames, 24) in ([0], [0, 1], [0, 2])


RECIPE = DreamRecipe(channels=(("conv10", 84, 1.0),), layers=(("conv10", 1.0),), smooth=0.8)


@pytest.fixture
def saved(tmp_path: Path) -> dict:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    fields = {**json.loads(RECIPE.to_json()), "provider": "CPUExecutionProvider", "onnxruntime": "1.0"}
    return sidecar_body(fields, photo)


def test_a_sidecar_gives_the_recipe_back(tmp_path: Path, saved: dict) -> None:
    write_sidecar(tmp_path / "dream.png", saved)
    read, body = read_sidecar(sidecar_path(tmp_path / "dream.png"))
    assert read == RECIPE
    assert body["photo_sha256"] == digest(tmp_path / "photo.jpg")


@pytest.mark.parametrize("name", ["dream.jpg", "dream.png", "dream.webp", "dream.tif"])
@pytest.mark.parametrize(("shape", "sphere"), [((32, 64, 3), True), ((64, 64, 3), True), ((40, 64, 3), False)])
def test_a_picture_carries_its_recipe_itself(
    tmp_path: Path, saved: dict, name: str, shape: tuple[int, ...], sphere: bool
) -> None:
    write_picture(tmp_path / name, np.zeros(shape, np.uint8), sphere=sphere, properties=sidecar_property(saved))
    assert read_sidecar(tmp_path / name) == (RECIPE, saved)


@pytest.mark.parametrize("name", ["dream.jpg", "dream.png"])
def test_a_picture_without_a_recipe_says_so(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / name, np.zeros((32, 64, 3), np.uint8), sphere=True)
    with pytest.raises(BadInput, match="no recipe"):
        read_sidecar(tmp_path / name)
    (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(BadInput):
        read_sidecar(tmp_path / name)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"recipe": 3}', '{"recipe": [1]}'])
def test_what_is_no_sidecar_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.recipe.json"
    path.write_text(text)
    with pytest.raises(BadInput):
        read_sidecar(path)
    with pytest.raises(BadInput):
        read_sidecar(tmp_path / "none.json")
