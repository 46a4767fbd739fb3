"""The viewer's levels of a sphere."""

import cv2
import numpy as np
import pytest

from kiosk.library.files import PhotoFiles
from kiosk.pipeline.levels import levels_for, shrink, write_levels
from kiosk.storage import DataFolder

TOKEN = "A" * 22


@pytest.mark.parametrize(
    ("width", "levels"),
    [
        (512, [(512, None)]),
        (1024, [(1024, None)]),
        (1408, [(1024, None), (1408, None)]),
        (4096, [(1024, None), (2048, None), (4096, None)]),
        (8192, [(1024, None), (2048, None), (4096, None), (8192, 1024)]),
        (16384, [(1024, None), (2048, None), (4096, None), (8192, 1024)]),
        (6000, [(1024, None), (2048, None), (4096, None)]),
    ],
)
def test_levels_go_up_to_the_sphere_and_no_further(width, levels):
    assert [(level.width, level.tile) for level in levels_for(width)] == levels


def sphere(width):
    lon = np.linspace(-np.pi, np.pi, width, endpoint=False) + np.pi / width
    lat = np.linspace(np.pi / 2, -np.pi / 2, width // 2)
    grey = 127 + 100 * np.sin(3 * lon)[None] * np.cos(lat)[:, None]
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


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


def test_tiles_of_the_largest_level_make_up_the_sphere(tmp_path):
    files = PhotoFiles(DataFolder(tmp_path), TOKEN)
    files.folder.mkdir(parents=True)
    picture = sphere(8192)
    largest = write_levels(files, picture)[-1]
    assert (largest.name, largest.tile) == ("levels/8192/{col}_{row}.jpg", 1024)
    rows = [
        np.concatenate([cv2.imread(str(files.public(largest.name.format(col=c, row=r)))) for c in range(8)], axis=1)
        for r in range(4)
    ]
    assert np.abs(np.concatenate(rows).astype(int) - picture).mean() < 2
