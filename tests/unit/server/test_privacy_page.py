"""The privacy page says what the settings and the open event say, in each language, without a script."""

from __future__ import annotations

import re

import pytest

from kiosk.library.library import Library
from kiosk.people import events
from kiosk.server.app import create_app
from kiosk.server.pages.privacy import sections, span
from kiosk.settings import LANGUAGES, Settings, validated

# Every key stands for itself, so a test sees which sentences are chosen.
SPANS = {"privacy.minutes": "{count} min", "privacy.hours": "{count} h", "privacy.days": "{count} days"}


class Keys(dict):
    def __missing__(self, key: str) -> str:
        return key


def chosen(settings: Settings, event: str | None = None) -> list[str]:
    return [one.removeprefix("privacy.") for _, part in sections(settings, event, Keys(SPANS)) for one in part]


@pytest.mark.parametrize(
    ("written", "event", "long", "seen"),
    [
        ({}, None, "long.time", ["seen.ask"]),
        ({"retention": {"hours": 0}}, None, "long.always", ["seen.ask"]),
        ({"people": {"show": "yes", "approve": True}}, "Gala", "long.event", ["seen.yes", "seen.approve"]),
        ({"retention": {"hours": 0}, "people": {"show": "no", "approve": True}}, "Gala", "long.event.always",
         ["seen.no"]),
    ],
)  # fmt: skip
def test_the_page_says_what_holds(written: dict, event: str | None, long: str, seen: list[str]) -> None:
    assert chosen(validated(written, "here"), event) == [
        *("kept.photo", "kept.secret", long, "long.full", "removed.what", "seen.link", "seen.operator", *seen),
        *("seen.local", "delete.how", "delete.lost"),
    ]


@pytest.mark.parametrize(
    ("hours", "said"), [(0.5, "30 min"), (1, "1 h"), (24, "24 h"), (36.5, "36.5 h"), (48, "2 days"), (720, "30 days")]
)
def test_a_span_is_said_as_people_say_it(hours: float, said: str) -> None:
    assert span(hours, SPANS) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_page(data, language: str) -> None:
    app = create_app(data, settings=validated({"retention": {"hours": 36}, "event": {"name": "Gala <b>"}}, "here"))
    with Library(data) as library:
        events.begin(library, "Ball & {time}")
    asked = app.test_client().get("/privacy", headers={"Accept-Language": f"{language}, xx;q=0.5"})
    page = asked.get_data(as_text=True)
    assert asked.status_code == 200
    assert f'<html lang="{language}">' in page
    assert "Ball &amp; " in page
    assert "36" in page
    assert "Gala &lt;b&gt;" in page
    assert "privacy." not in page.replace("/privacy/privacy.css", "")
    assert "<script" not in page
    assert len(re.findall(r'hreflang="(\w\w)"', page)) == 4
    assert app.test_client().get(f"/privacy?lang={language}").get_data(as_text=True) == page


def test_a_language_that_is_not_offered_is_not_spoken(data) -> None:
    app = create_app(data, settings=validated({"event": {"languages": ["de", "fr"]}}, "here"))
    for address in ("/privacy", "/privacy?lang=ja", "/privacy?lang=%00"):
        page = app.test_client().get(address).get_data(as_text=True)
        assert '<html lang="de">' in page
        assert re.findall(r'hreflang="(\w\w)"', page) == ["fr"]
