"""The application factory."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial

from flask import Flask, request
from flask_limiter import Limiter

from kiosk import settings as settings_file
from kiosk.capture.registry import kind_of
from kiosk.library.library import Library
from kiosk.library.upkeep.retention import check_reserve
from kiosk.people.screens import Screens
from kiosk.server import access, errors, security
from kiosk.server.answered import Answered
from kiosk.server.api import codes, events, info, mine, openapi, photos, pictures, screens, words
from kiosk.server.api.upload import SpoolingRequest
from kiosk.server.http.receiving import Receiving
from kiosk.server.live.broadcast import Broadcast
from kiosk.server.live.screen import Screen
from kiosk.server.lockout import Lockout
from kiosk.server.operator import health, now, queue, signing
from kiosk.server.operator import people as operator_people
from kiosk.server.operator import photos as operator_photos
from kiosk.server.operator.metrics import Metrics
from kiosk.server.operator.notes import Notes
from kiosk.server.operator.setup import event, log, rehearsal, storage
from kiosk.server.operator.setup import settings as settings_page
from kiosk.server.pages import privacy
from kiosk.server.pages import routes as pages
from kiosk.server.pages.assets import Assets
from kiosk.server.shares import client_of
from kiosk.server.state import ServerState
from kiosk.settings import Settings
from kiosk.storage import DataFolder

ROOMS = (
    *(photos, mine, events, pictures, pages, codes, info, words, screens, openapi),
    *(privacy, health, signing, now, queue, operator_photos, operator_people),
    *(event, settings_page, storage, rehearsal, log),
)
"""The modules that have views."""
UPLOADS_PER_ADDRESS = "60 per minute"


def create_app(
    data: DataFolder,
    *,
    settings: Settings | None = None,
    testing: bool = False,
    uploads_per_address: str = UPLOADS_PER_ADDRESS,
) -> Flask:
    """Create the kiosk's web application on a data folder; the folder is created if missing.

    settings: None reads them from the data folder. testing: Flask's flag; errors still become responses instead of
    exceptions. uploads_per_address: rate limit of uploads per client, in Flask-Limiter's notation.
    Raises BadInput for invalid settings, Unavailable if the library cannot be opened.
    """
    settings = settings or settings_file.load(data.settings)
    library = Library(data, settings.retention)
    app = Flask("kiosk.server", static_folder=None)
    app.testing = testing
    # MAX_FORM_MEMORY_SIZE keeps its default: it also bounds the parser's read buffer, so a smaller one refuses photos.
    app.config.update(PROPAGATE_EXCEPTIONS=False, MAX_FORM_PARTS=20)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    largest = settings.retention.upload_mb * 1_000_000
    app.request_class = type(
        "Request",
        (SpoolingRequest,),
        {"spool": data.spool, "upload_bytes": largest, "check_disk": staticmethod(partial(check_reserve, library))},
    )
    # A redirect would echo the request's Host header.
    app.url_map.merge_slashes = False
    app.extensions["kiosk"] = _state(data, settings, library)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    security.register(app)
    access.register(app)
    errors.register(app, settings.retention.upload_mb, _limit_uploads(app, uploads_per_address))

    @app.teardown_request
    def forget_upload(_: BaseException | None) -> None:
        request.discard_spooled()  # type: ignore[attr-defined]

    return app


def _state(data: DataFolder, settings: Settings, library: Library) -> ServerState:
    screen = Screen(library, has_camera=kind_of(settings.capture) is not None)
    broadcast = Broadcast(library, screen)
    return ServerState(
        data=data,
        settings=settings,
        library=library,
        assets=Assets(),
        broadcast=broadcast,
        screen=screen,
        metrics=Metrics(library, lambda: broadcast.listeners),
        notes=Notes(),
        receiving=Receiving(library, settings.retention.upload_mb * 1_000_000),
        screens=Screens(library),
        lockout=Lockout(),
        word_lockout=Lockout(),
        answered=Answered(),
        form_secret=secrets.token_bytes(32),
        port=settings.network.port,
    )


def _limit_uploads(app: Flask, uploads_per_address: str) -> Callable[[], int]:
    """Limit the rate of uploads per client; return a function that gives the seconds a refused client has to wait."""
    limiter = Limiter(_client, app=app, storage_uri="memory://", strategy="moving-window")
    limited = limiter.limit(uploads_per_address)(app.view_functions["photos.create"])
    app.view_functions["photos.create"] = limited  # type: ignore[assignment]

    def seconds_to_wait() -> int:
        limit = limiter.current_limit
        return max(1, round(limit.reset_at - time.time())) if limit else errors.RETRY_SECONDS

    return seconds_to_wait


def _client() -> str:
    return client_of(request.remote_addr or "")
