"""Dreams of words over HTTP: the list, what a text means, and the upload's field."""

from __future__ import annotations

import io
from urllib.parse import quote

import pytest
from PIL import Image

from kiosk.library.library import Library
from kiosk.planning.wanted import wanted_recipe
from kiosk.recipes import catalog
from kiosk.settings import Dream as DreamSettings

WORDS = catalog.load().words


@pytest.fixture(scope="module")
def library(server) -> Library:
    """The server's library, as a worker in another process opens it."""
    return Library(server.data)


def photos(library: Library) -> int:
    with library.reading() as connection:
        return connection.execute("SELECT count(*) FROM photos").fetchone()[0]


def test_the_words_are_listed_with_pictures(server) -> None:
    told = server.get("/api/words").json["words"]
    assert [word["number"] for word in told] == [word.number for word in WORDS]
    answer = server.get(told[0]["thumbnail"])
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(answer.body)).size == (256, 256)
    assert server.get(told[0]["thumbnail"], {"If-None-Match": answer.headers["ETag"]}).status == 304
    for absent in ("/words/2.webp", "/words/lion.webp", "/words/0291.webp"):
        assert server.get(absent).status == 404
    assert server.get("/static/words/i18n/de.json").json["word.291"] == "Löwe"
    assert server.get("/static/words/i18n/xx.json").status == 404


def test_a_text_s_meaning_is_told_before_a_photo_is_sent(server) -> None:
    told = server.get(f"/api/words/meaning?of={quote('a lion and a teapot')}").json
    assert (told["style"], told["title"]) == ("word-291-849", "lion + teapot")
    assert [(word["number"], word["thumbnail"]) for word in told["words"]] == [(291, "/words/291.webp"), (849, None)]
    refused = server.get("/api/words/meaning?of=tigre%20lyon%20crane")
    assert (refused.status, refused.json["error"]) == (400, "unknown_class")
    assert server.get("/api/words/meaning").status == 400


def test_a_photo_dreams_of_words(server, library: Library, photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes, dream_of="Löwe und Gänseblümchen")
    assert created.status == 201
    told = server.get(created.json["status_url"]).json
    assert (told["style"], told["title"]) == ("word-291-985", "lion + daisy")
    style = library.photo(created.json["token"]).style
    recipe = wanted_recipe(DreamSettings(), style).dream
    assert [(number, weight) for _, number, weight in recipe.channels] == [(291, 1.0), (985, 1.0)]
    again = server.upload(photo_bytes, style=told["style"])
    assert server.get(again.json["status_url"]).json["title"] == "lion + daisy"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dream_of": "xyzzy"}, "unknown_class"),
        ({"dream_of": "crane"}, "many_classes"),
        ({"dream_of": "lion:0"}, "bad_weight"),
        ({"dream_of": "x" * 81}, "bad_words"),
        ({"dream_of": "lion\x1b[2J"}, "bad_words"),
        ({"dream_of": "lion\x00"}, "bad_words"),
        ({"dream_of": "   "}, "unknown_class"),
        ({"dream_of": "lion, owl, bee, tiger"}, "too_many_words"),
        ({"dream_of": "lion", "style": "dogs"}, "style_and_words"),
        ({"style": "word-1000"}, "unknown_style"),
    ],
)
def test_what_cannot_be_dreamed_of_is_refused_and_the_photo_not_kept(
    server, library: Library, photo_bytes: bytes, fields: dict[str, str], code: str
) -> None:
    before = photos(library)
    refused = server.upload(photo_bytes, **fields)
    assert (refused.status, refused.json["error"]) == (400, code)
    assert len(refused.json["message"].splitlines()) == 1
    assert photos(library) == before


def test_a_word_nearly_typed_is_answered_with_suggestions(server, photo_bytes: bytes) -> None:
    refused = server.upload(photo_bytes, dream_of="clock")
    assert "analog clock (409)" in refused.json["message"]
