"""A sphere is as rude as its rudest view, and the views show all of it."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.forge.archives import open_nsfw
from kiosk.library.files import PhotoFiles
from kiosk.library.records import Photo
from kiosk.nets.moderation import SEEN, SIDE, Judge
from kiosk.pictures.read import read_reduced
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pipeline.moderation.rudeness import FIELD, VIEWS, rudeness_of_dream, rudeness_of_photo, rudest_view
from kiosk.sphere.place import Place
from kiosk.sphere.view import onto_sphere
from kiosk.storage import DataFolder
from tests.archives import moderation_network

TOKEN = "t" * 22
GREEN, RED = (110, 130, 80), (230, 30, 30)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(open_nsfw.forward(moderation_network()).SerializeToString())


def sphere(*patches: tuple[float, float], wide: float = 80.0, width: int = 512) -> np.ndarray:
    """A green sphere, uint8 [width / 2, width, 3], with red squares `wide` degrees across at (yaw, pitch)."""
    picture = np.full((width // 2, width, 3), GREEN, np.uint8)
    for yaw, pitch in patches:
        picture[onto_sphere(np.ones((64, 64), np.float32), width, yaw=yaw, pitch=pitch, fov=wide) > 0.5] = RED
    return picture


def test_the_network_sees_views_90_degrees_wide_that_show_the_sphere() -> None:
    assert len(VIEWS) == 8
    assert math.degrees(2 * math.atan(math.tan(math.radians(FIELD / 2)) * SEEN / SIDE)) == pytest.approx(90)
    seen = np.zeros((512, 1024), bool)
    for yaw, pitch in VIEWS:
        seen |= onto_sphere(np.ones((224, 224), np.float32), 1024, yaw=yaw, pitch=pitch, fov=90) > 0.5
    weight = np.cos((np.arange(512) + 0.5) / 512 * math.pi - math.pi / 2)
    assert (seen.mean(axis=1) * weight).sum() / weight.sum() > 0.994


@pytest.mark.parametrize("place", [(0, 0), (30, 0), (180, -15), (-90, 15), (0, 90), (120, -90), (200, -70)])
def test_one_rude_view_is_enough_wherever_it_is(judge: Judge, place: tuple[float, float]) -> None:
    assert rudest_view(sphere(), judge) < 0.01
    assert rudest_view(sphere(place), judge) > 0.5
    assert rudest_view(sphere(place, width=2048), judge) == pytest.approx(rudest_view(sphere(place), judge), abs=0.1)


def test_it_is_the_rudest_view_and_not_their_mean() -> None:
    told = iter([0.1, 0.2, 0.15, 0.7, 0.0, 0.3, 0.25, 0.05])
    assert rudest_view(sphere(), lambda view: next(told)) == 0.7
    assert next(told, None) is None, "every view is judged"


def stored(folder: Path, place: Place, **files: np.ndarray) -> tuple[Photo, PhotoFiles]:
    """A photo whose files hold these pictures."""
    height, width = files["original"].shape[:2]
    here = PhotoFiles(DataFolder(folder).prepare(), TOKEN)
    here.home.mkdir()
    for name, picture in files.items():
        getattr(here, name).write_bytes(encode_jpeg(picture, gpano=False))
    photo = Photo(1, TOKEN, "ready", None, "upload", width, height, None, 0, 0, None, 0, place=asdict(place))
    return photo, here


def test_an_ordinary_photo_is_judged_itself(judge: Judge, tmp_path: Path) -> None:
    red, green = (np.full((300, 400, 3), color, np.uint8) for color in (RED, GREEN))
    place = Place("view", "rectilinear", 20.0, 15.0)
    # It fills so little of a view that only the photo itself tells.
    photo, files = stored(tmp_path / "red", place, original=red)
    assert rudeness_of_photo(photo, files, judge) > 0.99
    photo, files = stored(tmp_path / "green", place, original=green)
    assert rudeness_of_photo(photo, files, judge) < 0.01
    photo, files = stored(tmp_path / "around", place, original=green, sphere=sphere((120, 0)))
    assert rudeness_of_photo(photo, files, judge) < 0.01, "what is invented around it is judged with the dream"


def test_a_panorama_is_judged_by_the_views_that_show_it(judge: Judge, tmp_path: Path) -> None:
    # Black is less rude than this green, so views that show little of it would not tell.
    band = np.full((256, 1024, 3), GREEN, np.uint8)
    band[:, 700:900] = RED
    photo, files = stored(tmp_path, Place("band", "equirectangular", 280.0, 70.0), original=band)
    judged = []

    def watch(view: np.ndarray) -> float:
        judged.append(view)
        return judge(view)

    assert rudeness_of_photo(photo, files, watch) > 0.5
    assert len(judged) == 5, "not the one behind, and neither pole"


def test_a_sphere_is_judged_by_its_views_alone(judge: Judge, tmp_path: Path) -> None:
    whole = Place("sphere", "equirectangular", 360.0, 180.0)
    # On the rectangle the pole is half of the picture.
    top = sphere()
    top[:90] = RED
    photo, files = stored(tmp_path, whole, original=top)
    assert rudeness_of_photo(photo, files, judge) == pytest.approx(rudest_view(read_reduced(files.original, 9), judge))


def test_a_dream_is_judged_as_a_sphere_and_as_the_picture_taken_home(judge: Judge, tmp_path: Path) -> None:
    place, green = Place("view", "rectilinear", 20.0, 15.0), np.full((300, 400, 3), GREEN, np.uint8)
    _, files = stored(tmp_path / "decent", place, original=green, dream=sphere(), flat=green)
    assert rudeness_of_dream(files, judge) < 0.01
    _, files = stored(tmp_path / "sphere", place, original=green, dream=sphere((60, 0)), flat=green)
    assert rudeness_of_dream(files, judge) > 0.5
    _, files = stored(tmp_path / "flat", place, original=green, dream=sphere(), flat=np.full_like(green, RED))
    assert rudeness_of_dream(files, judge) > 0.99


def test_a_large_jpeg_is_reduced_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encode_jpeg(sphere((0, 0), width=2048)))
    assert read_reduced(path, 512).shape == (256, 512, 3)
    assert read_reduced(path, 600).shape == (512, 1024, 3), "no smaller than asked"
    assert read_reduced(path, 5000).shape == (1024, 2048, 3)
    small = read_reduced(path, 512).astype(int)
    assert np.abs(small - sphere((0, 0))).mean() < 3
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadInput, match="is damaged"):
        read_reduced(path, 5000)
    with pytest.raises(FileNotFoundError):
        read_reduced(tmp_path / "nowhere.jpg", 512)
