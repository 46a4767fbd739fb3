"""/operator: queue, photos and disk on one page that works without JavaScript."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request
from flask.typing import ResponseReturnValue

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.library.records import INTAKE_PAUSED, QUEUED, WORKING
from kiosk.server.api.describe import describe
from kiosk.server.api.status import status_body
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.archive import Archive
from kiosk.server.operator.problems import examine
from kiosk.server.security import FORM_TOKEN, check_form, for_operator, form_token
from kiosk.server.state import server_state

blueprint = Blueprint("operator", __name__)

_FORM = {"type": "object", "required": [FORM_TOKEN], "properties": {FORM_TOKEN: {"type": "string"}}}
_DONE = {303: None}
_REFUSED = (401, 403)


@blueprint.get("/operator")
@describe("The operator's page; only on the kiosk itself or over https.", {200: "text/html"}, errors=_REFUSED)
@for_operator
def board() -> Response:
    box = server_state()
    facts = off_loop(_look, box.library, box.has_camera)
    # With a thousand photos the page is long, so a thread renders it while guests' requests go on.
    text = off_loop(
        current_app.jinja_env.get_template("operator.html").render,
        name=box.settings.network.name,
        guest_url=off_loop(box.guest_url),
        listeners=box.broadcast.listeners,
        form_token=form_token(),
        clock=lambda moment: time.strftime("%H:%M", time.localtime(moment)),
        **facts,
    )
    response = Response(text, mimetype="text/html")
    response.cache_control.no_store = True
    return response


@blueprint.post("/operator/photos/<token>/delete")
@describe("Delete a photo.", _DONE, errors=(*_REFUSED, 404), form=_FORM, form_type="application/x-www-form-urlencoded")
@for_operator
def delete(token: str) -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.remove, token)
    return redirect("/operator", 303)


@blueprint.post("/operator/intake")
@describe(
    "Pause or resume intake.",
    _DONE,
    errors=_REFUSED,
    form={**_FORM, "properties": {**_FORM["properties"], "paused": {"enum": ["yes", "no"]}}},
    form_type="application/x-www-form-urlencoded",
)
@for_operator
def intake() -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.set_flag, INTAKE_PAUSED, request.form.get("paused") == "yes")
    return redirect("/operator", 303)


@blueprint.get("/operator/photos.zip")
@describe(
    "All ready photos with their originals as a ZIP; resumable while the photos do not change.",
    {200: "application/zip", 206: "application/zip"},
    errors=(*_REFUSED, 416),
    headers={
        "Range": {"type": "string", "description": "bytes=N-, to resume an interrupted download"},
        "If-Range": {"type": "string", "description": "the ETag of the interrupted download"},
    },
)
@for_operator
def download() -> Response:
    archive = off_loop(Archive, server_state().library)
    start, end = _wanted_part(archive)

    def chunks() -> Iterator[bytes]:
        parts = archive.chunks(start, end)
        while (part := off_loop(next, parts, None)) is not None:
            yield part

    response = Response(chunks(), mimetype="application/zip")
    response.content_length = end - start
    response.set_etag(archive.etag)
    response.accept_ranges = "bytes"
    if (start, end) != (0, archive.size):
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{archive.size}"
    response.headers["Content-Disposition"] = 'attachment; filename="dreams.zip"'
    response.cache_control.no_store = True
    return response


def _wanted_part(archive: Archive) -> tuple[int, int]:
    """(start, end) of the requested bytes: the whole archive, unless the request has a range for this very archive."""
    wanted, condition = request.range, request.if_range
    other = (condition.etag or condition.date) and condition.etag != archive.etag
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or other:
        return 0, archive.size
    part = wanted.range_for_length(archive.size)
    if part is None:
        raise BadInput("The archive has no such range.", "bad_range", 416)
    return part


def _look(library: Library, has_camera: bool) -> dict[str, Any]:
    """The photos, the health and the disk usage that the page shows."""
    statuses = library.everything()
    queue = [status for status in reversed(statuses) if status.photo.state in QUEUED + WORKING]
    done = [status for status in statuses if status.photo.state not in QUEUED + WORKING]
    return {
        "health": examine(library, has_camera),
        "paused": library.flag(INTAKE_PAUSED),
        "queue": [(status_body(one), one.photo) for one in queue],
        "done": [(status_body(one), one.photo) for one in done],
        "used": sum(one.photo.bytes for one in statuses),
    }
