"""/api/words: the suggested things to dream of, and what a guest's text means."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request, send_file
from werkzeug.exceptions import NotFound

from kiosk.people.roles import Permission
from kiosk.recipes import catalog
from kiosk.recipes.catalog import Style, Word
from kiosk.recipes.words import LONGEST, classes_of, style_for_words, word_of
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.shapes import MeaningBody, WordBody, WordsBody
from kiosk.server.http.offloop import Lane

blueprint = Blueprint("words", __name__)
_lane = Lane(1)
"""Understanding a text takes milliseconds. One at a time, who asks without end does not slow the pages down."""


def understood(text: str) -> Style:
    """`style_for_words`, beside the event loop."""
    return _lane.run(style_for_words, text)


@blueprint.get("/api/words")
@needs(Permission.PAGES)
@describe("The suggested things to dream of.", {200: WordsBody})
def suggested() -> Response:
    body = WordsBody(words=[_body(word) for word in catalog.load().words])
    return _fresh(jsonify(body.model_dump()))


@blueprint.get("/api/words/meaning")
@needs(Permission.PAGES)
@describe(
    "What a text means as the upload's `dream_of`; 400 with suggestions if it means nothing here.",
    {200: MeaningBody},
    errors=(400,),
    query={"of": {"type": "string", "maxLength": LONGEST, "required": True}},
)
def meaning() -> Response:
    style = understood(request.args.get("of", ""))
    words = [_body(word_of(number)) for number in classes_of(style.name)]
    return _fresh(jsonify(MeaningBody(style=style.name, title=style.title, words=words).model_dump()))


@blueprint.get("/words/<number>.webp")
@needs(Permission.PAGES)
@describe("The thumbnail of a suggested thing to dream of.", {200: "image/webp", 304: None}, errors=(404,))
def thumbnail(number: str) -> Response:
    word = next((one for one in catalog.load().words if str(one.number) == number), None)
    if word is None or not word.thumbnail.is_file():
        raise NotFound
    response = send_file(word.thumbnail, mimetype="image/webp", conditional=True, etag=True)
    response.cache_control.no_cache = True
    return response


def _body(word: Word) -> WordBody:
    url = f"/words/{word.number}.webp" if word.thumbnail.is_file() else None
    return WordBody(number=word.number, title=word.title, thumbnail=url)


def _fresh(response: Response) -> Response:
    response.cache_control.no_store = True
    return response
