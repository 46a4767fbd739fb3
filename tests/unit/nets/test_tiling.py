"""Cutting charts into tiles, and choosing the shape of the tiles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kiosk.nets.dreaming.sphere_charts import SphereCharts
from kiosk.nets.dreaming.tiling import PER_SESSION, PER_TILE, STEP, cut, shares, tile_shapes, tile_work


@pytest.mark.parametrize(("length", "tile", "halo"), [(100, 64, 8), (48, 64, 8), (577, 160, 32), (1, 64, 8)])
def test_cores_of_tiles_cover_the_whole_length(length: int, tile: int, halo: int) -> None:
    covered = np.zeros(length, bool)
    for begin in cut(length, tile, halo):
        covered[max(0, begin + halo) : begin + tile - halo] = True
    assert covered.all()
    assert cut(length, tile, halo)[0] == -halo


@pytest.mark.parametrize(("length", "tile", "halo"), [(100, 64, 8), (48, 64, 8), (577, 160, 32), (1, 64, 8)])
@pytest.mark.parametrize("phase", [0, -8, 7])
def test_each_place_belongs_to_one_tile_that_sees_its_surroundings(
    length: int, tile: int, halo: int, phase: int
) -> None:
    parts = shares(length, tile, halo, phase)
    assert [first for _, first, _ in parts] == [0, *(last for _, _, last in parts[:-1])]
    assert parts[-1][2] == length
    for begin, first, last in parts:
        # At the ends of the length it sees less where the tiles are moved outwards, and more on the other side.
        assert begin + halo <= first + (max(0, phase) if first == 0 else 0)
        assert last <= begin + tile - halo + (max(0, -phase) if last == length else 0)
        assert begin <= first < last <= begin + tile


def test_borders_between_tiles_move_with_them() -> None:
    borders = {phase: [last for *_, last in shares(577, 160, 8, phase)[:-1]] for phase in (0, 5)}
    assert [border + 5 for border in borders[0]] == borders[5]


@pytest.mark.parametrize("shape", [(64, 64), (112, 240), (320, 336)])
def test_the_work_is_that_of_the_tiles_two_at_a_time(shape: tuple[int, int]) -> None:
    extents = SphereCharts.extents(1024)
    tiles = sum(math.prod(len(cut(n, side, 16)) for n, side in zip(chart, shape, strict=True)) for chart in extents)
    assert tile_work(extents, shape, 16) == math.ceil(tiles / 2) * 2 * (math.prod(shape) + PER_TILE)


@pytest.mark.parametrize("width", [256, 704, 1024, 2048, 8192])
def test_no_square_tile_makes_less_work_than_the_one_chosen(width: int) -> None:
    extents = SphereCharts.extents(width)
    (shape,) = tile_shapes([extents], 10, 16, 384)
    assert all(side % STEP == 0 and side <= 384 for side in shape)
    assert tile_work(extents, shape, 16) <= min(tile_work(extents, (side, side), 16) for side in range(64, 385, STEP))


def test_another_shape_is_taken_only_where_it_saves_more_than_its_session_costs() -> None:
    octaves = [SphereCharts.extents(width) for width in (384, 512, 704, 1024)]
    alone = [tile_shapes([extents], 10, 16, 384)[0] for extents in octaves]

    def cost(shapes: list[tuple[int, int]]) -> float:
        changes = sum(a != b for a, b in zip(shapes[1:], shapes, strict=False))
        return 10 * sum(map(tile_work, octaves, shapes, [16] * 4)) + changes * PER_SESSION

    chosen = tile_shapes(octaves, 10, 16, 384)
    assert cost(chosen) <= cost(alone)
    assert all(cost(chosen) <= cost([shape] * 4) for shape in alone)


@pytest.mark.parametrize("within", [(144, 336), (96, 96), (64, 4096)])
def test_tiles_stay_within_a_height_and_a_width(within: tuple[int, int]) -> None:
    octaves = [SphereCharts.extents(width) for width in (704, 1024, 2048)]
    for height, width in tile_shapes(octaves, 10, 8, 336, within=within):
        assert height <= within[0]
        assert width <= min(336, within[1])
    assert tile_shapes(octaves, 10, 8, 336, within=(336, 336)) == tile_shapes(octaves, 10, 8, 336)


def test_where_a_network_takes_no_tile_that_is_small_enough_its_smallest_is_taken() -> None:
    assert tile_shapes([[(240, 480)]], 10, 8, 112, 128, (96, 336)) == [(256, 256)]


def test_a_picture_smaller_than_a_tile_is_one_tile() -> None:
    assert tile_shapes([[(1, 1)]], 10, 16, 384) == [(64, 64)]


def test_tiles_have_the_sizes_that_a_network_takes() -> None:
    octaves = [[(176, 352)], [(240, 480)], [(336, 672)]]
    assert all(side % 32 == 0 for shape in tile_shapes(octaves, 10, 8, 336, 32) for side in shape)
