"""/api/photos: upload a photo, ask for its status, delete it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from flask import Blueprint, Response, jsonify, request

from kiosk.errors import BadInput, KioskError
from kiosk.library.intake import accept, check_open, too_large
from kiosk.library.records import Photo
from kiosk.people.keys import KEY, check_key
from kiosk.people.roles import Permission
from kiosk.people.showing import agreed, newest, set_shown
from kiosk.recipes.words import LONGEST
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.people_shapes import ShowPost
from kiosk.server.api.reading import read_json
from kiosk.server.api.shapes import CreatedBody, PhotosBody, StatusBody
from kiosk.server.api.status import status_body
from kiosk.server.api.upload import SpoolFile
from kiosk.server.api.words import understood
from kiosk.server.http.offloop import off_loop
from kiosk.server.http.turns import end_turn
from kiosk.server.state import ServerState, server_state

blueprint = Blueprint("photos", __name__)
log = logging.getLogger(__name__)

MOST_LISTED = 100
_SHOW = {"yes": True, "no": False, None: None}
_GONE = {"deleted": "This photo was deleted.", "expired": "This photo has expired and was removed."}

OWNER_HEADER = {"X-Owner-Key": {"type": "string", "required": True, "description": "owner_key from the upload"}}

_FORM = {
    "type": "object",
    "required": ["photo"],
    "properties": {
        "photo": {
            "type": "string",
            "format": "binary",
            "description": "a JPEG, PNG, WebP, HEIC, AVIF or TIFF file, preferably a 360 photo",
        },
        "style": {"type": "string", "description": "a style's name from /api/kiosk; the kiosk's default if omitted"},
        "dream_of": {
            "type": "string",
            "maxLength": LONGEST,
            "description": "instead of `style`: one to three ImageNet classes by name, such as `a lion and daisies`",
        },
        "show": {
            "type": "string",
            "enum": ["yes", "no"],
            "description": "whether others may see the dream in the kiosk's listings and on its screen; the event's "
            "default if omitted",
        },
        "owner_key": {
            "type": "string",
            "pattern": f"^{KEY.pattern}$",
            "description": "the key that this device has already; a new one if omitted",
        },
        "upload": {
            "type": "string",
            "pattern": f"^{KEY.pattern}$",
            "description": "a random ID of this upload: with the same one and the same owner key, the same photo is "
            "the answer again for half an hour, and no second one is made",
        },
    },
}


@blueprint.post("/api/photos")
@needs(Permission.BRING)
@describe(
    "Upload a photo. It is stored durably when this returns; its status and events report progress.",
    {201: CreatedBody},
    errors=(400, 408, 413, 415, 429, 503, 507),
    form=_FORM,
)
def create() -> Response:
    state = server_state()
    try:
        # Content-Length is only a claim: it may get the upload refused, but never evicts a photo.
        promised = request.content_length or 0
        if promised > (request.max_content_length or 0):
            raise too_large(state.library)
        off_loop(check_open, state.library)
        with state.receiving.upload(request.remote_addr or "", request.content_length) as promise:
            request.arrived = promise.arrived  # type: ignore[attr-defined]
            photo, seconds = _receive(state)
    except KioskError as error:
        state.metrics.uploads.labels(error.code).inc()
        raise
    state.metrics.uploads.labels("accepted").inc()
    state.metrics.intake_seconds.observe(seconds)
    body = CreatedBody(
        id=photo.id,
        token=photo.token,
        owner_key=photo.owner_key or "",
        state=photo.state,
        kind=photo.kind,
        viewer_url=f"/v/{photo.token}",
        status_url=f"/api/photos/{photo.token}",
    )
    response = jsonify(body.model_dump())
    response.status_code = 201
    response.headers["Location"] = body.status_url
    response.cache_control.no_store = True
    return response


def _receive(state: ServerState) -> tuple[Photo, float]:
    """Take in the photo of the current request; return it with the seconds this took after the upload arrived."""
    end_turn()
    file = request.files.get("photo")
    if file is None:
        raise BadInput("No photo was sent: it belongs in the form field 'photo'.", "no_photo")
    spooled = file.stream
    if not isinstance(spooled, SpoolFile):
        raise TypeError("uploads must be spooled")
    show = request.form.get("show") or None
    if show not in _SHOW:
        raise BadInput("show must be yes or no: whether others may see the dream.", "bad_show")
    owner_key = request.form.get("owner_key") or None
    upload = request.form.get("upload") or None
    for secret in (owner_key, upload):
        if secret is not None:
            check_key(secret)
    if not (owner_key and upload):
        return _take_in(state, spooled.path, show, owner_key)
    with state.answered.one_at_a_time(owner_key, upload):
        if before := state.answered.find(owner_key, upload):
            return before, 0.0
        photo, seconds = _take_in(state, spooled.path, show, owner_key)
        state.answered.keep(owner_key, upload, photo)
        return photo, seconds


def _take_in(state: ServerState, path: Path, show: str | None, owner_key: str | None) -> tuple[Photo, float]:
    """Take in the file at `path` as the current request wishes; see `_receive`."""
    style = _style()
    started = time.monotonic()
    address = request.remote_addr or ""
    client = state.receiving.name_of(address)
    photo = state.receiving.decode(
        address,
        accept,
        state.library,
        path,
        style=style,
        show=agreed(_SHOW[show], state.settings.people),
        client=client,
        owner_key=owner_key,
        approved=not state.settings.people.approve,
    )
    return photo, time.monotonic() - started


def _style() -> str | None:
    """The name of the style that the current request asks for, by name or by words; None for the kiosk's default."""
    style, words = request.form.get("style") or None, request.form.get("dream_of") or None
    if words is None:
        return style
    if style is not None:
        raise BadInput("Send either style or dream_of, not both.", "style_and_words")
    return understood(words).name


@blueprint.get("/api/photos")
@needs(Permission.LIST)
@describe(
    "The newest ready photos that others may see: those guests agreed to show, and those the kiosk's own camera took, "
    "unless the operator or the kiosk holds them back.",
    {200: PhotosBody},
    errors=(400,),
    query={
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 12},
        "before": {"type": "integer", "minimum": 1, "description": "only photos with a smaller number, for paging"},
        "style": {"type": "string", "maxLength": 60, "description": "only dreams of the style with this name"},
    },
)
def latest() -> Response:
    limit = _number("limit", MOST_LISTED) or 12
    page = off_loop(newest, server_state().library, limit, _number("before", 2**53), request.args.get("style") or None)
    body = PhotosBody(photos=[status_body(status) for status in page.statuses], next=page.next)
    return _fresh(jsonify(body.model_dump()))


def _number(name: str, most: int) -> int | None:
    """A whole number from 1 to `most` in the query; None if it is not there. Raises BadInput."""
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and 1 <= int(text) <= most):
        raise BadInput(f"{name} must be a number from 1 to {most}.", f"bad_{name}")
    return int(text)


@blueprint.get("/api/photos/<token>")
@needs(Permission.SEE)
@describe("A photo's status.", {200: StatusBody}, errors=(404,))
def status(token: str) -> Response:
    found = off_loop(server_state().library.status, token)
    if found.photo.is_gone:
        state = "expired" if found.photo.state == "expired" else "deleted"
        raise BadInput(_GONE[state], state, 404)
    return _fresh(jsonify(status_body(found).model_dump()))


@blueprint.patch("/api/photos/<token>")
@needs(Permission.OWN)
@describe(
    "Say whether others may see a dream.",
    {200: StatusBody},
    errors=(400, 403, 404),
    headers=OWNER_HEADER,
    form={"$ref": "#/components/schemas/ShowPost"},
    form_type="application/json",
)
def change(token: str) -> Response:
    wish = read_json(ShowPost)
    state = server_state()
    show = agreed(wish.show, state.settings.people)
    off_loop(set_shown, state.library, token, request.headers.get("X-Owner-Key"), show, state.settings.people)
    return _fresh(jsonify(status_body(off_loop(state.library.status, token)).model_dump()))


@blueprint.delete("/api/photos/<token>")
@needs(Permission.OWN)
@describe(
    "Delete a photo and everything made from it, immediately and permanently.",
    {204: None},
    errors=(403, 404),
    headers=OWNER_HEADER,
)
def delete(token: str) -> Response:
    off_loop(server_state().library.delete, token, request.headers.get("X-Owner-Key"))
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def _fresh(response: Response) -> Response:
    response.cache_control.no_store = True
    return response
