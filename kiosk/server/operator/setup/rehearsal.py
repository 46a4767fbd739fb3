"""/operator/rehearsal: one button before doors open."""

from __future__ import annotations

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from kiosk.people.rehearsal import Rehearsal
from kiosk.people.roles import Permission
from kiosk.server.access import check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, done, form, show
from kiosk.server.state import server_state

blueprint = Blueprint("operator_rehearsal", __name__)

PAGE = "/operator/rehearsal"


@blueprint.get(PAGE)
@needs(Permission.OPERATE)
@describe("The rehearsal: what was looked at, and what to do.", {200: "text/html"}, errors=REFUSED)
def rehearsal() -> Response:
    return show("rehearsal.html", title="Rehearsal", rehearsal=_rehearsal())


@blueprint.post(PAGE)
@needs(Permission.OPERATE)
@describe(
    "Rehearse: a built-in photo is taken in, dreamed, looked at over the guests' address, and goes again.",
    {303: None},
    errors=(*REFUSED, 409),
    **form(),
)
def begin() -> ResponseReturnValue:
    check_form()
    off_loop(_rehearsal().begin)
    return done(PAGE, "The rehearsal has begun.")


def _rehearsal() -> Rehearsal:
    """The rehearsals of this server."""
    state = server_state()
    found = current_app.extensions.get("kiosk.rehearsal")
    if found is None:
        found = Rehearsal(state.library, state.guest_url, state.secure_url)
        current_app.extensions["kiosk.rehearsal"] = found
    return found
