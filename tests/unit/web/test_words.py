"""Every error code that a guest may see has a sentence in each of the pages' languages."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import kiosk
from kiosk.library import jobs
from kiosk.library.upkeep import overuse, sweep
from kiosk.pipeline import worker
from kiosk.recipes import catalog
from kiosk.server import errors
from kiosk.server.api import photos
from kiosk.server.operator.problems import GUESTS
from kiosk.server.pages import routes

PACKAGE = Path(kiosk.__file__).parent
WEB = (PACKAGE / "web").resolve()
ERRORS = {
    name: json.loads((WEB / "errors" / "i18n" / f"{name}.json").read_text(encoding="utf-8"))
    for name in routes.LANGUAGES
}
# Modules whose errors may end up on a guest's screen.
GUESTS_SEE = [
    *(PACKAGE / "server").rglob("*.py"),
    *(PACKAGE / "library" / f"{name}.py" for name in ("intake", "intake_lock", "library", "shutter")),
    PACKAGE / "library" / "upkeep" / "retention.py",
    *(PACKAGE / "pictures" / f"{name}.py" for name in ("apart", "decode")),
    PACKAGE / "pictures" / "containers" / "container.py",
    PACKAGE / "pipeline" / "worker.py",
    PACKAGE / "sphere" / "deciding.py",
    *(PACKAGE / "people" / f"{name}.py" for name in ("keys", "screens")),
    *(PACKAGE / "capture" / f"{name}.py" for name in ("demo", "loop")),
]
RAISED = ("BadInput", "Unavailable", "Problem", "error_response", "refuse", "_fail")
# Errors that no page shows: for programs, for the operator's own requests, or from a failed start.
FOR_PROGRAMS = {
    "bad_gaze",
    "bad_limit",
    "bad_range",
    "not_listening",
    "room_full",
    "too_fast",
    "no_links",
    "cannot_write",
    "no_such_code",
    "bad_logo",
    "no_logo",
    "no_such_event",
    "other_name",
    "no_such_screen",
    "no_wifi",
    "port_taken",
    "style_and_words",
    "too_late",
    "bad_number",
    "no_deed",
}
# Codes that come from a variable, by hand.
CARRIED = {"deleted", "expired", "lost", "gave_up", "failed", "unknown_style", "cannot_open", "cannot_dream", "no_room",
           "not_now", "error", "trouble", "unknown_class", "many_classes", "bad_weight", "bad_words", "too_many_words",
           overuse.CODE}  # fmt: skip


# Codes whose message says more to a program, or more about the request, than the page's sentence for all of them.
IN_DETAIL = {"no_photo", "bad_show", "wrong_key", "forbidden", "too_large"}


def raised(path: Path) -> set[tuple[str, str | None]]:
    """(code, message) of what a module raises: a lowercase word as an argument, and a sentence, or None if it is not
    the same each time."""
    found = set()
    text = path.read_text(encoding="utf-8")
    assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    constants = {ast.unparse(node.targets[0]): node.value.value for node in assigned
                 if isinstance(node.value, ast.Constant)}  # fmt: skip
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in RAISED:
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            values = [
                a.value if isinstance(a, ast.Constant) else constants.get(a.id) if isinstance(a, ast.Name) else None
                for a in arguments
            ]
            words = [value for value in values if isinstance(value, str)]
            # What a Problem says is for the operator.
            message = next((word for word in words if " " in word and name != "Problem"), None)
            codes = (word for word in words if word.isascii() and word.islower() and word.replace("_", "").isalnum())
            found |= {(code, message) for code in codes}
    return found


RAISED_BY_US = set().union(*map(raised, GUESTS_SEE))
MET = (
    {code for code, _ in RAISED_BY_US} - FOR_PROGRAMS | CARRIED | {code for code, _ in errors._SENTENCES.values()}
) | set(GUESTS)


def test_the_search_for_codes_finds_those_that_are_known() -> None:
    assert {"busy", "damaged", "empty", "too_small", "unsupported_format", "stale_form", "paused", "camera"} <= MET
    assert len(MET) > 40


@pytest.mark.parametrize("language", routes.LANGUAGES)
def test_every_code_that_a_guest_can_meet_has_words(language: str) -> None:
    assert sorted(MET - {key.removeprefix("error.") for key in ERRORS[language]}) == []


@pytest.mark.parametrize("language", [name for name in routes.LANGUAGES if name != "en"])
def test_no_words_are_english_in_another_language(language: str) -> None:
    same = [key for key, text in ERRORS[language].items() if text == ERRORS["en"][key]]
    assert same == []


def test_no_words_are_of_codes_that_there_are_not() -> None:
    assert {key.removeprefix("error.") for key in ERRORS["en"]} - MET == {"home"}


SAID = {
    *GUESTS.items(),
    *errors._SENTENCES.values(),
    *photos._GONE.items(),
    *((code, message) for code, message in RAISED_BY_US if message and code not in FOR_PROGRAMS),
    ("gave_up", jobs.GIVEN_UP),
    ("lost", sweep.LOST),
    (overuse.CODE, overuse.TOO_LARGE),
    ("cannot_dream", worker.CANNOT_DREAM),
    ("not_now", worker.NOT_NOW),
    ("no_room", worker.NO_ROOM),
    ("unknown_style", worker.UNKNOWN_STYLE),
}


@pytest.mark.parametrize(("code", "message"), sorted(pair for pair in SAID if pair[0] not in IN_DETAIL))
def test_guests_hear_the_same_from_the_kiosk_and_from_the_page(code: str, message: str) -> None:
    assert ERRORS["en"][f"error.{code}"].replace("’", "'") == message


def test_the_search_for_messages_finds_those_that_are_known() -> None:
    assert len({code for code, _ in SAID}) > 35
    assert {code for code, _ in SAID} > IN_DETAIL


@pytest.mark.parametrize("language", ["en", "de"])
def test_guests_are_not_told_what_only_operators_can_mend(language: str) -> None:
    ours = {
        "worker",
        "log",
        "restart",
        "database",
        "settings",
        "json",
        "http",
        "Worker",
        "Protokoll",
        "Datenbank",
        "starte",
    }
    sentences = [*ERRORS[language].values()]
    if language == "en":
        sentences += [
            *GUESTS.values(),
            jobs.GIVEN_UP,
            sweep.LOST,
            overuse.TOO_LARGE,
            worker.CANNOT_DREAM,
            worker.NOT_NOW,
            worker.NO_ROOM,
        ]
    assert [text for text in sentences if ours & set(text.split())] == []


@pytest.mark.parametrize("style", catalog.load().styles, ids=lambda style: style.name)
def test_every_style_has_a_title_and_a_line_in_every_language(style: catalog.Style) -> None:
    others = set(routes.LANGUAGES) - {"en"}
    assert set(style.titles) == set(style.lines) == others
    for language in others:
        words = json.loads(routes._style_words(language))
        assert words[f"style.{style.name}"] == style.titles[language]
        assert words[f"style.{style.name}.line"] == style.lines[language]
        assert 1 <= len(style.titles[language]) <= 20
        assert len(style.lines[language]) <= 90


@pytest.mark.parametrize("language", [name for name in routes.LANGUAGES if name != "en"])
def test_every_suggested_word_has_a_short_title_in_every_language(language: str) -> None:
    titles = json.loads(routes._word_titles(language))
    assert titles == {f"word.{word.number}": word.titles[language] for word in catalog.load().words}
    assert all(1 <= len(title) <= 20 for title in titles.values())


def test_an_unfinished_translation_leaves_english_not_nothing() -> None:
    assert json.loads(routes._style_words("en"))["style.dogs"] == "Dogs"


@pytest.mark.parametrize("language", routes.LANGUAGES)
def test_titles_are_told_apart(language: str) -> None:
    titles = [text for key, text in json.loads(routes._style_words(language)).items() if not key.endswith(".line")]
    assert len(set(titles)) == len(titles)
