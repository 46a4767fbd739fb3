"""Who may do what, and what browsers are told to forbid.

Guests' rights are in random tokens: whoever knows a photo's token sees it, whoever has its owner key deletes it. The
operator's pages answer only where nobody on the guests' network can listen: on the box itself, or over https with the
operator's password. The box itself is exactly 127.0.0.1 or ::1, asked for by a local name, without a header of a
proxy: what a reverse proxy on the box passes on comes from a guest, and forwarded-for headers are written by whoever
sends them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import logging
import math
import secrets
import socket
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from werkzeug.exceptions import BadRequest, Unauthorized

from kiosk.errors import BadInput
from kiosk.lan.addresses import interfaces
from kiosk.lan.advertise import host_names
from kiosk.server.http.offloop import off_loop
from kiosk.server.shares import HERE, client_of
from kiosk.server.state import server_state
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
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
PROXY_HEADERS = (
    "Forwarded",
    "Via",
    "X-Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Real-IP",
)
"""What proxies add. One that adds none and asks for localhost cannot be told from the console."""
_READERS: dict[str, Callable[[Request], object]] = {
    "If-Modified-Since": lambda request: request.if_modified_since,
    "If-Unmodified-Since": lambda request: request.if_unmodified_since,
    "If-None-Match": lambda request: request.if_none_match,
    "If-Match": lambda request: request.if_match,
    "If-Range": lambda request: request.if_range,
    "Range": lambda request: request.range,
    "Accept": lambda request: request.accept_mimetypes.values(),
    "Accept-Encoding": lambda request: request.accept_encodings.values(),
    "Authorization": lambda request: request.authorization,
    "Content-Type": lambda request: request.mimetype_params,
}
"""How each header that something asks for is understood: where that fails, it fails here."""
log = logging.getLogger(__name__)
FORM_TOKEN = "form_token"  # noqa: S105 (a field's name)

View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Refuse what cannot be understood, and put the security headers on every answer."""

    @app.before_request
    def understand() -> None:
        for name, reads in _READERS.items():
            if name not in request.headers:
                continue
            try:
                reads(request)
            except (ValueError, OverflowError, TypeError, ArithmeticError):
                raise BadRequest from None

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
        here = is_console()
        if not here and not request.is_secure:
            raise BadInput("This page is only for the operator: on the kiosk itself, or over https.", "forbidden", 403)
        if not _named_like_us() or (request.method not in ("GET", "HEAD") and _comes_from_elsewhere()):
            raise BadInput("This request comes from another web page.", "forbidden", 403)
        if not here:
            _sign_in()
        return view(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def form_token() -> str:
    """What a form of the operator's pages carries, so that no other site can send it."""
    return hmac.new(server_state().form_secret, b"operator form", hashlib.sha256).hexdigest()


def check_form() -> None:
    """BadInput (403) where the current form does not carry the token."""
    if not hmac.compare_digest(request.form.get(FORM_TOKEN, "").encode(), form_token().encode()):
        raise BadInput("The page is out of date. Please load it again.", "stale_form", 403)


def _challenge() -> Any:
    from werkzeug.datastructures import WWWAuthenticate

    return WWWAuthenticate("basic", {"realm": "Dream Kiosk operator", "charset": "UTF-8"})


def is_console() -> bool:
    """Whether the request comes from the machine itself, not through a proxy on it."""
    if client_of(request.remote_addr or "") not in HERE or _host_name() not in LOCAL_NAMES:
        return False
    return not any(name in request.headers for name in PROXY_HEADERS)


def _host_name() -> str:
    """The name in the Host header, without port and brackets; "" where there is none or it cannot be one."""
    try:
        return (urlsplit(f"//{request.host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _named_like_us() -> bool:
    """Whether the request asks for one of this machine's own names or addresses. A page of another site whose name was
    made to point here still sends its own name as Host."""
    name = _host_name()
    if name in LOCAL_NAMES or name in own_names(server_state().settings.network.name):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # What the connection arrived at is certainly one of ours, and needs no look at the interfaces.
    arrived_at = client_of(request.environ.get("kiosk.local_address", "").partition("%")[0])
    return arrived_at == client_of(str(address)) or off_loop(_is_own, str(address))


@lru_cache(maxsize=8)
def own_names(name: str) -> frozenset[str]:
    """The names of a kiosk that is called `name`: what it announces, and the machine's own with a private suffix."""
    host = socket.gethostname().lower()
    short = host.partition(".")[0]
    return frozenset(
        (*host_names(name), host, short, f"{short}.local", f"{short}.lan", f"{short}.home.arpa", f"{short}.internal")
    )


def _is_own(address: str) -> bool:
    return any(address == one.address for one in interfaces())


def _comes_from_elsewhere() -> bool:
    # The browser's own word, which no page can write. It comes over https and on the kiosk itself.
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != request.host
    except ValueError:
        return True


def _sign_in() -> None:
    """Unauthorized where the request does not carry the operator's password; BadInput (429) after too many wrong ones
    from the same client, even for the right one."""
    if "Authorization" not in request.headers:
        raise Unauthorized(www_authenticate=_challenge())
    box, address = server_state(), request.remote_addr or ""
    password = off_loop(box.operator_password).encode()
    # From here to the count nothing waits: tries that come at once are counted one by one.
    if wait := box.lockout.wait(address):
        seconds = math.ceil(wait)
        raise BadInput(
            f"Too many wrong passwords came from this device. Please wait {seconds} s, or use the kiosk itself.",
            "locked_out",
            429,
            retry_after=seconds,
        )
    if not hmac.compare_digest(_given_password(), password):
        box.lockout.wrong(address)
        log.warning("a wrong operator's password was given")
        raise Unauthorized(www_authenticate=_challenge())
    box.lockout.right(address)


def _given_password() -> bytes:
    scheme, _, code = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(code, validate=True).partition(b":")[2]
    except ValueError:
        return b""
