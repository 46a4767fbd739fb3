"""Access control, and the security headers of responses.

Guests' rights are random tokens: whoever knows a photo's token may view it, whoever has its owner key may delete it.
The operator's pages answer only where nobody on the guests' network can listen: on the box itself, or over https with
the operator's password. "The box itself" means a connection from exactly 127.0.0.1 or ::1, with a local name as Host
and without proxy headers: a request through a reverse proxy on the box comes from a guest, and anyone can forge
X-Forwarded-For.
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
"""With no-referrer, browsers would send the operator's own forms with `Origin: null`."""
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
"""Headers that proxies add. A proxy that adds none, and sends localhost as Host, cannot be told from the console."""
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
"""Parsers of the headers that views use. A header that cannot be parsed fails here, with a 400."""
log = logging.getLogger(__name__)
FORM_TOKEN = "form_token"  # noqa: S105 (a field's name)

View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Refuse requests with malformed headers, and add the security headers to every response."""

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
            # On error pages too: they may lead to a page with a form.
            response.headers.setdefault("Referrer-Policy", OPERATOR_REFERRER)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.is_secure:
            # Over http, browsers ignore it and log a warning on every page.
            response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


def password_file(data: DataFolder) -> Path:
    """The file of the operator's password, readable only by the kiosk's user."""
    return data.root / "operator-password"


def operator_password(data: DataFolder) -> str:
    """Read the operator's password from its file. If the file is missing or empty, a random one is generated. Edit the
    file to change the password."""
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
    """Restrict a view to the box itself, or to https with the operator's password (any user name).

    403 for plain http from elsewhere, 401 without the password. Requests that change something must come from a page
    of this kiosk.
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
    """The CSRF token for the operator's forms."""
    return hmac.new(server_state().form_secret, b"operator form", hashlib.sha256).hexdigest()


def check_form() -> None:
    """Raise BadInput (403) if the current form lacks the CSRF token."""
    if not hmac.compare_digest(request.form.get(FORM_TOKEN, "").encode(), form_token().encode()):
        raise BadInput("This page is out of date. Please reload it.", "stale_form", 403)


def _challenge() -> Any:
    from werkzeug.datastructures import WWWAuthenticate

    return WWWAuthenticate("basic", {"realm": "Dream Kiosk operator", "charset": "UTF-8"})


def is_console() -> bool:
    """Whether the request comes from the machine itself, and not through a proxy on it."""
    if client_of(request.remote_addr or "") not in HERE or _host_name() not in LOCAL_NAMES:
        return False
    return not any(name in request.headers for name in PROXY_HEADERS)


def _host_name() -> str:
    """The name in the Host header, without port and brackets; "" if it is missing or malformed."""
    try:
        return (urlsplit(f"//{request.host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _named_like_us() -> bool:
    """Whether the Host header is one of this machine's own names or addresses. This defeats DNS rebinding: a foreign
    site whose name resolves to this machine still sends its own name as Host."""
    name = _host_name()
    if name in LOCAL_NAMES or name in own_names(server_state().settings.network.name):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # The address that the connection arrived at is certainly ours; no need to list the interfaces.
    arrived_at = client_of(request.environ.get("kiosk.local_address", "").partition("%")[0])
    return arrived_at == client_of(str(address)) or off_loop(_is_own, str(address))


@lru_cache(maxsize=8)
def own_names(name: str) -> frozenset[str]:
    """The host names of a kiosk called `name`: those it announces, and the machine's own with private suffixes."""
    host = socket.gethostname().lower()
    short = host.partition(".")[0]
    return frozenset(
        (*host_names(name), host, short, f"{short}.local", f"{short}.lan", f"{short}.home.arpa", f"{short}.internal")
    )


def _is_own(address: str) -> bool:
    return any(address == one.address for one in interfaces())


def _comes_from_elsewhere() -> bool:
    # Set by the browser; pages cannot forge it. Browsers send it over https, and to localhost.
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
    """Raise Unauthorized unless the request carries the operator's password. After too many wrong ones from the same
    client, raise BadInput (429), even for the right one."""
    if "Authorization" not in request.headers:
        raise Unauthorized(www_authenticate=_challenge())
    box, address = server_state(), request.remote_addr or ""
    password = off_loop(box.operator_password).encode()
    # Nothing yields to the event loop from here to the count, so simultaneous tries are counted one by one.
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
        log.warning("wrong operator password")
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
