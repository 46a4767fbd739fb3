"""/api/kiosk: what the pages need to know about the kiosk. /api/capture: request a photo from its camera."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Response, jsonify, send_file
from werkzeug.exceptions import NotFound

from kiosk import __version__
from kiosk.errors import BadInput
from kiosk.library import shutter
from kiosk.people.roles import Permission
from kiosk.recipes import catalog
from kiosk.recipes.available import available_styles
from kiosk.recipes.catalog import Style
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.shapes import CaptureBody, ErrorSentence, EventBody, KioskBody, RequestedBody, StyleBody, WifiBody
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import server_state
from kiosk.settings import Event

blueprint = Blueprint("kiosk", __name__)


@blueprint.get("/api/kiosk")
@needs(Permission.PAGES)
@describe("The kiosk: its name, its address for guests, its styles.", {200: KioskBody})
def info() -> Response:
    state = server_state()
    network = state.settings.network
    body = KioskBody(
        name=state.settings.event.name or network.name,
        version=__version__,
        guest_url=off_loop(state.guest_url),
        secure_url=off_loop(state.secure_url),
        wifi=WifiBody(ssid=network.wifi_name) if network.wifi_name else None,
        styles=list(_styles(off_loop(available_styles, state.data.graphs))),
        style=state.settings.dream.style,
        upload_mb=state.settings.retention.upload_mb,
        out_of_service=off_loop(state.screen.trouble),
        show=state.settings.people.show,
        approve=state.settings.people.approve,
        event=_event(state.settings.event),
        languages=state.settings.event.languages,
        can_capture=state.can_capture,
    )
    response = jsonify(body.model_dump())
    response.cache_control.no_store = True
    return response


@blueprint.get("/styles/<name>.webp")
@needs(Permission.PAGES)
@describe("A style's thumbnail.", {200: "image/webp", 304: None}, errors=(404,))
def thumbnail(name: str) -> Response:
    style = next((one for one in catalog.load().styles if one.name == name), None)
    if style is None or not style.thumbnail.is_file():
        raise NotFound
    response = send_file(style.thumbnail, mimetype="image/webp", conditional=True, etag=True)
    response.cache_control.no_cache = True
    return response


@blueprint.post("/api/capture")
@needs(Permission.CAPTURE)
@describe(
    "Request a photo from the kiosk's camera. The returned ID later tells which photo it became. Only from the kiosk's "
    "own screen, or by the operator over https.",
    {202: RequestedBody},
    errors=(401, 403, 409),
)
def capture() -> tuple[Response, int]:
    state = server_state()
    if not state.can_capture:
        raise BadInput("This kiosk has no camera that takes photos on request.", "no_camera", 409)
    return jsonify(RequestedBody(id=off_loop(shutter.ask, state.data)).model_dump()), 202


@blueprint.get("/api/capture/<request_id>")
@needs(Permission.CAPTURE)
@describe("The outcome of a camera request.", {200: CaptureBody}, errors=(401, 403, 404))
def captured(request_id: str) -> Response:
    found = off_loop(shutter.outcome, server_state().library, request_id)
    why = ErrorSentence(code=found.code, message=found.message) if found.code and found.message else None
    response = jsonify(CaptureBody(state=found.state, token=found.token, error=why).model_dump())
    response.cache_control.no_store = True
    return response


@blueprint.get("/event/logo")
@needs(Permission.PAGES)
@describe("The event's logo.", {200: "image/png", 304: None}, errors=(404,))
def logo() -> Response:
    state = server_state()
    path = state.data.root / "event" / state.settings.event.logo
    if not state.settings.event.logo or not off_loop(path.is_file):
        raise NotFound
    response = send_file(path, conditional=True, etag=True)
    response.cache_control.no_cache = True
    return response


def _event(event: Event) -> EventBody:
    logo = "/event/logo" if event.logo else None
    return EventBody(name=event.name, welcome=event.welcome, accent=event.accent, logo=logo)


def _styles(offered: Iterable[Style]) -> list[StyleBody]:
    return [
        StyleBody(
            name=one.name,
            title=one.title,
            line=one.line,
            thumbnail=f"/styles/{one.name}.webp" if one.thumbnail.is_file() else None,
        )
        for one in offered
    ]
