"""/operator: queue, photos and disk on one page that works without JavaScript."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request
from flask.typing import ResponseReturnValue

from kiosk.library.library import Library
from kiosk.library.records import INTAKE_PAUSED, QUEUED, WORKING
from kiosk.people.roles import Permission
from kiosk.server.access import FORM_TOKEN, check_form, form_token, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.status import status_body
from kiosk.server.archive import Archive, archive_response
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.problems import examine
from kiosk.server.state import server_state

blueprint = Blueprint("operator", __name__)

_FORM = {"type": "object", "required": [FORM_TOKEN], "properties": {FORM_TOKEN: {"type": "string"}}}
_DONE = {303: None}
_REFUSED = (401, 403)


@blueprint.get("/operator")
@needs(Permission.OPERATE)
@describe("The operator's page; only on the kiosk itself or over https.", {200: "text/html"}, errors=_REFUSED)
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
@needs(Permission.OPERATE)
@describe("Delete a photo.", _DONE, errors=(*_REFUSED, 404), form=_FORM, form_type="application/x-www-form-urlencoded")
def delete(token: str) -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.remove, token)
    return redirect("/operator", 303)


@blueprint.post("/operator/intake")
@needs(Permission.OPERATE)
@describe(
    "Pause or resume intake.",
    _DONE,
    errors=_REFUSED,
    form={**_FORM, "properties": {**_FORM["properties"], "paused": {"enum": ["yes", "no"]}}},
    form_type="application/x-www-form-urlencoded",
)
def intake() -> ResponseReturnValue:
    check_form()
    off_loop(server_state().library.set_flag, INTAKE_PAUSED, request.form.get("paused") == "yes")
    return redirect("/operator", 303)


@blueprint.get("/operator/photos.zip")
@needs(Permission.OPERATE)
@describe(
    "All ready photos with their originals as a ZIP; resumable while the photos do not change.",
    {200: "application/zip", 206: "application/zip"},
    errors=(*_REFUSED, 416),
    headers={
        "Range": {"type": "string", "description": "bytes=N-, to resume an interrupted download"},
        "If-Range": {"type": "string", "description": "the ETag of the interrupted download"},
    },
)
def download() -> Response:
    return archive_response(off_loop(Archive, server_state().library))


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
