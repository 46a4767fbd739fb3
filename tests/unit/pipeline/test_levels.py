"""The viewer's levels of a sphere."""

import cv2
import numpy as np
import pytest
from PIL import Image

from kiosk.library.files import PhotoFiles
from kiosk.pipeline.levels import eye_widths, levels_for, shrink, write_eyes, write_levels
from kiosk.sphere.padding import sphere_window
from kiosk.storage import DataFolder

TOKEN = "A" * 22


@pytest.mark.parametrize(
    ("width", "levels"),
    [
        (256, [(256, None)]),
        (512, [(512, None)]),
        (1024, [(1024, None)]),
        (1408, [(1024, None)]),
        (1536, [(1024, None), (2048, None)]),
        (2048, [(1024, None), (2048, None)]),
        (3456, [(1024, None), (4096, None)]),
        (4096, [(1024, None), (4096, None)]),
        (6000, [(1024, None), (4096, None)]),
        (6144, [(1024, None), (4096, None), (8192, 512)]),
        (8192, [(1024, None), (4096, None), (8192, 512)]),
        (16384, [(1024, None), (4096, None), (8192, 512)]),
    ],
)
def test_levels_are_powers_of_two_near_the_spheres_width(width, levels):
    assert [(level.width, level.tile) for level in levels_for(width)] == levels


def sphere(width):
    lon = np.linspace(-np.pi, np.pi, width, endpoint=False) + np.pi / width
    lat = np.linspace(np.pi / 2, -np.pi / 2, width // 2)
    gray = 127 + 100 * np.sin(3 * lon)[None] * np.cos(lat)[:, None]
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("yaw", [4, 128, 1000])
def test_shrinking_a_turned_sphere_is_turning_the_shrunk_one(yaw):
    picture = sphere(1024)
    assert np.array_equal(shrink(np.roll(picture, yaw, axis=1), 256), np.roll(shrink(picture, 256), yaw // 4, axis=1))


def test_shrinking_is_the_mean_of_the_areas():
    picture = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    mean = picture.reshape(16, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrink(picture, 32) - mean).max() <= 0.5


def test_every_level_is_written_and_its_size_is_told(tmp_path):
    files = PhotoFiles(DataFolder(tmp_path), TOKEN)
    files.folder.mkdir(parents=True)
    images = write_levels(files, sphere(2048))
    assert [(image.name, image.width, image.height, image.tile) for image in images] == [
        ("levels/1024.jpg", 1024, 512, None),
        ("levels/2048.jpg", 2048, 1024, None),
    ]
    for image in images:
        assert cv2.imread(str(files.public(image.name))).shape == (image.height, image.width, 3)


def test_a_sphere_between_two_steps_is_enlarged_to_the_next(tmp_path):
    files = PhotoFiles(DataFolder(tmp_path), TOKEN)
    files.folder.mkdir(parents=True)
    picture = sphere(1792)
    largest = write_levels(files, picture)[-1]
    assert (largest.name, largest.width, largest.height) == ("levels/2048.jpg", 2048, 1024)
    assert np.abs(cv2.imread(str(files.level(2048))).astype(int) - sphere(2048)).mean() < 2


@pytest.fixture(scope="module")
def tiled(tmp_path_factory):
    """The files of a sphere that is cut into tiles, the picture itself, and what is told of the level."""
    files = PhotoFiles(DataFolder(tmp_path_factory.mktemp("tiled")), TOKEN)
    files.folder.mkdir(parents=True)
    picture = sphere(8192)
    return files, picture, write_levels(files, picture)[-1]


def tile(files, level, column, row):
    return cv2.imread(str(files.public(level.name.format(col=column, row=row))))


@pytest.mark.slow
def test_tiles_of_the_largest_level_make_up_the_sphere(tiled):
    files, picture, largest = tiled
    assert (largest.name, largest.tile, largest.overlap) == ("levels/8192/{col}_{row}.jpg", 512, 4)
    rows = [
        np.concatenate([tile(files, largest, column, row)[4:-4, 4:-4] for column in range(16)], axis=1)
        for row in range(8)
    ]
    assert np.abs(np.concatenate(rows).astype(int) - picture).mean() < 2


@pytest.mark.parametrize(("column", "row"), [(0, 3), (15, 3), (5, 0), (5, 7), (0, 0), (15, 7)])
def test_a_tile_reaches_into_its_neighbors_around_the_meridian_and_over_the_poles(tiled, column, row):
    files, picture, largest = tiled
    expected = sphere_window(picture, row * 512 - 4, column * 512 - 4, 520, 520)
    got = tile(files, largest, column, row)
    assert got.shape == (520, 520, 3)
    assert np.abs(got.astype(int) - expected).max() < 8


@pytest.mark.parametrize(("width", "widths"), [(512, [512]), (2048, [1024, 2048]), (8192, [1024, 2048, 4096])])
def test_two_eyes_have_whole_levels_one_over_the_other(tmp_path, width, widths):
    assert eye_widths(width) == widths
    if width > 2048:
        return
    files = PhotoFiles(DataFolder(tmp_path), TOKEN)
    files.folder.mkdir(parents=True)
    left = sphere(width)
    images = write_eyes(files, left, 255 - left)
    assert [(image.width, image.height, image.tile) for image in images] == [(w, w, None) for w in widths]
    with Image.open(files.level(widths[-1])) as level:
        assert np.abs(np.asarray(level).astype(int) - np.concatenate([left, 255 - left])).mean() < 2


def test_beside_a_large_whole_level_lies_a_smaller_file_of_the_same(tmp_path):
    files = PhotoFiles(DataFolder(tmp_path), TOKEN)
    files.folder.mkdir(parents=True)
    write_levels(files, sphere(2048))
    assert sorted(path.name for path in files.levels.iterdir()) == ["1024.jpg", "2048.jpg", "2048.webp"]
    jpeg, webp = (np.asarray(Image.open(files.levels / f"2048.{kind}").convert("RGB")) for kind in ("jpg", "webp"))
    assert np.abs(jpeg.astype(int) - webp).mean() < 2
