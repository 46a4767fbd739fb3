"""/operator: what happens now, and why nothing does; and the events that keep the operator's pages up to date."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from kiosk.library.library import Library
from kiosk.library.records import INTAKE_PAUSED, Status
from kiosk.people import operators, reviewing
from kiosk.people.roles import Permission
from kiosk.recipes.available import available_styles
from kiosk.server.access import SESSION_COOKIE, check_form, is_console, needs
from kiosk.server.api.describe import describe
from kiosk.server.api.events import stream
from kiosk.server.api.status import status_body
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import NOW, REFUSED, done, form, ours, show
from kiosk.server.operator.problems import find_problems
from kiosk.server.state import server_state
from kiosk.storage import free_bytes

blueprint = Blueprint("operator", __name__)

GIGABYTE = 1_000_000_000


@blueprint.get(NOW)
@needs(Permission.OPERATE)
@describe("The operator's first page; only on the kiosk itself or over https.", {200: "text/html"}, errors=REFUSED)
def now() -> Response:
    state = server_state()
    secure = off_loop(state.secure_url, NOW)
    return show(
        "now.html",
        guest_url=off_loop(state.guest_url),
        operator_url=secure,
        wifi_name=state.settings.network.wifi_name,
        first_pin=off_loop(operators.first_pin, state.data) if is_console() else None,
        signed_in=SESSION_COOKIE in request.cookies,
        listeners=state.broadcast.listeners,
        **off_loop(_look, state.library, state.has_camera),
    )


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


@blueprint.post("/operator/intake")
@needs(Permission.OPERATE)
@describe("Pause or resume intake.", {303: None}, errors=REFUSED, **form(paused={"enum": ["yes", "no"]}))
def intake() -> ResponseReturnValue:
    check_form()
    paused = request.form.get("paused") == "yes"
    off_loop(server_state().library.set_flag, INTAKE_PAUSED, paused)
    sentence = "Intake is paused. What is here is still dreamed." if paused else "Guests can bring photos again."
    return done(NOW, sentence)


def _look(library: Library, has_camera: bool) -> dict[str, Any]:
    unfinished = library.unfinished(limit=1000)
    working = [status for status in unfinished if status.position == 0]
    last = max((status.eta_seconds or 0.0 for status in unfinished), default=0.0)
    begin = time.mktime((*time.localtime(library.clock())[:3], 0, 0, 0, 0, 0, -1))
    day = reviewing.day(library, begin)
    return {
        "still": stillness(library, has_camera, unfinished, working),
        "working": [(status_body(status), status.photo) for status in working],
        "waiting": len(unfinished) - len(working),
        "until": library.clock() + last if last else None,
        "day": day,
        "counts": reviewing.counts(library),
        "room": room(library, day.pace),
    }


def stillness(library: Library, has_camera: bool, unfinished: list[Status], working: list[Status]) -> list[str]:
    """Why nothing moves, and what to do, in sentences; empty if something does, or could."""
    sentences = [problem.message for problem in find_problems(library, has_camera)]
    if library.flag(INTAKE_PAUSED):
        sentences.append("Intake is paused, so nobody can bring photos. Press “Resume intake” when you are ready.")
    if not available_styles(library.data.graphs):
        sentences.append("No network is built, so nothing can be dreamed. Run `dreamkiosk models build` on the kiosk.")
    elif unfinished and not working and not sentences:
        sentences.append("Photos wait, and the worker is about to begin. If this stays for a minute, look at its log.")
    return sentences


@dataclass(frozen=True)
class Room:
    """Room on the disk. bytes: until the quota or the reserve is reached. photos: how many fit; hours: how long that
    lasts at the present pace. None where that is not known yet."""

    bytes: float
    photos: int | None
    hours: float | None


def room(library: Library, pace: int) -> Room:
    """The room that is left before the oldest photos have to go. pace: photos an hour."""
    keep = library.retention
    quota = keep.quota_gb * GIGABYTE - library.used_bytes()
    left = max(0.0, min(quota, free_bytes(library.data.photos) - keep.reserve_gb * GIGABYTE))
    each = reviewing.photo_bytes(library)
    photos = int(left / each) if each else None
    return Room(left, photos, photos / pace if photos is not None and pace else None)
