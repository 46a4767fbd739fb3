"""The pages and their files."""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from kiosk.errors import BadInput
from kiosk.library.library import Library
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
@describe(
    "Stand inside a photo's dream; where there is none (any more), the same page says so.",
    {200: "text/html", 404: "text/html"},
)
def viewer(token: str) -> Response:
    return _page("viewer/index.html", status=200 if off_loop(_is_there, kiosk().library, token) else 404)


def _is_there(library: Library, token: str) -> bool:
    try:
        return library.photo(token).state not in GONE
    except BadInput:
        return False


@blueprint.get("/static/<path:name>")
@describe("A page's script, style or picture.", {200: "text/plain", 304: None}, errors=(404,))
def static(name: str) -> Response:
    return _page(name)


@blueprint.get("/favicon.ico")
@describe("The icon of every page.", {200: "image/svg+xml"}, errors=(404,))
def favicon() -> Response:
    return _page("shared/icon.svg")


def _page(*names: str, status: int = 200) -> Response:
    assets = kiosk().assets
    for name in names:
        response = assets.respond(name, status)
        if response is not None:
            return response
    raise NotFound
