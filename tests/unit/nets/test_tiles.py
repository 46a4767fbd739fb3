"""Tiles of one shape, and the weights of their squeezes."""

import numpy as np
import pytest

from kiosk.nets.enlarging.tiles import tile_grid
from kiosk.nets.enlarging.whole_picture_means import position_weights


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 300), (128, 256), (129, 257), (1000, 37)])
@pytest.mark.parametrize("align", [1, 2, 4])
@pytest.mark.parametrize("square", [False, True])
def test_every_pixel_is_in_one_tile(height, width, align, square):
    grid = tile_grid(height, width, 128, align=align, square=square)
    seen = np.zeros((grid.rows * grid.tile[0], grid.columns * grid.tile[1]), int)
    for top, left in grid:
        assert top % align == 0 == left % align
        seen[top : top + grid.tile[0], left : left + grid.tile[1]] += 1
    assert (seen == 1).all()
    assert seen.shape[0] - height < grid.tile[0]
    assert max(grid.tile) <= 128
    if square:
        assert grid.tile[0] == grid.tile[1]


def test_a_picture_a_little_wider_than_a_tile_is_halved():
    assert tile_grid(100, 130, 128).tile == (100, 65)


@pytest.mark.parametrize("pitch", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("extent", [3, 64, 100])
@pytest.mark.parametrize("sphere", [False, True])
def test_tiles_share_out_the_weight_of_the_whole(pitch, extent, sphere):
    def total(tile):
        grid = tile_grid(extent, extent, tile, align=4)
        positions = int((grid.tile[0] + 2 * 8) / pitch)
        return sum(
            position_weights(top, grid.tile[0], positions, pitch, extent, sphere=sphere, latitude=False).sum()
            for top, left in grid
            if left == 0
        )

    if sphere:
        assert total(32) == pytest.approx(extent / pitch)
    # On a plain picture the edge tiles count what they have of the border.
    assert total(32) == pytest.approx(total(128))


def test_rows_of_a_sphere_count_by_their_solid_angle():
    weights = position_weights(0, 64, 64, 1, 64, sphere=True, latitude=True)
    assert weights[0] < 0.05 < 0.99 < weights[32]
