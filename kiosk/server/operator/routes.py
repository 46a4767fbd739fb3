"""/operator: what happens now, and the events that keep the operator's pages up to date."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from kiosk.library.library import Library
from kiosk.library.records import INTAKE_PAUSED, QUEUED, WORKING
from kiosk.people.roles import Permission
from kiosk.server.access import check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.events import stream
from kiosk.server.api.status import status_body
from kiosk.server.archive import Archive, archive_response
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import NOW, REFUSED, done, form, ours, show
from kiosk.server.state import server_state

blueprint = Blueprint("operator", __name__)


@blueprint.get("/operator")
@needs(Permission.OPERATE)
@describe("The operator's first page; only on the kiosk itself or over https.", {200: "text/html"}, errors=REFUSED)
def now() -> Response:
    box = server_state()
    facts = off_loop(_look, box.library)
    return show("now.html", guest_url=off_loop(box.guest_url), listeners=box.broadcast.listeners, **facts)


@blueprint.get("/operator/events")
@needs(Permission.OPERATE)
@describe(
    "An event `changed` whenever anything has changed that the operator's pages show, at most once a second.",
    {200: "text/event-stream"},
    errors=(*REFUSED, 503),
)
def events() -> Response:
    return stream(server_state().broadcast.watching_changes(request.remote_addr or ""))


@blueprint.post("/operator/undo")
@needs(Permission.OPERATE)
@describe(
    "Undo a deed, within a minute.",
    {303: None},
    errors=(*REFUSED, 404, 409),
    **form(("note",), note={"type": "string"}, back={"type": "string"}),
)
def undo() -> ResponseReturnValue:
    check_form()
    undo = server_state().notes.take(request.form.get("note", ""))
    return done(ours(request.form.get("back", "")), off_loop(undo))


@blueprint.post("/operator/photos/<token>/delete")
@needs(Permission.OPERATE)
@describe("Delete a photo.", {303: None}, errors=(*REFUSED, 404), **form())
def delete(token: str) -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.remove, token)
    return redirect(NOW, 303)


@blueprint.post("/operator/intake")
@needs(Permission.OPERATE)
@describe("Pause or resume intake.", {303: None}, errors=REFUSED, **form(paused={"enum": ["yes", "no"]}))
def intake() -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.set_flag, INTAKE_PAUSED, request.form.get("paused") == "yes")
    return redirect(NOW, 303)


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


def _look(library: Library) -> dict[str, Any]:
    """The photos and the disk usage that the page shows."""
    statuses = library.everything()
    queue = [status for status in reversed(statuses) if status.photo.state in QUEUED + WORKING]
    done = [status for status in statuses if status.photo.state not in QUEUED + WORKING]
    return {
        "queue": [(status_body(one), one.photo) for one in queue],
        "done": [(status_body(one), one.photo) for one in done],
        "used": sum(one.photo.bytes for one in statuses),
    }
