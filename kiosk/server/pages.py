"""The pages and their files."""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from kiosk.library.library import no_such_photo
from kiosk.library.records import GONE
from kiosk.server.context import kiosk
from kiosk.server.describe import describe
from kiosk.server.offloop import off_loop

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@describe("Where guests arrive.", {200: "text/html"}, errors=(404,))
def landing() -> Response:
    return _page("landing/index.html", "booth/index.html")


@blueprint.get("/booth")
@describe("The big screen.", {200: "text/html"}, errors=(404,))
def booth() -> Response:
    return _page("booth/index.html")


@blueprint.get("/v/<token>")
@describe("Stand inside a photo's dream.", {200: "text/html"}, errors=(404,))
def viewer(token: str) -> Response:
    if off_loop(kiosk().library.photo, token).state in GONE:
        raise no_such_photo()
    return _page("viewer/index.html")


@blueprint.get("/static/<path:name>")
@describe("A page's script, style or picture.", {200: "text/plain", 304: None}, errors=(404,))
def static(name: str) -> Response:
    return _page(name)


@blueprint.get("/favicon.ico")
@describe("The icon of every page.", {200: "image/svg+xml"}, errors=(404,))
def favicon() -> Response:
    return _page("shared/icon.svg")


def _page(*names: str) -> Response:
    assets = kiosk().assets
    for name in names:
        response = assets.respond(name)
        if response is not None:
            return response
    raise NotFound
