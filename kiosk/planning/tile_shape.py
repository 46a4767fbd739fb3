"""Choose the shape of a dream's tiles by measuring.

Large tiles waste little on their halo. Small ones fit the processor's caches, which on a board with slow memory counts
for more. So a few shapes are timed once for each graph, and the result is saved next to the graphs, as the fastest
precision is (kiosk/planning/precision.py). Only on a CPU: a GPU takes the largest tiles, and TensorRT would need
minutes to open each shape.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from kiosk.nets.dreaming.gradient import TileRunner
from kiosk.nets.dreaming.schedule import HALO
from kiosk.nets.dreaming.smooth import shape_gradient
from kiosk.nets.engine.memory import LARGE, SMALLEST_TILE, STEP, bytes_per_pixel, largest_tile
from kiosk.nets.engine.session import available_providers
from kiosk.planning.precision import note_fastest, read_book
from kiosk.planning.timing import timed_picture
from kiosk.recipes.recipe import DreamRecipe

log = logging.getLogger(__name__)

Tile = tuple[int, int]
"""(height, width) of a tile in pixels, its halo included."""
Say = Callable[[float, str], None]
"""Called with the fraction done, 0..1, and what is measured next."""

SHARES = (3 / 7, 4 / 7, 3 / 4)
"""Sides of the square tiles between the smallest and the largest one, as shares of the largest."""
WIDE = 3 / 7
"""Height of the wide tile, which is as wide as the largest, as a share of the largest."""
SECONDS = 4.0
"""Time for all measurements of a graph. What the slowest board cannot measure in it is left out."""
ROUNDS = 2
CLOSE = 1.15
"""Seconds per pixel, relative to the best, up to which a shape is measured again in the next round."""
VISIT = 0.08
"""Seconds of a shape's turn in a round after its first run, which is slower because it takes new memory: small tiles
run several times, large ones at least twice."""
NAME = re.compile("(?P<width>[1-9][0-9]{1,2})x(?P<height>[1-9][0-9]{1,2})")
"""A tile in the book, as `_name` writes it."""
WORTH = 0.95
"""Seconds per pixel, relative to the largest tile, that another one must stay below. Smaller differences are noise, and
a larger tile sees more of the picture."""


def candidates(largest: int, step: int = STEP) -> list[Tile]:
    """The shapes to measure whose sides are multiples of `step` up to `largest` pixels: squares and a wide one.

    The smallest one comes first, then the largest, so that slow boards compare at least these, then the others by area.
    """

    least = -(-SMALLEST_TILE // step) * step
    most = max(least, largest // step * step)

    def side(share: float) -> int:
        return max(least, round(most * share / step) * step)

    between = {(side(share), side(share)) for share in SHARES} | {(side(WIDE), most)}
    ends = [(least, least), (most, most)]
    return list(dict.fromkeys([*ends, *sorted(between, key=math.prod)]))


def known_tile(folder: Path, graph: Path) -> Tile | None:
    """The fastest tile of `graph` as measured earlier; None if it was not, or not on this machine."""
    found = NAME.fullmatch(str(read_book(folder).get(_key(graph), {}).get("fastest")))
    tile = (int(found["height"]), int(found["width"])) if found else (0, 0)
    return tile if min(tile) >= SMALLEST_TILE else None


def fastest_tile(folder: Path, graph: Path, threads: int, say: Say | None = None) -> Tile | None:
    """The fastest tile of the dream graph `graph` with `threads` tiles at a time, measured if it is not known.

    `folder` keeps the measurement. None if it cannot be measured, or on a GPU.
    """
    if available_providers()[0] != "CPUExecutionProvider":
        return None
    if (known := known_tile(folder, graph)) is not None:
        return known
    # As bytes: the prepared graphs of shapes that no dream uses would only fill the card.
    runner = TileRunner(graph.read_bytes(), threads=threads)
    shapes = candidates(largest_tile(LARGE, bytes_per_pixel(graph)), math.lcm(STEP, runner.align))
    seconds = time_tiles(shapes, _timer(runner, threads, shapes), say=say)
    runner.release()
    if not seconds:
        return None
    fastest = choose(seconds)
    listed = ", ".join(f"{_name(tile)} {each:.2f} s" for tile, each in _seconds_per_megapixel(seconds).items())
    log.info("%s is dreamed fastest in tiles of %s here (a megapixel takes: %s)", graph.stem, _name(fastest), listed)
    note_fastest(folder, _key(graph), _name(fastest), {_name(tile): round(each, 5) for tile, each in seconds.items()})
    return fastest


def choose(seconds: Mapping[Tile, float]) -> Tile:
    """The tile that computes the most pixels of the picture per second, or the largest one if no other is WORTH it.
    `seconds`: what each tile takes."""
    each = _seconds_per_megapixel(seconds)
    fastest, largest = min(each, key=lambda tile: each[tile]), max(each, key=math.prod)
    return fastest if each[fastest] < WORTH * each[largest] else largest


def time_tiles(
    shapes: Sequence[Tile],
    run: Callable[[Tile], float | None],
    *,
    clock: Callable[[], float] = time.perf_counter,
    say: Say | None = None,
) -> dict[Tile, float]:
    """The best seconds per tile of each of `shapes`, in SECONDS in all, or a little more if the first two take longer.

    `run(shape)` runs tiles of a shape and returns the seconds of one, None if they do not run here. Shapes are visited
    in rounds, so that other load on the machine affects more than one of them; only the best ones stay for the next
    round. Shapes that would not end in time are left out.
    """
    best: dict[Tile, float] = {}
    lasted: dict[Tile, float] = {}
    started, per_pixel = clock(), 0.0
    for _ in range(ROUNDS):
        for number, shape in enumerate(shapes):
            begun = clock()
            needed = lasted.get(shape, per_pixel * math.prod(shape))
            left = started + SECONDS - begun
            if (number > 1 or shape in lasted) and needed > left:
                continue
            if say:
                say(min(1.0, 1 - left / SECONDS), f"measuring tiles of {_name(shape)}")
            if (taken := _visit(run, shape, clock, started + SECONDS)) is not None:
                best[shape] = min(taken, best.get(shape, math.inf))
            lasted[shape] = clock() - begun
            per_pixel = lasted[shape] / math.prod(shape)
        shapes = _close(best)
    return best


def _close(seconds: Mapping[Tile, float]) -> list[Tile]:
    """The tiles that may still turn out to be the fastest, and the largest one, which they are compared with."""
    each = _seconds_per_megapixel(seconds)
    largest = max(each, key=math.prod, default=None)
    return [tile for tile in each if tile == largest or each[tile] <= CLOSE * min(each.values())]


def _visit(run: Callable[[Tile], float | None], shape: Tile, clock: Callable[[], float], end: float) -> float | None:
    """The best of a few runs of `shape`; None if it does not run. One run if a second would not end before `end`."""
    best = run(shape)
    begun = now = clock()
    runs, each = 0, best or 0.0
    while best is not None and (runs == 0 or now - begun < VISIT) and now + each <= end:
        again = run(shape)
        best = best if again is None else min(best, again)
        runs, now = runs + 1, clock()
        each = (now - begun) / runs
    return best


def _timer(runner: TileRunner, threads: int, shapes: Sequence[Tile]) -> Callable[[Tile], float | None]:
    """A `run` for `time_tiles`: all threads work at a time, because they share memory and caches."""
    side = max(max(shape) for shape in shapes)
    picture = timed_picture(2 * side).astype(np.float32)
    opened: Tile | None = None

    def run(shape: Tile) -> float | None:
        nonlocal opened
        tile = np.ascontiguousarray(picture[: shape[0], : shape[1]])
        taken: list[float] = []

        def job() -> None:
            # Thread time leaves out other processes, and here the wait for the session to open.
            begun = time.thread_time()
            shape_gradient(runner(tile), DreamRecipe.smooth, DreamRecipe.chroma)
            taken.append(time.thread_time() - begun)

        if opened != shape:
            runner.release()
            runner.open_ahead(shape)
            opened = shape
        try:
            runner.each([job] * threads)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (some ONNX Runtime errors derive only from Exception)
            log.warning("tiles of %s do not run here: %s", _name(shape), str(error).partition("\n")[0])
            return None
        return float(np.mean(taken))

    return run


def _seconds_per_megapixel(seconds: Mapping[Tile, float]) -> dict[Tile, float]:
    """What each tile takes for a megapixel of the picture: its halo, which a neighbor computes too, does not count."""
    return {tile: each * 1e6 / math.prod(side - 2 * HALO for side in tile) for tile, each in seconds.items()}


def _key(graph: Path) -> str:
    return f"tiles {graph.stem}"


def _name(tile: Tile) -> str:
    height, width = tile
    return f"{width}x{height}"
