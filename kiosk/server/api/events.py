"""Server-sent events: changes of photos and listings, pushed as they happen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from flask import Blueprint, Response, request

from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.api.reading import read_json
from kiosk.server.api.shapes import GazePost, SeenBody
from kiosk.server.live.listener import Listener
from kiosk.server.state import server_state

blueprint = Blueprint("events", __name__)


@blueprint.get("/api/photos/<token>/events")
@needs(Permission.SEE)
@describe(
    "A photo's changes: events `state`, `progress` and `preview`, each with the photo's status as data, starting with "
    "the current one. Events `room` say who is looking where (RoomBody), at most five times a second.",
    {200: "text/event-stream"},
    errors=(404, 503),
)
def photo_events(token: str) -> Response:
    return stream(server_state().broadcast.watching(token, _address()))


@blueprint.get("/api/photos/events")
@needs(Permission.LIST)
@describe(
    "The photos that others may see: an event `photos` (PhotosBody) with the current list, then one whenever a photo "
    "is added or removed.",
    {200: "text/event-stream"},
    errors=(503,),
)
def gallery_events() -> Response:
    return stream(server_state().broadcast.watching_gallery(_address()))


@blueprint.get("/api/events")
@needs(Permission.LIST)
@describe(
    "What the big screen shows: events `latest` (LatestBody) with the photos that others may see, the queue and any "
    "fault, starting with the current state.",
    {200: "text/event-stream"},
    errors=(503,),
)
def latest_events() -> Response:
    return stream(server_state().broadcast.watching_latest(_address()))


@blueprint.post("/api/photos/<token>/room")
@needs(Permission.SEE)
@describe(
    "Report where a viewer of a photo is looking, so that the others see it: at most four times a second, and every "
    "few seconds while it does not change. The kiosk keeps nothing longer than five seconds. Requires an open stream "
    "of the photo's events.",
    {200: SeenBody},
    errors=(400, 404, 409, 429, 503),
    form={"$ref": "#/components/schemas/GazePost"},
    form_type="application/json",
)
def look(token: str) -> Response:
    gaze = read_json(GazePost, "bad_gaze")
    seen = server_state().broadcast.look(token, gaze, _address())
    response = Response(seen.model_dump_json(), mimetype="application/json")
    response.cache_control.no_store = True
    return response


def _address() -> str:
    return request.remote_addr or ""


def stream(watching: AbstractContextManager[Listener]) -> Response:
    """The response that streams what a listener hears, until the phone leaves."""
    # Entered here, so that a refusal becomes an HTTP status and not an error in the middle of the stream.
    listener = watching.__enter__()

    def text() -> Iterator[str]:
        yield from listener.stream()

    response = Response(text(), mimetype="text/event-stream")
    response.call_on_close(lambda: watching.__exit__(None, None, None))
    response.cache_control.no_store = True
    response.headers["X-Accel-Buffering"] = "no"
    return response
