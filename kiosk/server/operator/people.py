"""/operator/people: the PIN, who is signed in, and the booth's screens."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from kiosk.people import operators
from kiosk.people.roles import Permission
from kiosk.people.screens import LONGEST_NAME
from kiosk.server.access import SESSION_COOKIE, check_form, is_console, needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, done, form, show
from kiosk.server.state import ServerState, server_state

blueprint = Blueprint("operator_people", __name__)

HERE = "/operator/people"


@blueprint.get(HERE)
@needs(Permission.OPERATE)
@describe("The operator's page of the PIN and the booth's screens.", {200: "text/html"}, errors=REFUSED)
def people() -> Response:
    state = server_state()
    return show(
        "people.html",
        shortest=operators.SHORTEST,
        longest=operators.LONGEST,
        longest_name=LONGEST_NAME,
        signed_in=SESSION_COOKIE in request.cookies,
        **off_loop(_look, state, is_console()),
    )


def _look(state: ServerState, here: bool) -> dict[str, Any]:
    return {
        "screens": state.screens.paired(),
        "sessions": operators.sessions(state.library),
        "first_pin": operators.first_pin(state.data) if here else None,
        "booth_url": f"{state.guest_url()}booth?pair=1",
    }


@blueprint.post("/operator/screens")
@needs(Permission.OPERATE)
@describe(
    "Make the page that shows this code a booth's screen.",
    {303: None},
    errors=(*REFUSED, 404),
    **form(
        ("code",),
        code={"type": "string", "description": "the six digits that it shows"},
        name={"type": "string", "maxLength": LONGEST_NAME},
    ),
)
def pair() -> ResponseReturnValue:
    check_form()
    name = request.form.get("name", "")
    off_loop(server_state().screens.accept, request.form.get("code", ""), name)
    return done(HERE, f"{' '.join(name.split())[:LONGEST_NAME] or 'The screen'} is a booth’s screen now.")


@blueprint.post("/operator/screens/<screen_id>/forget")
@needs(Permission.OPERATE)
@describe("Unpair a booth's screen.", {303: None}, errors=(*REFUSED, 404), **form())
def forget(screen_id: str) -> ResponseReturnValue:
    check_form()
    off_loop(server_state().screens.forget, screen_id)
    return done(HERE, "The screen is forgotten.")
