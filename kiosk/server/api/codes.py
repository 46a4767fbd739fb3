"""QR codes as SVG."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from flask import Blueprint, Response, request

from kiosk.errors import BadInput
from kiosk.lan import qr, wifi
from kiosk.library.library import no_such_photo
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.state import server_state

blueprint = Blueprint("qr", __name__)


@blueprint.get("/qr/kiosk.svg")
@needs(Permission.PAGES)
@describe("The QR code that opens the kiosk.", {200: "image/svg+xml"})
def kiosk_code() -> Response:
    return _svg(off_loop(server_state().guest_url))


@blueprint.get("/qr/wifi.svg")
@needs(Permission.PAGES)
@describe("The QR code that joins a phone to the guests' Wi-Fi.", {200: "image/svg+xml"}, errors=(404,))
def wifi_code() -> Response:
    network = server_state().settings.network
    if not network.wifi_name:
        raise BadInput("No Wi-Fi is named in the kiosk's settings.", "no_wifi", 404)
    try:
        text = wifi.join_code(network.wifi_name, network.wifi_password)
    except BadInput as error:
        raise BadInput(f"The Wi-Fi in the kiosk's settings cannot be joined: {error}.", error.code, 404) from None
    return _svg(text, f"Wi-Fi {network.wifi_name}")


@blueprint.get("/qr/<token>.svg")
@needs(Permission.PAGES)
@describe("The QR code that opens a photo. It works as soon as the photo is accepted.", {200: "image/svg+xml"},
          errors=(404,))  # fmt: skip
def photo_code(token: str) -> Response:
    if off_loop(server_state().library.photo, token).is_gone:
        raise no_such_photo()
    return _svg(off_loop(server_state().guest_url, f"/v/{token}"))


@lru_cache(maxsize=256)
def _drawn(text: str, label: str | None) -> str:
    return qr.qr_svg(text, label)


def _svg(text: str, label: str | None = None) -> Response:
    response = Response(_drawn(text, label), mimetype="image/svg+xml")
    # The address in the code follows the interface that guests are on.
    response.cache_control.no_cache = True
    response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:20])
    return response.make_conditional(request)  # type: ignore[return-value]
