"""/api/mine: what an owner key brought; /api/code: the key for another device."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from kiosk.errors import BadInput
from kiosk.people import keys
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.people_shapes import DeletedBody, KeyBody, MineBody, WordsCodeBody, WordsCodePost
from kiosk.server.api.photos import OWNER_HEADER
from kiosk.server.api.reading import read_json
from kiosk.server.api.shapes import Shape
from kiosk.server.api.status import status_body
from kiosk.server.archive import Archive, archive_response
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import server_state

blueprint = Blueprint("mine", __name__)


@blueprint.get("/api/mine")
@needs(Permission.OWN)
@describe("What this owner key brought and is still here.", {200: MineBody}, errors=(400,), headers=OWNER_HEADER)
def mine() -> Response:
    statuses = off_loop(keys.mine, server_state().library, _key())
    return _fresh(MineBody(photos=[status_body(status) for status in statuses]))


@blueprint.delete("/api/mine")
@needs(Permission.OWN)
@describe(
    "Delete everything that this owner key brought, immediately and permanently.",
    {200: DeletedBody},
    errors=(400,),
    headers=OWNER_HEADER,
)
def delete() -> Response:
    return _fresh(DeletedBody(deleted=off_loop(keys.delete_mine, server_state().library, _key())))


@blueprint.post("/api/mine.zip")
@needs(Permission.OWN)
@describe(
    "Everything ready that this owner key brought, as a ZIP.",
    {200: "application/zip"},
    errors=(400, 404),
    form={"type": "object", "required": ["owner_key"], "properties": {"owner_key": {"type": "string"}}},
    form_type="application/x-www-form-urlencoded",
)
def download() -> Response:
    # A form, so that the key is neither in an address nor in a log.
    library, key = server_state().library, keys.check_key(request.form.get("owner_key", ""))
    ready = [one.photo for one in off_loop(keys.mine, library, key) if one.photo.state == "ready"]
    if not ready:
        raise BadInput("There is nothing of yours here yet. Bring a photo first.", "nothing_yours", 404)
    return archive_response(off_loop(Archive, library, [(one.token, one.created, one.id) for one in ready]))


@blueprint.post("/api/mine/code")
@needs(Permission.OWN)
@describe(
    "Four words that give this owner key to another device, for 24 hours.",
    {200: WordsCodeBody},
    errors=(400, 404),
    headers=OWNER_HEADER,
)
def make_code() -> Response:
    library = server_state().library
    words = off_loop(keys.make_code, library, _key())
    return _fresh(WordsCodeBody(words=words, expires=library.clock() + keys.CODE_SECONDS))


@blueprint.post("/api/code")
@needs(Permission.PAGES)
@describe(
    "The owner key that four words stand for. After five wrong tries a device has to wait.",
    {200: KeyBody},
    errors=(400, 404, 429),
    form={"$ref": "#/components/schemas/WordsCodePost"},
    form_type="application/json",
)
def open_code() -> Response:
    words, state, address = read_json(WordsCodePost).words, server_state(), request.remote_addr or ""
    # Counted before the answer is known, so that simultaneous tries are counted one by one.
    state.word_lockout.attempt(address, "Too many wrong words came from this device.")
    key = off_loop(keys.open_code, state.library, words)
    if key is None:
        raise BadInput("These are not the words of a code, or it is older than a day.", "wrong_words", 404)
    state.word_lockout.right(address)
    return _fresh(KeyBody(owner_key=key))


def _key() -> str:
    return keys.check_key(request.headers.get("X-Owner-Key", ""))


def _fresh(body: Shape) -> Response:
    response = jsonify(body.model_dump())
    response.cache_control.no_store = True
    return response
