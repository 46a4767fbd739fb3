"""/operator/queue: what waits, with pictures; move to the front, cancel."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from kiosk.library.library import Library
from kiosk.people import deeds
from kiosk.people.roles import Permission
from kiosk.server.access import check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.status import status_body
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, done, form, show
from kiosk.server.operator.photos import perform
from kiosk.server.state import server_state

blueprint = Blueprint("operator_queue", __name__)

HERE = "/operator/queue"
MOST = 200
"""Photos on the page."""


@blueprint.get(HERE)
@needs(Permission.OPERATE)
@describe("The operator's page of the queue.", {200: "text/html"}, errors=REFUSED)
def queue() -> Response:
    return show("queue.html", **off_loop(_look, server_state().library))


def _look(library: Library) -> dict[str, Any]:
    unfinished = library.unfinished(limit=10 * MOST)
    now = library.clock()
    return {
        "queue": [
            (status_body(one), one.photo, None if one.eta_seconds is None else now + one.eta_seconds)
            for one in unfinished[:MOST]
        ],
        "more": max(0, len(unfinished) - MOST),
    }


@blueprint.post("/operator/queue/<token>/front")
@needs(Permission.OPERATE)
@describe("Move a photo to the front of the queue.", {303: None}, errors=(*REFUSED, 404, 409), **form())
def front(token: str) -> ResponseReturnValue:
    check_form()
    number = off_loop(deeds.to_front, server_state().library, token)
    return done(HERE, f"Photo {number} is next.")


@blueprint.post("/operator/queue/<token>/cancel")
@needs(Permission.OPERATE)
@describe("Take a photo out of the queue, into the bin.", {303: None}, errors=(*REFUSED, 404), **form())
def cancel(token: str) -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.photo, token)
    return perform("delete", [token], HERE)
