"""/operator/photos: all photos, to look through and to hide, show, approve, delete, restore; and their uploaders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, send_file
from flask.typing import ResponseReturnValue

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.library.looking.verdict import NUDITY, UNSEEN
from kiosk.library.records import Photo
from kiosk.people import deeds, reviewing, uploaders
from kiosk.people.deeds import Deed
from kiosk.people.reviewing import Search
from kiosk.people.roles import Permission
from kiosk.server.access import check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.pictures import WEBP
from kiosk.server.api.status import status_body, title_of
from kiosk.server.archive import Archive, archive_response
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, done, form, ours, show
from kiosk.server.state import server_state

blueprint = Blueprint("operator_photos", __name__)

HERE = "/operator/photos"
PER_PAGE = 48
VIEWS = (
    ("all", "All"),
    ("waiting", "Waiting for you"),
    ("held", "Held back"),
    ("hidden", "Hidden"),
    ("private", "Not shown"),
    ("bin", "Bin"),
)
"""Views and their names, in the page's order."""
DEEDS: dict[str, tuple[Callable[[Library, Sequence[str]], Deed], str]] = {
    "show": (deeds.show, "shown"),
    "hide": (deeds.hide, "hidden"),
    "approve": (deeds.approve, "approved"),
    "delete": (deeds.delete, "moved to the bin"),
    "restore": (deeds.restore, "restored"),
}
"""What can be done to photos, and how the page tells of it."""
HELD = {NUDITY: "The kiosk thinks that this shows nudity.", UNSEEN: "The kiosk has not looked at it yet."}
"""Why the kiosk holds a photo back, in words."""
_TOKENS = {"type": "array", "items": {"type": "string"}}
_BACK = {"type": "string", "description": "the page to go on to"}


@blueprint.get(HERE)
@needs(Permission.OPERATE)
@describe(
    "The operator's page of all photos.",
    {200: "text/html"},
    errors=(400, 404, *REFUSED),
    query={
        "view": {"type": "string", "enum": [name for name, _ in VIEWS]},
        "number": {"type": "string"},
        "style": {"type": "string"},
        "state": {"type": "string", "enum": [*reviewing.STATES]},
        "by": {"type": "string", "description": "the pseudonym of who brought them"},
        "before": {"type": "string"},
    },
)
def photos() -> Response:
    search = _search()
    return show("photos.html", search=search, views=VIEWS, **off_loop(_look, server_state().library, search))


def _search() -> Search:
    given = {name: value.strip() for name, value in request.args.items() if value.strip()}
    style = given.get("style")
    return Search(
        view=given.get("view", "all"),
        number=_number(given.get("number")),
        style="" if style == "-" else style,
        state=given.get("state"),
        client=given.get("by"),
        before=_number(given.get("before")),
    )


def _number(text: str | None) -> int | None:
    """A photo's number, with or without "#". Raises BadInput."""
    if text is None:
        return None
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise BadInput("A photo's number has digits only, such as 12.", "bad_number")
    return int(digits)


def _look(library: Library, search: Search) -> dict[str, Any]:
    page = reviewing.find(library, search, PER_PAGE)
    query = urlencode({name: request_value for name, request_value in _query(search) if request_value})
    return {
        "found": [(status_body(one.status), one.status.photo, one.client) for one in page.photos],
        "older": f"{HERE}?{query}&before={page.next}" if page.next else None,
        "counts": reviewing.counts(library),
        "styles": [(name or "-", title_of(name) or name or "The kiosk's style") for name in reviewing.styles(library)],
        "blocked": uploaders.blocked(library),
        "why": why,
    }


def _query(search: Search) -> tuple[tuple[str, object], ...]:
    style = "-" if search.style == "" else search.style
    return ("view", search.view), ("style", style), ("state", search.state), ("by", search.client)


def why(photo: Photo) -> list[tuple[str, str]]:
    """Why others do not see a photo, each with the class of its label."""
    reasons = []
    if photo.binned is not None:
        reasons.append(("unwell", "In the bin"))
    if photo.held is not None:
        reasons.append(("unwell", HELD.get(photo.held, f"Held back: {photo.held}")))
    if photo.hidden:
        reasons.append(("unwell", "Hidden"))
    if not photo.shown:
        reasons.append(("soft", "Not shown: its guest does not want it"))
    elif not photo.approved:
        reasons.append(("unwell", "Waits for you"))
    return reasons


@blueprint.post("/operator/photos/deed")
@needs(Permission.OPERATE)
@describe(
    "Hide, show, approve, delete or restore photos. Deleted ones go into the bin.",
    {303: None},
    errors=(400, *REFUSED),
    **form(("deed",), deed={"enum": [*DEEDS]}, token=_TOKENS, back=_BACK),
)
def act() -> ResponseReturnValue:
    check_form()
    back = ours(request.form.get("back", ""), HERE)
    tokens = request.form.getlist("token")
    if request.form.get("deed") not in DEEDS:
        raise BadInput(f"There is no such deed; there are {', '.join(DEEDS)}.", "no_deed")
    return perform(request.form["deed"], tokens, back) if tokens else done(back, "Select photos first.")


def perform(name: str, tokens: Sequence[str], back: str) -> ResponseReturnValue:
    """Do one of DEEDS to photos and go on to the page at `back`, where it can be undone."""
    library = server_state().library
    function, past = DEEDS[name]
    deed = off_loop(function, library, tokens)
    if not deed.count:
        return done(back, f"Nothing to do: {counted(len(tokens))} {past} already.")
    return done(back, f"{counted(deed.count)} {past}.", lambda: f"Undone for {counted(deeds.undo(library, deed))}.")


def counted(count: int) -> str:
    """A number of photos in words."""
    return "1 photo" if count == 1 else f"{count} photos"


@blueprint.post("/operator/photos/<token>/delete")
@needs(Permission.OPERATE)
@describe("Put a photo into the bin.", {303: None}, errors=(*REFUSED, 404), **form(back=_BACK))
def delete(token: str) -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.photo, token)
    return perform("delete", [token], ours(request.form.get("back", ""), HERE))


@blueprint.post("/operator/photos/empty-bin")
@needs(Permission.OPERATE)
@describe("Remove what is in the bin for good.", {303: None}, errors=REFUSED, **form(back=_BACK))
def empty_bin() -> ResponseReturnValue:
    check_form()
    removed = off_loop(deeds.empty_bin, server_state().library)
    return done(ours(request.form.get("back", ""), HERE), f"{counted(removed)} removed for good.")


@blueprint.post("/operator/photos/block")
@needs(Permission.OPERATE)
@describe(
    "Refuse further photos of whoever brought this one.",
    {303: None},
    errors=(*REFUSED, 404, 409),
    **form(("block",), block={"type": "string", "description": "the photo's token"}, back=_BACK),
)
def block() -> ResponseReturnValue:
    check_form()
    library = server_state().library
    client = off_loop(uploaders.block, library, request.form.get("block", ""))

    def undo() -> str:
        uploaders.unblock(library, client)
        return "They can bring photos again."

    return done(ours(request.form.get("back", ""), HERE), "Whoever brought this photo can bring no more.", undo)


@blueprint.post("/operator/photos/unblock")
@needs(Permission.OPERATE)
@describe(
    "Let somebody bring photos again.",
    {303: None},
    errors=(*REFUSED, 404),
    **form(("client",), client={"type": "string", "description": "their pseudonym"}, back=_BACK),
)
def unblock() -> ResponseReturnValue:
    check_form()
    off_loop(uploaders.unblock, server_state().library, request.form.get("client", ""))
    return done(ours(request.form.get("back", ""), HERE), "They can bring photos again.")


@blueprint.get("/operator/photos/<token>/thumb.webp")
@needs(Permission.OPERATE)
@describe("The small picture of a photo, in the bin too.", {200: WEBP, 304: None}, errors=(*REFUSED, 404))
def thumb(token: str) -> Response:
    path = server_state().library.files(token).thumb
    if not off_loop(path.is_file):
        raise BadInput("This photo has no such picture (yet).", "no_such_picture", 404)
    response = send_file(path, mimetype=WEBP, conditional=True, etag=True)
    response.cache_control.no_store = True
    return response


@blueprint.get("/operator/photos.zip")
@needs(Permission.OPERATE)
@describe(
    "All ready photos with their originals as a ZIP; resumable while the photos do not change.",
    {200: "application/zip", 206: "application/zip"},
    errors=(*REFUSED, 416),
    headers={
        "Range": {"type": "string", "description": "bytes=N-, to resume an interrupted download"},
        "If-Range": {"type": "string", "description": "the ETag of the interrupted download"},
    },
)
def download() -> Response:
    return archive_response(off_loop(Archive, server_state().library))
