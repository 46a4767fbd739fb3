"""Choosing the shape of tiles by their speed, on processors that are formulas and a clock that they move."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from kiosk.nets.engine.memory import SMALLEST_TILE, STEP
from kiosk.planning import tile_shape
from kiosk.planning.tile_shape import Tile, candidates, choose, time_tiles

SHAPES = candidates(336)


class Processor:
    """Runs a tile in the seconds of a formula. `now` is its clock."""

    def __init__(self, seconds: Callable[[Tile], float | None]) -> None:
        self.seconds, self.now = seconds, 0.0
        self.ran: list[Tile] = []

    def run(self, shape: Tile) -> float | None:
        self.ran.append(shape)
        taken = self.seconds(shape)
        self.now += taken or 0.0
        return taken

    def timed(self, shapes: list[Tile] = SHAPES) -> dict[Tile, float]:
        return time_tiles(shapes, self.run, clock=lambda: self.now)


def server(shape: Tile) -> float:
    """Every pixel takes the same time."""
    return math.prod(shape) * 5e-7


def small_cache(shape: Tile) -> float:
    """Pixels beyond a cache of 150 x 150 take four times as long."""
    return (math.prod(shape) + 3 * max(0, math.prod(shape) - 150 * 150)) * 5e-7


def few_rows(shape: Tile) -> float:
    """A cache of 160 rows, and a price for every row."""
    return (math.prod(shape) + 2 * shape[1] * max(0, shape[0] - 160) + 200 * shape[0]) * 5e-7


@pytest.mark.parametrize("step", [STEP, 32])
@pytest.mark.parametrize("largest", [96, 112, 160, 208, 256, 336])
def test_the_shapes_are_a_few_squares_and_a_wide_one_within_the_limit(largest: int, step: int) -> None:
    shapes = candidates(largest, step)
    most = largest // step * step
    assert len(set(shapes)) == len(shapes) <= 6
    assert {(SMALLEST_TILE, SMALLEST_TILE), (most, most)} <= set(shapes)
    assert all(SMALLEST_TILE <= side <= most and side % step == 0 for shape in shapes for side in shape)
    if largest > 200:
        assert len(shapes) >= 4
        assert any(width >= 2 * height for height, width in shapes)


@pytest.mark.parametrize(
    ("seconds", "fastest"), [(server, (336, 336)), (small_cache, (144, 144)), (few_rows, (144, 336))]
)
def test_the_fastest_shape_of_a_processor_is_found(seconds: Callable[[Tile], float], fastest: Tile) -> None:
    processor = Processor(seconds)
    assert choose(processor.timed()) == fastest
    assert processor.now <= tile_shape.SECONDS


def test_pixels_of_the_halo_do_not_count() -> None:
    # Per pixel of the tile the smallest is the fastest, but of its pixels three in ten are its neighbors'.
    def seconds(shape: Tile) -> float:
        return server(shape) * (0.85 if shape[0] == SMALLEST_TILE else 1)

    assert choose(Processor(seconds).timed()) == (336, 336)


@pytest.mark.parametrize(("faster", "fastest"), [(0.97, (336, 336)), (0.85, (256, 256))])
def test_a_smaller_tile_is_taken_only_where_it_is_clearly_faster(faster: float, fastest: Tile) -> None:
    assert choose(Processor(lambda shape: server(shape) * (faster if shape == (256, 256) else 1)).timed()) == fastest


def test_a_shape_that_another_process_slowed_down_once_is_not_misjudged() -> None:
    runs: list[Tile] = []

    def seconds(shape: Tile) -> float:
        runs.append(shape)
        return server(shape) * (3 if runs.count(shape) == 1 else 1)

    assert choose(Processor(seconds).timed()) == (336, 336)


@pytest.mark.parametrize("slow", [5, 20, 80])
def test_a_slow_board_measures_what_fits_into_the_time(slow: float) -> None:
    processor = Processor(lambda shape: small_cache(shape) * slow)
    seconds = processor.timed()
    longest = max(small_cache(shape) * slow for shape in SHAPES[:2])
    assert set(SHAPES[:2]) <= set(seconds)
    assert processor.now <= tile_shape.SECONDS + 2 * longest
    assert choose(seconds) in ((144, 144), SHAPES[0])


def test_shapes_that_do_not_run_are_left_out() -> None:
    processor = Processor(lambda shape: None if shape[1] > 200 else server(shape))
    assert choose(processor.timed()) == (192, 192)
    assert processor.ran.count((336, 336)) == 1
    assert Processor(lambda _: None).timed() == {}


def test_what_is_measured_is_said() -> None:
    said: list[tuple[float, str]] = []
    processor = Processor(server)
    time_tiles(SHAPES, processor.run, clock=lambda: processor.now, say=lambda *at: said.append(at))
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert (said[0][1], said[1][1]) == ("measuring tiles of 96x96", "measuring tiles of 336x336")
