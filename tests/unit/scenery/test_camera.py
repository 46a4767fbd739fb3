"""The virtual camera's photo is seamless, reproducible, and follows the sun."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.capture.virtual_camera import VirtualCamera
from kiosk.errors import BadInput
from kiosk.scenery.camera import photograph, view
from kiosk.scenery.scenes import SCENES, make_scene
from kiosk.scenery.shared.daylight import daylight
from kiosk.scenery.shared.noise import Noise

WIDTH = 512


@pytest.fixture(scope="module", params=list(SCENES))
def photo(request) -> tuple[str, np.ndarray]:
    return request.param, photograph(make_scene(request.param, 7, 18.3), WIDTH)


@pytest.mark.slow
def test_it_is_a_full_sphere_of_many_colors(photo):
    _, picture = photo
    assert picture.shape == (WIDTH // 2, WIDTH, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 35
    assert len(np.unique(picture.reshape(-1, 3) // 8, axis=0)) > 1000


@pytest.mark.slow
def test_the_same_seed_and_time_give_the_same_bytes_whatever_the_threads(photo):
    name, picture = photo
    again = photograph(make_scene(name, 7, 18.3), WIDTH, threads=3)
    np.testing.assert_array_equal(again, picture)


def test_left_and_right_edge_are_neighbors(photo):
    _, picture = photo
    jumps = np.abs(picture.astype(float) - np.roll(picture, 1, axis=1)).mean(axis=(0, 2))
    assert jumps[0] <= 1.25 * np.median(jumps[[*range(-12, 0), *range(1, 13)]])


@pytest.mark.parametrize("row", [0, -1], ids=["zenith", "nadir"])
def test_the_rows_at_the_poles_are_nearly_one_color(photo, row):
    _, picture = photo
    assert np.ptp(picture[row].astype(int), axis=0).max() <= 40
    assert picture[row].std(axis=0).max() < 10


@pytest.mark.parametrize("pitch", [90, -90])
def test_a_view_straight_up_or_down_shows_no_rays_from_the_pole(pitch):
    scene = make_scene("plaza", 7, 18.3)
    patch = view(scene, 0, pitch, 60, 128, 128).astype(float).mean(-1)
    c = np.arange(128) - 63.5
    radius = np.hypot(c[:, None], c[None])
    near = (radius < 48) & (radius > 4)
    gy, gx = np.gradient(patch)
    radial = (gx * c[None] + gy * c[:, None]) / np.maximum(radius, 1)
    tangential = (-gx * c[:, None] + gy * c[None]) / np.maximum(radius, 1)
    assert (tangential[near] ** 2).mean() < 6 * (radial[near] ** 2).mean() + 1


@pytest.mark.slow
def test_the_light_changes_with_the_time_of_day():
    noon, dusk, night = (photograph(make_scene("plaza", 7, hour), 128).astype(float) for hour in (12.5, 18.4, 0.5))
    assert noon.mean() > night.mean() + 40
    warmth = [picture[16:36, :, 0].mean() - picture[16:36, :, 2].mean() for picture in (noon, dusk)]
    assert warmth[1] > warmth[0] + 8


@pytest.mark.slow
def test_another_seed_is_another_sky():
    one, other = (photograph(make_scene("plaza", seed, 18.3), 128).astype(float) for seed in (1, 2))
    assert np.abs(one - other)[:30].mean() > 5


@pytest.mark.parametrize(("hour", "low", "high"), [(12, 60, 70), (18, 5, 15), (0, 20, 40), (24 + 12, 60, 70)])
def test_the_sun_stands_where_it_should_and_the_moon_at_night(hour, low, high):
    light = daylight(hour)
    elevation = np.degrees(np.arcsin(light.sun[1]))
    assert low < elevation < high
    assert abs(float(np.linalg.norm(light.sun)) - 1) < 1e-5
    assert (light.night > 0.5) == (hour == 0)


def test_noise_is_periodic_and_fades_with_the_footprint():
    noise = Noise(3)
    u = np.linspace(0, 1, 4096, dtype=np.float32)
    v = np.full_like(u, 0.4)
    np.testing.assert_allclose(noise.sample(u, v), noise.sample(u + 1, v + 2), atol=0.02)
    assert noise.sample(u, v, 0.1).std() < 0.6 * noise.sample(u, v, 0.0).std()


def test_progress_goes_from_nothing_to_all():
    told: list[float] = []
    photograph(make_scene("plaza", 7, 12), 128, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("width", [0, 63, 129, 20000])
def test_an_impossible_width_is_refused(width):
    with pytest.raises(BadInput, match="even number"):
        photograph(make_scene("plaza", 7, 12), width)


def test_an_unknown_scene_is_refused_with_the_list():
    with pytest.raises(BadInput, match="plaza"):
        make_scene("moon", 1, 1)


@pytest.mark.slow
def test_as_a_source_it_gives_spheres_that_differ():
    camera = VirtualCamera(width=128)
    camera.open()
    first, second = camera.capture(), camera.capture()
    camera.close()
    assert first.picture is not None
    assert second.picture is not None
    assert np.abs(first.picture.astype(int) - second.picture).mean() > 3
    assert b"equirectangular" in first.source()
