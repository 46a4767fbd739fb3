"""Who may do what, and what browsers are told to forbid.

Guests' rights are in random tokens: whoever knows a photo's token sees it, whoever has its owner key deletes it. The
operator's pages answer only where nobody on the guests' network can listen: on the box itself, or over https with the
operator's password. What counts is the address that the connection came from; forwarded-for headers are written by
whoever sends them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import Unauthorized

from kiosk.errors import BadInput
from kiosk.server.context import kiosk
from kiosk.storage import DataFolder, write_atomic

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
OPERATOR_REFERRER = "same-origin"
"""With no-referrer, browsers send the operator's own forms with `Origin: null`, as if from nowhere."""
FORM_TOKEN = "form_token"  # noqa: S105 (a field's name)

View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Put the security headers on every answer."""

    @app.after_request
    def forbid(response: Response) -> Response:
        if request.path.split("/")[1] == "operator":
            # An error page too: what it leads to may hold a form.
            response.headers.setdefault("Referrer-Policy", OPERATOR_REFERRER)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.is_secure:
            # Over http browsers ignore it, with a warning on every page.
            response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


def password_file(data: DataFolder) -> Path:
    """Where the operator's password is, readable by the kiosk's user alone."""
    return data.root / "operator-password"


def operator_password(data: DataFolder) -> str:
    """The operator's password; one is made up the first time. Edit the file to change it."""
    path = password_file(data)
    try:
        password = path.read_text(encoding="utf-8").strip()
        if password:
            return password
    except FileNotFoundError:
        pass
    password = secrets.token_urlsafe(9)
    write_atomic(path, password + "\n", permissions=0o600)
    return password


def for_operator(view: View) -> View:
    """Answer only on the box itself, or over https to who knows the operator's password (any user name).

    403 on plain http from elsewhere, 401 without the password. Requests that change something must come from a page of
    this kiosk.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not _is_loopback() and not request.is_secure:
            raise BadInput("This page is only for the operator: on the kiosk itself, or over https.", "forbidden", 403)
        if not _named_like_us() or (request.method not in ("GET", "HEAD") and _comes_from_elsewhere()):
            raise BadInput("This request comes from another web page.", "forbidden", 403)
        if not _is_loopback() and not _knows_password():
            raise Unauthorized(www_authenticate=_challenge())
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def form_token() -> str:
    """What a form of the operator's pages carries, so that no other site can send it."""
    return hmac.new(kiosk().form_secret, b"operator form", hashlib.sha256).hexdigest()


def check_form() -> None:
    """BadInput (403) where the current form does not carry the token."""
    if not hmac.compare_digest(request.form.get(FORM_TOKEN, "").encode(), form_token().encode()):
        raise BadInput("The page is out of date. Please load it again.", "stale_form", 403)


def _challenge() -> Any:
    from werkzeug.datastructures import WWWAuthenticate

    return WWWAuthenticate("basic", {"realm": "Dream Kiosk operator", "charset": "UTF-8"})


def _is_loopback() -> bool:
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _named_like_us() -> bool:
    # A page of another site whose name was made to point here still sends its own name as Host.
    name = urlsplit(f"//{request.host}").hostname or ""
    if name == "localhost" or name.endswith((".local", ".localhost", ".lan", ".home.arpa")) or "." not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _comes_from_elsewhere() -> bool:
    # The browser's own word, which no page can write. It comes over https and on the kiosk itself.
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def _knows_password() -> bool:
    scheme, _, code = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(code, validate=True).partition(b":")[2]
    except ValueError:
        return False
    return hmac.compare_digest(given, kiosk().operator_password().encode())
