"""Longitudes and latitudes of pixels."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.sphere.grid import colatitude, latitude, longitude


def test_four_columns_and_two_rows() -> None:
    np.testing.assert_allclose(np.degrees(longitude(np.arange(4), 4)), [-135, -45, 45, 135])
    np.testing.assert_allclose(np.degrees(latitude(np.arange(2), 2)), [45, -45])
    np.testing.assert_allclose(np.degrees(colatitude(np.arange(2), 2)), [45, 135])
    np.testing.assert_array_equal(colatitude(np.arange(2), 2, nadir=180), [45, 135])


@pytest.mark.parametrize("width", [64, 352, 1000, 2048])
def test_east_mirrors_west_and_north_mirrors_south(width: int) -> None:
    for lon in (longitude(np.arange(width), width), latitude(np.arange(width), width)):
        np.testing.assert_allclose(lon, -lon[::-1], rtol=0, atol=1e-15)


def test_the_edges_of_the_picture_are_the_meridian_and_the_poles() -> None:
    assert (longitude(-0.5, 512), longitude(511.5, 512)) == (-np.pi, np.pi)
    assert (latitude(-0.5, 256), latitude(255.5, 256)) == (np.pi / 2, -np.pi / 2)
    assert (colatitude(-0.5, 256), colatitude(255.5, 256, nadir=180)) == (0, 180)


def test_the_type_of_floats_is_kept() -> None:
    assert longitude(np.arange(8, dtype=np.float32), 8).dtype == np.float32
    assert latitude(np.arange(8), 8).dtype == np.float64
