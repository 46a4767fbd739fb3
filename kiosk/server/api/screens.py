"""/api/screens: a page on another device becomes a booth's screen, once the operator says so."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from kiosk.people.roles import Permission
from kiosk.server.access import SCREEN_COOKIE, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.people_shapes import ScreenAskedBody, ScreenBody
from kiosk.server.http.offloop import off_loop
from kiosk.server.shares import client_of
from kiosk.server.state import server_state

blueprint = Blueprint("screens", __name__)
YEAR_SECONDS = 365 * 24 * 3600


@blueprint.post("/api/screens")
@needs(Permission.PAIR)
@describe("Ask to become a booth's screen.", {201: ScreenAskedBody}, errors=(503,))
def ask() -> tuple[Response, int]:
    code, secret = server_state().screens.ask(client_of(request.remote_addr or ""))
    response = jsonify(ScreenAskedBody(code=code, secret=secret).model_dump())
    response.cache_control.no_store = True
    return response, 201


@blueprint.get("/api/screens/<secret>")
@needs(Permission.PAIR)
@describe("Whether the operator has said so.", {200: ScreenBody}, errors=(404,))
def outcome(secret: str) -> Response:
    cookie = off_loop(server_state().screens.outcome, secret)
    response = jsonify(ScreenBody(paired=cookie is not None).model_dump())
    response.cache_control.no_store = True
    if cookie:
        # Over http too: a booth's screen opens the page as guests do.
        response.set_cookie(SCREEN_COOKIE, cookie, max_age=YEAR_SECONDS, httponly=True, samesite="Strict")
    return response
