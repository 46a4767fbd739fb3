"""What a guest types, and the class that is meant."""

from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.recipes.classes import classes, find_class, find_mix


def test_there_are_a_thousand_classes_in_order_each_with_a_name() -> None:
    assert [one.number for one in classes()] == list(range(1000))
    assert all(name.strip() == name and name for one in classes() for name in one.names)


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "tench"), (84, "peacock"), (107, "jellyfish"), (409, "analog clock"), (483, "castle"), (999, "toilet tissue")],
)
def test_the_order_is_the_networks(number: int, name: str) -> None:
    assert classes()[number].names[0] == name


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("84", 84),
        (" 84 ", 84),
        ("peacock", 84),
        ("Peacock", 84),
        ("PEACOCKS", 84),
        ("peacok", 84),
        ("pecock", 84),
        ("castle", 483),
        ("castel", 483),
        ("castles", 483),
        ("jelly fish", 107),
        ("sea-anemone", 108),
        ("anemone", 108),
        ("flamengo", 130),
        ("volcanoes", 980),
        ("strawberries", 949),
        ("monarch butterfly", 323),
        ("Danaus plexippus", 323),
        ("crane bird", 134),
        ("bus", 779),
        ("church", 497),
        ("pirate", 724),
        ("great gray owl", 24),
    ],
)
def test_what_is_typed_finds_what_is_meant(typed: str, number: int) -> None:
    assert find_class(typed).number == number


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("crane", ["crane bird (134)", "crane machine (517)"]),
        ("clock", ["analog clock (409)", "digital clock (530)", "wall clock (892)"]),
        ("panda", ["lesser panda (387)", "giant panda (388)"]),
        ("dog", ["German shepherd (235)", "more"]),
    ],
)
def test_what_fits_several_lists_them(typed: str, suggested: list[str]) -> None:
    with pytest.raises(BadInput, match="fits several classes") as caught:
        find_class(typed)
    assert all(text in str(caught.value) for text in suggested)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("typed", ["xyzzy", "giraffe", "🦚", "", "   ", "!", "1000", "-1", "12345678901234567890"])
def test_what_is_not_there_is_said_in_one_line(typed: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_class(typed)
    assert caught.value.code == "unknown_class"
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.slow
def test_every_class_is_found_by_its_label_s_name_or_else_by_its_number() -> None:
    for one in classes():
        assert find_class(str(one.number)) is one
    found = 0
    for one in classes():
        name = one.label.rpartition(" (")[0]
        try:
            found += find_class(name) is one
        except BadInput as error:
            assert error.code == "many_classes"  # noqa: PT017
    assert found >= 995


@pytest.mark.parametrize(
    ("typed", "mix"),
    [
        ("a lion and daisies", {291: 1.0, 985: 1.0}),
        ("lion, daisies", {291: 1.0, 985: 1.0}),
        ("lion + daisy:0.5", {291: 1.0, 985: 0.5}),
        ("the peacock & an analog clock:2 & 483", {84: 1.0, 409: 2.0, 483: 1.0}),
        ("a lion", {291: 1.0}),
        ("lion:3", {291: 3.0}),
        ("flamengo and lion", {130: 1.0, 291: 1.0}),
        ("lion and lions", {291: 2.0}),
        ("black and gold garden spider", {72: 1.0}),
        ("black and gold garden spyder", {72: 1.0}),
        ("peacock,", {84: 1.0}),
    ],
)
def test_a_mix_is_split_unless_it_is_one_name(typed: str, mix: dict[int, float]) -> None:
    assert find_mix(typed) == mix


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("lion and xyzzy", "unknown_class"),
        ("lion and crane", "many_classes"),
        ("lion:0", "bad_weight"),
        ("lion:x and daisy", "bad_weight"),
        (":", "unknown_class"),
        ("", "unknown_class"),
        ("1000, 3", "unknown_class"),
    ],
)
def test_a_mix_with_something_unknown_is_refused_in_one_line(typed: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        find_mix(typed)
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) == 1
