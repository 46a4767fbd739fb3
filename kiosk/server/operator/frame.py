"""The frame of the operator's pages: navigation, the state of the kiosk, and what the last deed did.

The pages are plain forms that work without script: every deed is a POST that leads back to a page (303). With script
they keep themselves up to date: whatever stands in an element with `data-live` is renewed when something has changed.
They are in English only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from kiosk.library.library import Library
from kiosk.library.records import INTAKE_PAUSED
from kiosk.server.access import FORM_TOKEN, form_token, is_console
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.problems import examine
from kiosk.server.state import server_state

NOW = "/operator"
PAGES = (
    (NOW, "Now"),
    ("/operator/queue", "Queue"),
    ("/operator/photos", "Photos"),
    ("/operator/event", "Event"),
    ("/operator/settings", "Settings"),
    ("/operator/storage", "Storage"),
    ("/operator/people", "People"),
    ("/operator/rehearsal", "Rehearsal"),
    ("/operator/log", "Log"),
)
"""Address and name of each page, in the order of the navigation, which shows those that exist."""
TABS = 3
"""The first of them are always in reach on a phone."""
URLENCODED = "application/x-www-form-urlencoded"
REFUSED = (401, 403)
"""Errors of every page."""
_OURS = re.compile(r"/operator(/[a-z-]+)*(\?[A-Za-z0-9_=&%.+-]*)?")


def form(required: tuple[str, ...] = (), **fields: dict[str, Any]) -> dict[str, Any]:
    """The body of a form with `fields`, each a JSON schema, for `describe(..., **form(name={...}))`."""
    properties = {FORM_TOKEN: {"type": "string"}, **fields}
    return {
        "form": {"type": "object", "required": [FORM_TOKEN, *required], "properties": properties},
        "form_type": URLENCODED,
    }


def show(template: str, status: int = 200, **facts: Any) -> Response:
    """The page made of `template`, below templates/operator, with `facts`. It extends base.html."""
    state = server_state()
    known = {rule.rule for rule in current_app.url_map.iter_rules()}
    text = off_loop(
        # A long page takes a while, so a thread renders it while guests' requests go on.
        _render,
        current_app.jinja_env.get_template(f"operator/{template}").render,
        state.library,
        state.has_camera,
        name=state.settings.event.name or state.settings.network.name,
        pages=[page for page in PAGES if page[0] in known],
        tabs=TABS,
        here=request.path,
        back=back(),
        form_token=form_token(),
        on_console=is_console(),
        note=state.notes.find(request.args.get("done", "")),
        clock=clock,
        **facts,
    )
    response = Response(text, status, mimetype="text/html")
    response.cache_control.no_store = True
    return response


def _render(render: Callable[..., str], library: Library, has_camera: bool, **facts: Any) -> str:
    health = examine(library, has_camera)
    return render(health=health, paused=library.flag(INTAKE_PAUSED), **facts)


def done(path: str, sentence: str, undo: Callable[[], str] | None = None) -> BaseResponse:
    """Go on to the page at `path`, which says what was done. undo: undoes it, and returns the sentence for that."""
    note = server_state().notes.say(sentence, undo)
    return redirect(f"{path}{'&' if '?' in path else '?'}done={note}", 303)


def back() -> str:
    """The address of the current page with its search, without its note: where a form on it leads back to."""
    query = "&".join(part for part in request.query_string.decode("latin-1").split("&") if part[:5] != "done=")
    return ours(f"{request.path}?{query}" if query else request.path)


def ours(address: str, otherwise: str = NOW) -> str:
    """`address` if it is one of the operator's pages, else another one: never another site."""
    try:
        split = urlsplit(address)
    except ValueError:
        return otherwise
    return address if not split.netloc and _OURS.fullmatch(address) else otherwise


def clock(moment: float | None) -> str:
    """A moment in seconds since 1970 as the time of day; with the date if it is another day's."""
    if moment is None:
        return ""
    then, now = time.localtime(moment), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%b %d, %H:%M", then)
