"""Faces are found all around the sphere, and a dream leaves them alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.forge.readers.mtcnn import build_detector
from kiosk.forge.readers.weights import read_source
from kiosk.nets.faces import NETWORKS, FaceFinder
from kiosk.pipeline.keeping.beside import dream_beside_kept
from kiosk.pipeline.keeping.faces import find_on_sphere, mask_faces, mask_on_sphere
from kiosk.recipes import catalog
from kiosk.recipes.recipe import DreamRecipe
from tests.portrait import hang_portrait, portrait


@pytest.fixture(scope="module")
def find() -> FaceFinder:
    known = catalog.load()
    pnet, rnet, onet = (
        build_detector(name, read_source(known.network(name), known.network(name).files[0].path)).SerializeToString()
        for name in NETWORKS
    )
    return FaceFinder((pnet, rnet, onet), threads=1)


@pytest.fixture(scope="module")
def wall() -> np.ndarray:
    return np.random.default_rng(3).integers(100, 130, (512, 1024, 3), np.uint8)


@pytest.mark.parametrize("size", [64, 128, 300])
def test_a_face_is_found_where_it_is(find: FaceFinder, size: int) -> None:
    picture = np.full((400, 500, 3), 130, np.uint8)
    picture[50 : 50 + size, 90 : 90 + size] = portrait(size)
    (face,) = find(picture)
    assert face.x + face.width / 2 == pytest.approx(90 + size / 2, abs=0.08 * size)
    assert face.y + face.height / 2 == pytest.approx(50 + size * 0.53, abs=0.1 * size)
    assert 0.4 * size < face.height < 0.75 * size


def test_a_face_cut_off_by_the_edge_is_no_reason_to_fail(find: FaceFinder) -> None:
    assert len(find(portrait(200)[:, 80:])) <= 1
    assert find(np.zeros((9, 9, 3), np.uint8)) == []


def test_noise_has_no_face(find: FaceFinder) -> None:
    assert find(np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)) == []


@pytest.mark.slow
def test_one_color_has_no_face_and_no_mask(find: FaceFinder) -> None:
    assert mask_faces(np.full((256, 512, 3), 90, np.uint8), find, flat=False) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("yaw", "pitch", "across"),
    [(0, 0, 20), (180, 0, 20), (-100, 35, 20), (60, -65, 24), (140, 86, 24), (-30, -88, 24), (75, 0, 90)],
    ids=["ahead", "at the seam", "up", "down", "overhead", "underfoot", "close by"],
)
def test_faces_are_found_in_all_directions(
    find: FaceFinder, wall: np.ndarray, yaw: float, pitch: float, across: float
) -> None:
    circles = find_on_sphere(hang_portrait(wall, yaw, pitch, across), find)
    a, b = np.radians(yaw), np.radians(pitch)
    wanted = np.array([np.cos(b) * np.sin(a), np.sin(b), np.cos(b) * np.cos(a)])
    assert len(circles)
    assert np.degrees(np.arccos(np.clip(circles[:, :3] @ wanted, -1, 1))).max() < across / 6
    assert (np.degrees(circles[:, 3]) > across / 5).all()


@pytest.mark.slow
@pytest.mark.parametrize("turn", [256, 512, 333])
def test_the_mask_turns_with_the_photo(find: FaceFinder, wall: np.ndarray, turn: int) -> None:
    photo = hang_portrait(hang_portrait(wall, 170, 10, 25), 40, 60, 25)
    mask = mask_faces(photo, find, flat=False)
    again = mask_faces(np.roll(photo, turn, axis=1), find, flat=False)
    assert mask is not None
    assert again is not None
    np.testing.assert_array_equal(np.roll(mask, turn, axis=1), again)


@pytest.mark.parametrize(("x", "y", "z"), [(0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (0.6, 0.8, 0)])
def test_a_circle_covers_the_same_share_of_the_sphere_everywhere(x: float, y: float, z: float) -> None:
    mask = mask_on_sphere(np.array([[x, y, z, np.radians(20)]]), 1024)
    area = np.cos((0.5 - (np.arange(512) + 0.5) / 512) * np.pi)
    share = ((mask == 255) * area[:, None]).sum() / (area.sum() * 1024)
    assert share == pytest.approx((1 - np.cos(np.radians(20))) / 2, rel=0.02)


@pytest.mark.slow
def test_a_dream_leaves_faces_to_the_last_bit(tmp_path: Path, wall: np.ndarray) -> None:
    photo = hang_portrait(wall, 180, 0, 40)
    recipe = DreamRecipe(width=1024, octaves=1, iterations=3, keep_faces=True, precision="fp32")
    graph = ensure_graph(tmp_path, GraphSpec(recipe.network, "fp32", recipe.layers))
    previews = []
    result = dream_beside_kept(
        tmp_path, photo, recipe, graph, progress=lambda at: previews.append(at.preview(1024))
    ).picture
    face = np.r_[0:30, 994:1024]
    for picture in (result, previews[-1]):
        np.testing.assert_array_equal(picture[236:286][:, face], photo[236:286][:, face])
        assert np.abs(picture[:, 400:600].astype(int) - photo[:, 400:600]).mean() > 2
