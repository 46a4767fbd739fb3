"""The charts that cover a sphere, seen through a network that answers with its own input."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.nets.dreaming.sphere_charts import CAP_REACH, PHASE, FlatChart, Shift, SphereCharts
from kiosk.nets.dreaming.tiling import tile_shapes
from kiosk.sphere import polar


def smooth_sphere(width: int) -> np.ndarray:
    """A picture that is smooth on the sphere: its channels are the x, y and z of each direction, float32 -1..1."""
    longitude = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    latitude = (0.5 - (np.arange(width // 2) + 0.5) / (width // 2))[:, None] * np.pi
    x, z = np.cos(latitude) * np.sin(longitude), np.cos(latitude) * np.cos(longitude)
    return np.stack([x, np.broadcast_to(np.sin(latitude), x.shape), z], -1).astype(np.float32)


@pytest.mark.parametrize("width", [256, 512, 1024])
@pytest.mark.parametrize("phase", [(0, 0), (-PHASE, PHASE - 1), (5, -7)])
@pytest.mark.parametrize("turn", [0, 77])
def test_a_network_that_answers_with_its_input_gives_the_picture_back(
    width: int, phase: tuple[int, int], turn: int
) -> None:
    picture = smooth_sphere(width)
    (tile,) = tile_shapes([SphereCharts.extents(width)], 1, 16, 320)
    charts = SphereCharts(width, tile, 16)
    answer = np.full_like(picture, np.nan)
    charts.gradient(picture, answer, np.copy, Shift(phase, turn, roll=turn // 5))
    # The caps are resampled there and back; the band is copied.
    assert np.abs(answer - picture).max() < 0.02
    band = slice(int(width / 2 * 55 / 180), int(width / 2 * 125 / 180))
    np.testing.assert_array_equal(answer[band], picture[band])


def test_every_tile_has_the_one_shape_a_session_is_opened_with() -> None:
    shapes = set()

    def run(tile: np.ndarray) -> np.ndarray:
        shapes.add(tile.shape)
        return tile.copy()

    charts = SphereCharts(512, (192, 208), 32)
    count = 0

    def counting(tile: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        return run(tile)

    picture = smooth_sphere(512)
    charts.gradient(picture, np.empty_like(picture), counting, Shift((3, -4), 50))
    assert shapes == {(192, 208, 3)}
    assert count == charts.tiles


@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 211), (300, 200)])
def test_plain_pictures_of_any_size_are_covered(height: int, width: int) -> None:
    picture = np.random.default_rng(0).random((height, width, 3), np.float32)
    (tile,) = tile_shapes([[(height, width)]], 1, 16, 128)
    chart = FlatChart(width, height, tile, 16)
    answer = np.empty_like(picture)
    chart.gradient(picture, answer, np.copy, Shift((-8, 7)))
    np.testing.assert_array_equal(answer, picture)


def test_caps_held_one_by_one_make_no_difference() -> None:
    picture = smooth_sphere(512)
    answers = []
    for one_by_one in (False, True):
        charts = SphereCharts(512, (160, 224), 16, one_by_one=one_by_one)
        answers.append(np.full_like(picture, np.nan))
        charts.gradient(picture, answers[-1], np.square, Shift((3, -4), 50, roll=9))
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("south", [False, True])
def test_a_part_of_a_cap_is_the_same_whether_drawn_at_once_or_in_parts(
    south: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.random.default_rng(0).random((256, 512, 3), np.float32)
    drawn = []
    for beside in (1e9, 2):
        monkeypatch.setattr(polar, "BESIDE", beside)
        monkeypatch.setattr(polar, "SMALLEST", 16)
        cap = polar.PolarCap(512, CAP_REACH, margin=16)
        drawn.append(cap.extract(picture, south, 9, -16, -16, cap.side, cap.side))
    np.testing.assert_allclose(*drawn, atol=2e-3)  # positions are exact to 1/32 pixel of each part's own


def test_sharpening_takes_off_what_linear_interpolation_softens() -> None:
    """A blob's variance grows by 1/6 square pixel when it is read between its pixels, on average over all offsets."""
    y, x = np.mgrid[-20:21, -20:21].astype(np.float32)
    blob = np.repeat(np.exp(-(x * x + y * y) / 18)[..., None], 3, axis=2)

    def variance(chart: np.ndarray, offset: float) -> float:
        columns = (x + 20 + offset).astype(np.float32)
        read = cv2.remap(chart, columns, y + 20, cv2.INTER_LINEAR)[..., 0].astype(np.float64)
        return float((read * (x + offset) ** 2).sum() / read.sum())

    offsets = (np.arange(16) + 0.5) / 16
    softened = np.mean([variance(blob, offset) for offset in offsets])
    sharpened = np.mean([variance(polar.sharpen(blob), offset) for offset in offsets])
    assert softened - variance(blob, 0) == pytest.approx(1 / 6, rel=0.05)
    assert sharpened == pytest.approx(variance(blob, 0), abs=0.01)
