"""/privacy: what is kept of a guest's photo and how long, what is removed, who sees it, and how to delete it.

The page is made of the settings and the open event, and needs no script.
"""

from __future__ import annotations

import json
from functools import lru_cache

from flask import Blueprint, Response, render_template, request

from kiosk.people import events
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.pages.assets import WEB
from kiosk.server.state import server_state
from kiosk.settings import LANGUAGES, Settings

blueprint = Blueprint("privacy", __name__)

OWN_NAMES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "ja": "日本語"}
_MINUTES_BELOW, _DAYS_FROM = 1.0, 48.0
"""Hours: less is said in minutes; this and more in days, if they are whole."""


@blueprint.get("/privacy")
@needs(Permission.PAGES)
@describe(
    "What happens to a guest's photo, in the language asked for, or else the browser's.",
    {200: "text/html"},
    query={"lang": {"type": "string", "enum": list(LANGUAGES), "description": "the language"}},
)
def privacy() -> Response:
    state = server_state()
    offered = state.settings.event.languages
    language = request.args.get("lang", "")
    if language not in offered:
        language = request.accept_languages.best_match(offered) or offered[0]
    event = off_loop(events.current, state.library)
    words = _words(language)
    text = render_template(
        "privacy.html",
        language=language,
        languages=[(code, OWN_NAMES[code]) for code in offered],
        name=state.settings.event.name or state.settings.network.name,
        title=words["privacy.title"],
        back=words["privacy.back"],
        sections=sections(state.settings, event.name if event else None, words),
    )
    response = Response(text, mimetype="text/html")
    response.vary.add("Accept-Language")
    response.cache_control.no_store = True
    return response


def sections(settings: Settings, event: str | None, words: dict[str, str]) -> list[tuple[str, list[str]]]:
    """(heading, sentences) of each part of the page. event: the name of the open event. words: key -> text."""
    hours, people = settings.retention.hours, settings.people
    long = ("event" if hours else "event.always") if event else ("time" if hours else "always")
    parts = {
        "kept": ["photo", "secret"],
        "long": [long, "full"],
        "removed": ["what"],
        "seen": ["link", "operator", people.show, *(["approve"] if people.approve and people.show != "no" else [])],
        "delete": ["how", "lost"],
    }
    parts["seen"].append("local")
    facts = {"{event}": event or "", "{time}": span(hours, words)}
    found = []
    for part, names in parts.items():
        sentences = [words[f"privacy.{part}.{name}"] for name in names]
        for mark, fact in facts.items():
            sentences = [sentence.replace(mark, fact) for sentence in sentences]
        found.append((words[f"privacy.{part}"], sentences))
    return found


def span(hours: float, words: dict[str, str]) -> str:
    """A span of time as guests read it."""
    unit, count = "hours", hours
    if hours < _MINUTES_BELOW:
        unit, count = "minutes", hours * 60
    elif hours >= _DAYS_FROM and hours % 24 == 0:
        unit, count = "days", hours / 24
    return words[f"privacy.{unit}"].replace("{count}", f"{count:.4g}")


@lru_cache(maxsize=len(LANGUAGES))
def _words(language: str) -> dict[str, str]:
    return json.loads((WEB / "privacy" / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
