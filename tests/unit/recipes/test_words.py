"""The suggested words, what guests type for them, and the styles that dreams of words are kept under."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from kiosk.cli.words import words
from kiosk.errors import BadInput
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Word
from kiosk.recipes.classes import find_class, find_mix
from kiosk.recipes.from_wishes import recipe_for_classes, recipe_for_style
from kiosk.recipes.recipe import check_numbers
from kiosk.recipes.words import LONGEST, MOST_WORDS, classes_of, named_style, style_for_words, word_of
from kiosk.storage import DataFolder

WORDS = catalog.load().words
each_word = pytest.mark.parametrize("word", WORDS, ids=lambda word: word.title)


def test_there_are_forty_different_words() -> None:
    assert len({word.number for word in WORDS}) == len(WORDS) == 40
    for language in ("de", "es", "fr", "ja"):
        assert len({word.titles[language] for word in WORDS}) == 40


@each_word
def test_its_titles_are_understood_in_every_language(word: Word) -> None:
    for title in (word.title, *word.titles.values()):
        assert find_class(title).number == word.number
        assert find_mix(title.upper()) == {word.number: 1.0}


@each_word
def test_its_thumbnail_is_small_and_square(word: Word) -> None:
    assert word.thumbnail.stat().st_size <= 12_000
    with Image.open(word.thumbnail) as image:
        assert image.size == (256, 256)


def test_the_longest_mix_of_titles_can_be_typed() -> None:
    for language in ("de", "es", "fr", "ja"):
        longest = sorted((word.titles[language] for word in WORDS), key=len)[-MOST_WORDS:]
        assert len(" + ".join(longest)) <= LONGEST


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("a lion and daisies", (291, 985)),
        ("Löwe und Gänseblümchen", (291, 985)),
        ("ein Löwe, die Gänseblümchen", (291, 985)),
        ("lowe + ganseblumchen", (291, 985)),
        ("Löwen und Schmetterlinge", (291, 323)),
        ("un león y la margarita", (291, 985)),
        ("L'éléphant et le château", (386, 483)),
        ("ライオンとヒナギク", (291, 985)),
        ("ライオン、金魚", (291, 1)),
        ("Katze, Eule + zebra", (281, 24, 340)),
    ],
)
def test_mixes_are_understood_in_every_language(typed: str, numbers: tuple[int, ...]) -> None:
    assert classes_of(style_for_words(typed).name) == numbers


@pytest.mark.parametrize("typed", ["lion and daisy", "lion + daisy:0.5", "teapot", "peacock", "lion:3 + bee:0.01"])
def test_the_style_of_words_dreams_as_the_words_do(typed: str) -> None:
    style = style_for_words(typed)
    assert len(style.name) <= 40
    assert named_style(style.name) == style
    assert recipe_for_style(style.name) == recipe_for_classes(typed)
    check_numbers(recipe_for_style(style.name))


def test_its_title_says_what_is_dreamed_of() -> None:
    style = named_style("word-291-985x50")
    assert (style.title, style.titles["de"]) == ("lion + daisy", "Löwe + Gänseblümchen")
    assert named_style("word-849").title == "teapot"
    assert word_of(134).title == "crane bird"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "unknown_class"),
        ("xyzzy", "unknown_class"),
        ("ぬるぽ", "unknown_class"),
        ("lion and crane", "many_classes"),
        ("lion:0", "bad_weight"),
        ("lion\nowl", "bad_words"),
        ("lion" + " " * LONGEST + "owl", "bad_words"),
        ("lion, owl, bee, tiger", "too_many_words"),
    ],
)
def test_what_cannot_be_dreamed_of_is_refused_in_one_line(typed: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        style_for_words(typed)
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["word", "word-", "word-1000", "word-1x0", "word-1-2-3-4", "word-lion", "words-1"])
def test_a_name_that_spells_no_words_is_no_style(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        named_style(name)
    assert caught.value.code == "unknown_style"


def test_the_list_has_every_word_with_its_recipe(tmp_path: Path) -> None:
    result = CliRunner().invoke(words, ["--json"], obj=DataFolder(tmp_path), catch_exceptions=False)
    rows = json.loads(result.output)
    assert [row["number"] for row in rows] == [word.number for word in WORDS]
    assert all(Path(row["thumbnail"]).is_file() and row["recipe"]["channels"] for row in rows)
    listed = CliRunner().invoke(words, ["--word", "Löwe"], obj=DataFolder(tmp_path), catch_exceptions=False).output
    assert listed.split() == ["291", "lion", "Löwe,", "león,", "lion,", "ライオン"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--word", "xyzzy"], "unknown_class"), (["--yaw", "3"], "usage"), (["--sheet", "sheet.xyz"], "format")],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(tmp_path: Path, arguments: list[str], code: str) -> None:
    with pytest.raises(BadInput) as caught:
        CliRunner().invoke(words, arguments, obj=DataFolder(tmp_path), catch_exceptions=False)
    assert caught.value.code == code
