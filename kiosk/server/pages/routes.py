"""The pages and their files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from html import escape

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.people.roles import Permission
from kiosk.recipes import catalog
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.pictures import WEBP
from kiosk.server.api.shapes import StatusBody
from kiosk.server.api.status import status_body
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import server_state

blueprint = Blueprint("pages", __name__)

LANGUAGES = ("en", "de", "es", "fr", "ja")
"""The pages' languages, as in web/shared/i18n.js."""


@blueprint.get("/")
@needs(Permission.PAGES)
@describe("The landing page.", {200: "text/html"}, errors=(404,))
def landing() -> Response:
    return _page("landing/index.html", "booth/index.html")


@blueprint.get("/gallery")
@needs(Permission.PAGES)
@describe("The gallery: all dreams that others may see.", {200: "text/html"}, errors=(404,))
def gallery() -> Response:
    return _page("gallery/index.html")


@blueprint.get("/booth")
@needs(Permission.PAGES)
@describe("The big screen.", {200: "text/html"}, errors=(404,))
def booth() -> Response:
    return _page("booth/index.html")


@blueprint.get("/v/<token>")
@needs(Permission.PAGES)
@describe(
    "The viewer of a photo's dream. If the photo does not exist or is gone, the same page says so, with 404.",
    {200: "text/html", 404: "text/html"},
)
def viewer(token: str) -> Response:
    status = off_loop(_status, server_state().library, token)
    response = server_state().assets.respond(
        "viewer/index.html", 200 if status else 404, _languages() + (_begin(status) if status else "")
    )
    if response is None:
        raise NotFound
    return response


def _languages() -> str:
    """The <head> content that limits a page to the languages of the settings; empty if these are all there are. Sent
    with the page: it would change its language before the guest's eyes otherwise."""
    offered = server_state().settings.event.languages
    if set(offered) == set(LANGUAGES):
        return ""
    return f'<meta name="languages" content="{",".join(offered)}">'


def _status(library: Library, token: str) -> StatusBody | None:
    try:
        found = library.status(token)
    except BadInput:
        return None
    return None if found.photo.is_gone else status_body(found)


def _begin(status: StatusBody) -> str:
    """The <head> content that saves the viewer its first requests: the photo's status, a preload of its first picture,
    and the smaller picture type if this browser accepts it."""
    images = status.images
    first = [*images.levels[:1], images.upscaled, images.dream, *images.previews[-1:], images.original]
    url = next((url for url in first if url), None)
    preload = f'<link rel="preload" as="fetch" crossorigin="anonymous" href="{escape(url)}">' if url else ""
    smaller = f'<meta name="pictures" content="{WEBP}">' if WEBP in request.accept_mimetypes.values() else ""
    # A "<" in a title must not close the script element.
    text = status.model_dump_json().replace("<", "\\u003c")
    return f'{preload}{smaller}<script type="application/json" id="status">{text}</script>'


@blueprint.get("/static/<path:name>")
@needs(Permission.PAGES)
@describe("A page's script, style or picture.", {200: "text/plain", 304: None}, errors=(404,))
def static(name: str) -> Response:
    return _page(name)


@blueprint.get("/static/styles/i18n/<language>.json")
@needs(Permission.PAGES)
@describe("The styles' texts in a language, in the format of the pages' texts.", {200: "application/json", 304: None},
          errors=(404,))  # fmt: skip
def style_words(language: str) -> Response:
    return _texts(_style_words, language)


@blueprint.get("/static/words/i18n/<language>.json")
@needs(Permission.PAGES)
@describe("The titles of the suggested things to dream of in a language, in the same format.",
          {200: "application/json", 304: None}, errors=(404,))  # fmt: skip
def word_titles(language: str) -> Response:
    return _texts(_word_titles, language)


def _texts(text_of: Callable[[str], str], language: str) -> Response:
    if language not in LANGUAGES:
        raise NotFound
    text = text_of(language)
    response = Response(text, mimetype="application/json")
    response.cache_control.no_cache = True
    response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:20])
    return response.make_conditional(request)  # type: ignore[return-value]


@lru_cache(maxsize=len(LANGUAGES))
def _style_words(language: str) -> str:
    words = {}
    for style in catalog.load().styles:
        words[f"style.{style.name}"] = style.titles.get(language, style.title)
        words[f"style.{style.name}.line"] = style.lines.get(language, style.line)
    return json.dumps(words, ensure_ascii=False)


@lru_cache(maxsize=len(LANGUAGES))
def _word_titles(language: str) -> str:
    titles = {f"word.{word.number}": word.titles.get(language, word.title) for word in catalog.load().words}
    return json.dumps(titles, ensure_ascii=False)


@blueprint.get("/favicon.ico")
@needs(Permission.PAGES)
@describe("The icon of every page.", {200: "image/svg+xml"}, errors=(404,))
def favicon() -> Response:
    return _page("shared/icon.svg")


def _page(*names: str, status: int = 200) -> Response:
    assets = server_state().assets
    for name in names:
        response = assets.respond(name, status, _languages() if name.endswith(".html") else "")
        if response is not None:
            return response
    raise NotFound
