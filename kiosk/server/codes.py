"""QR codes, as pictures that stay crisp on any screen."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, request

from kiosk.lan import qr
from kiosk.library.library import no_such_photo
from kiosk.library.records import GONE
from kiosk.server.context import kiosk
from kiosk.server.describe import describe
from kiosk.server.offloop import off_loop

blueprint = Blueprint("qr", __name__)


@blueprint.get("/qr/kiosk.svg")
@describe("The code that opens the kiosk.", {200: "image/svg+xml"})
def kiosk_code() -> Response:
    return _svg(off_loop(kiosk().guest_url))


@blueprint.get("/qr/<token>.svg")
@describe("The code that opens a photo; it works from the moment the photo was brought.", {200: "image/svg+xml"},
          errors=(404,))  # fmt: skip
def photo_code(token: str) -> Response:
    if off_loop(kiosk().library.photo, token).state in GONE:
        raise no_such_photo()
    return _svg(off_loop(kiosk().guest_url, f"/v/{token}"))


def _svg(url: str) -> Response:
    response = Response(qr.qr_svg(url), mimetype="image/svg+xml")
    # The address in it follows the interface that guests are on.
    response.cache_control.no_cache = True
    response.set_etag(hashlib.sha256(url.encode()).hexdigest()[:20])
    return response.make_conditional(request)  # type: ignore[return-value]
