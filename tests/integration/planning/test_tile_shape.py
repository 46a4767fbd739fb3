"""The fastest tile of a real graph: measured once per machine and graph, kept with it, and put into plans."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import BadInput
from kiosk.forge.build import GraphSpec, ensure_graph
from kiosk.nets.dreaming.dream import dream
from kiosk.planning import precision, tile_shape
from kiosk.planning.machine import Machine
from kiosk.planning.precision import BOOK
from kiosk.planning.tile_shape import Tile, fastest_tile, known_tile
from kiosk.planning.timing import timed_picture
from kiosk.recipes.photo import PhotoRecipe
from kiosk.recipes.recipe import DreamRecipe, UpscaleRecipe

RECIPE = DreamRecipe(layers=(("fire4", 1.0),), width=256, octaves=1, iterations=1, precision="fp32")
WISH = PhotoRecipe(RECIPE, UpscaleRecipe(scale=1, precision="fp32", engine="onnxruntime"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    ensure_graph(folder, GraphSpec("squeezenet", "fp32", RECIPE.layers))
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "graphs"))


@pytest.fixture
def graph(folder: Path) -> Path:
    return ensure_graph(folder, GraphSpec("squeezenet", "fp32", RECIPE.layers))


class FakeCache:
    """Makes tiles of up to `side` x `side` pixels fast, and counts how often tiles are measured."""

    def __init__(self, side: int) -> None:
        self.side, self.measured = side, 0

    def timer(self, *_: object) -> object:
        self.measured += 1
        return lambda shape: math.prod(shape) * (1e-6 if math.prod(shape) <= self.side**2 else 3e-6)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> FakeCache:
    cache = FakeCache(150)
    monkeypatch.setattr(tile_shape, "_timer", cache.timer)
    # The fake runs take no time: each turn would repeat them until its time is over.
    monkeypatch.setattr(tile_shape, "VISIT", 0)
    return cache


@pytest.mark.slow
def test_real_tiles_are_measured_and_all_of_them_are_in_the_book(folder: Path, graph: Path) -> None:
    said: list[float] = []
    tile = fastest_tile(folder, graph, 2, lambda fraction, _: said.append(fraction))
    (book,) = json.loads((folder / BOOK).read_text()).values()
    (entry,) = book.values()
    assert 2 <= len(entry["seconds"]) <= 6
    assert entry["fastest"] in entry["seconds"]
    assert all(seconds > 0 for seconds in entry["seconds"].values())
    assert tile == known_tile(folder, graph)
    assert said
    assert not (folder / "prepared").exists(), "shapes that no dream uses fill the card"


def test_the_fastest_tile_is_kept(folder: Path, graph: Path, cache: FakeCache) -> None:
    assert known_tile(folder, graph) is None
    for _ in range(2):
        assert fastest_tile(folder, graph, 2) == known_tile(folder, graph) == (144, 144)
    assert cache.measured == 1


def test_another_graph_is_measured_for_itself(folder: Path, graph: Path, cache: FakeCache) -> None:
    fastest_tile(folder, graph, 2)
    newer = graph.with_stem(f"{graph.stem}-newer")
    shutil.copy(graph, newer)
    cache.side = 1000
    assert fastest_tile(folder, newer, 2) == (336, 336)
    assert (cache.measured, known_tile(folder, graph)) == (2, (144, 144))


@pytest.mark.parametrize("damage", ["machine", "name", "small", "entry", "file"])
def test_what_is_not_of_this_machine_or_damaged_is_measured_again(
    folder: Path, graph: Path, cache: FakeCache, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    fastest_tile(folder, graph, 2)
    book = json.loads((folder / BOOK).read_text())
    (entry,) = (entries := next(iter(book.values()))).values()
    if damage == "machine":
        # Its name has the processor, the number of cores, and ONNX Runtime's version.
        monkeypatch.setattr(precision, "machine", lambda: "another x4, ONNX Runtime 9.9")
    elif damage in ("name", "small"):
        entry["fastest"] = "8192x8192" if damage == "name" else "10x10"
    elif damage == "entry":
        entries[next(iter(entries))] = {}
    (folder / BOOK).write_text(json.dumps(book) if damage != "file" else "{")
    cache.side = 100
    assert known_tile(folder, graph) is None
    assert fastest_tile(folder, graph, 2) == (96, 96)
    assert cache.measured == 2


def test_a_graph_that_does_not_run_leaves_the_choice_open(
    folder: Path, graph: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no kernel\nfor this")

    monkeypatch.setattr("kiosk.nets.dreaming.gradient.TileRunner.__call__", broken)
    assert fastest_tile(folder, graph, 2) is None
    assert not (folder / BOOK).exists()
    assert "do not run here: no kernel" in caplog.text


def test_a_graphics_card_takes_the_largest_tiles(
    folder: Path, graph: Path, cache: FakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_shape, "available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert fastest_tile(folder, graph, 1) is None
    assert cache.measured == 0


def test_a_plan_has_the_tile_and_a_guest_never_waits_for_its_measurement(
    folder: Path, tmp_path: Path, cache: FakeCache
) -> None:
    machine = Machine(folder, tmp_path / "speed.json")
    machine.measure_waiting()
    assert machine.settle(WISH, 600).recipe.dream.tile is None
    assert cache.measured == 0
    machine.measure_waiting()
    machine.measure_waiting()
    assert cache.measured == 1
    assert machine.settle(WISH, 600).recipe.dream.tile == (144, 144)
    own = PhotoRecipe(dataclasses.replace(RECIPE, tile=(96, 336)), WISH.upscale)
    assert machine.settle(own, 600).recipe.dream.tile == (96, 336)
    assert machine.with_fastest_tile(own.dream) == own.dream


def test_a_guided_dream_has_the_tile_of_the_same_layers(folder: Path, tmp_path: Path, cache: FakeCache) -> None:
    machine = Machine(folder, tmp_path / "speed.json")
    guided = dataclasses.replace(RECIPE, guide="0" * 64)
    assert machine.with_fastest_tile(guided) == dataclasses.replace(guided, tile=(144, 144))
    assert machine.with_known_tile(RECIPE).tile == (144, 144)


def test_a_limit_of_memory_is_kept_while_measuring(
    folder: Path, tmp_path: Path, cache: FakeCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    monkeypatch.setattr(tile_shape, "_timer", lambda runner, n, shapes: threads.append(n) or cache.timer())
    machine = Machine(folder, tmp_path / "speed.json")
    assert machine.with_fastest_tile(RECIPE, memory_mb=200, threads=4).tile is None
    assert machine.with_fastest_tile(RECIPE, memory_mb=350, threads=4).tile == (144, 144)
    assert threads == [2]


def test_a_dream_is_made_in_tiles_within_its_recipes(graph: Path) -> None:
    photo = timed_picture(256)

    def dreamed(tile: Tile | None) -> tuple[np.ndarray, int]:
        result = dream(photo, dataclasses.replace(RECIPE, tile=tile), graph)
        assert result.recipe.tile == tile
        return result.picture, result.octaves[0]["tiles"]

    (free, few), (same, _), (small, many) = dreamed(None), dreamed((336, 336)), dreamed((96, 96))
    assert np.array_equal(free, same)
    assert many > few
    assert not np.array_equal(free, small)
    with pytest.raises(BadInput):
        dreamed((8, 8))
