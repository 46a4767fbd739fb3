"""Server-sent events: what changes, as it changes."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, request

from kiosk.server.context import kiosk
from kiosk.server.describe import describe

blueprint = Blueprint("events", __name__)


@blueprint.get("/api/photos/<token>/events")
@describe(
    "A photo's life: events `state`, `progress` and `preview`, each with the photo's status as data; first how it is.",
    {200: "text/event-stream"},
    errors=(404, 503),
)
def photo_events(token: str) -> Response:
    return _stream(token)


@blueprint.get("/api/events")
@describe(
    "What the big screen shows: events `latest` with the newest ready photos; first those there are.",
    {200: "text/event-stream"},
    errors=(503,),
)
def latest_events() -> Response:
    return _stream(None)


def _stream(token: str | None) -> Response:
    watching = kiosk().broadcast.watching(token, request.remote_addr or "")
    # Entered here, so that what is refused is refused with a status and not in the middle of a stream.
    listener = watching.__enter__()

    def text() -> Iterator[str]:
        yield from listener.stream()

    response = Response(text(), mimetype="text/event-stream")
    response.call_on_close(lambda: watching.__exit__(None, None, None))
    response.cache_control.no_store = True
    response.headers["X-Accel-Buffering"] = "no"
    return response
