"""What the kiosk remembers of this machine's speed."""

import json
import math

import pytest

from kiosk.planning.plan import Speeds
from kiosk.planning.speed import GUESS_PER_CORE, SpeedBook, machine


@pytest.fixture
def path(tmp_path):
    return tmp_path / "speed.json"


def test_nothing_measured_is_a_guess(path):
    assert SpeedBook(path).speeds("a", "b").publish == GUESS_PER_CORE.publish


def test_a_measurement_outlives_the_process(path):
    book = SpeedBook(path)
    book.note("dream", "net-int8", 30, 10)
    book.note("upscale", "photo-int8", 8, 4)
    book.save()
    again = SpeedBook(path)
    assert again.knows("dream", "net-int8")
    assert (again.speeds("net-int8", "photo-int8").dream, again.speeds("net-int8", "photo-int8").upscale) == (3, 2)


def test_each_run_moves_it_half_way(path):
    book = SpeedBook(path)
    for megapixels in (20, 40):
        book.note("dream", "net", megapixels, 10)
    assert book.speeds("net", "").dream == 3


def test_an_unmeasured_graph_counts_as_the_slowest_measured(path):
    book = SpeedBook(path)
    book.note("dream", "one", 10, 10)
    book.note("dream", "two", 50, 10)
    assert book.speeds("three", "").dream == 1


@pytest.mark.parametrize(("megapixels", "seconds"), [(0, 1), (1, 0), (1, -1)])
def test_a_senseless_measurement_is_not_noted(path, megapixels, seconds):
    book = SpeedBook(path)
    book.note("dream", "net", megapixels, seconds)
    assert not book.knows("dream", "net")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"machine": "another", "dream": {"net": 9}, "upscale": {}, "publish": {}}',
        '{"machine": 1}',
    ],
)
def test_a_damaged_or_foreign_file_counts_as_empty(path, text):
    path.write_text(text)
    assert not SpeedBook(path).knows("dream", "net")


@pytest.mark.parametrize("kind", ["dream", "upscale", "publish"])
@pytest.mark.parametrize(
    "damage", [{"net": "fast"}, {"net": None}, {"net": -1}, {"net": 0}, {"net": math.inf}, [], None]
)
def test_a_book_that_is_damaged_anywhere_is_not_believed_in_part(path, kind, damage):
    whole = {"machine": machine(), "dream": {"net": 9.0}, "upscale": {"net": 9.0}, "publish": {"": 9.0}}
    path.write_text(json.dumps(whole))
    assert SpeedBook(path).speeds("net", "net") == Speeds(9, 9, 9)
    path.write_text(json.dumps({**whole, kind: damage}))
    guessed = SpeedBook(path.with_name("none")).speeds("net", "net")
    assert SpeedBook(path).speeds("net", "net") == guessed
    whole.pop(kind)
    path.write_text(json.dumps(whole))
    assert SpeedBook(path).speeds("net", "net") == guessed
