"""Server-sent events: what changes, as it changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from flask import Blueprint, Response, request
from pydantic import ValidationError

from kiosk.errors import BadInput
from kiosk.server.api.describe import describe
from kiosk.server.api.shapes import GazePost, SeenBody
from kiosk.server.live.broadcast import Listener
from kiosk.server.state import server_state

blueprint = Blueprint("events", __name__)


@blueprint.get("/api/photos/<token>/events")
@describe(
    "A photo's life: events `state`, `progress` and `preview`, each with the photo's status as data; first how it is. "
    "Events `room` say who looks where (RoomBody), five times a second at most.",
    {200: "text/event-stream"},
    errors=(404, 503),
)
def photo_events(token: str) -> Response:
    return _stream(server_state().broadcast.watching(token, _address()))


@blueprint.get("/api/photos/events")
@describe(
    "The photos that others may see: events `photos` (PhotosBody), first how it is, then whenever one comes or goes.",
    {200: "text/event-stream"},
    errors=(503,),
)
def gallery_events() -> Response:
    return _stream(server_state().broadcast.watching_gallery(_address()))


@blueprint.get("/api/events")
@describe(
    "What the big screen shows: events `latest` (LatestBody) with the photos that others may see, the queue and what "
    "is wrong; first how it is.",
    {200: "text/event-stream"},
    errors=(503,),
)
def latest_events() -> Response:
    return _stream(server_state().broadcast.watching_latest(_address()))


@blueprint.post("/api/photos/<token>/room")
@describe(
    "Say where one looks at a photo, so that the others see it: four times a second at most, and every few seconds "
    "while standing still. Nothing of it is kept for longer than five seconds. The photo's events must be listened to.",
    {200: SeenBody},
    errors=(400, 404, 409, 429, 503),
    form={"$ref": "#/components/schemas/GazePost"},
    form_type="application/json",
)
def look(token: str) -> Response:
    # Whatever type it claims to be: a page that closes can only send text.
    try:
        gaze = GazePost.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise BadInput(f"This is not a gaze: {where}: {first['msg']}.", "bad_gaze") from None
    seen = server_state().broadcast.look(token, gaze, _address())
    response = Response(seen.model_dump_json(), mimetype="application/json")
    response.cache_control.no_store = True
    return response


def _address() -> str:
    return request.remote_addr or ""


def _stream(watching: AbstractContextManager[Listener]) -> Response:
    # Entered here, so that what is refused is refused with a status and not in the middle of a stream.
    listener = watching.__enter__()

    def text() -> Iterator[str]:
        yield from listener.stream()

    response = Response(text(), mimetype="text/event-stream")
    response.call_on_close(lambda: watching.__exit__(None, None, None))
    response.cache_control.no_store = True
    response.headers["X-Accel-Buffering"] = "no"
    return response
