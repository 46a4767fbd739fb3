"""Access control: what role a request has, and whether that role has the permission that its route names.

Guests' rights are random secrets: whoever knows a photo's token may view it, whoever has its owner key may change it.
The operator's pages answer only where nobody on the guests' network can listen: on the machine itself, or over https to
whoever signed in with the PIN. "The machine itself" means a connection from exactly 127.0.0.1 or ::1, with a local name
as Host and without proxy headers: a request through a reverse proxy on the machine comes from a guest, and anyone can
forge X-Forwarded-For.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import logging
import socket
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from kiosk.errors import BadInput
from kiosk.lan.addresses import interfaces
from kiosk.lan.advertise import host_names
from kiosk.people import operators
from kiosk.people.roles import Permission, Role, may
from kiosk.server.http.offloop import off_loop
from kiosk.server.shares import HERE, client_of
from kiosk.server.state import server_state

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
SESSION_COOKIE = "__Host-operator"
SCREEN_COOKIE = "screen"
SIGN_IN = "/operator/sign-in"
FORM_TOKEN = "form_token"  # noqa: S105 (a field's name)
_HARMLESS = ("GET", "HEAD", "OPTIONS")
_SECURE = (Permission.OPERATE, Permission.MONITOR, Permission.SIGN_IN)
"""What is done on the machine itself or over https only."""
log = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])


def needs(permission: Permission) -> Callable[[View], View]:
    """Say which permission a view needs. Every view of the server has to say it."""

    def attach(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return attach


def register(app: Flask) -> None:
    """Check every request before its view runs."""

    @app.before_request
    def check() -> Response | None:
        if request.endpoint is None:
            return None  # no such route: 404 or 405
        return admit(app.view_functions[request.endpoint].permission)  # type: ignore[attr-defined]


def admit(permission: Permission) -> Response | None:
    """Let the current request go on if its role has `permission`; return a redirect to the page that asks for the PIN
    where that helps. Raises BadInput (403) if it comes from a foreign page, or over plain http where that is not safe;
    Unauthorized (401) if the operator has to sign in."""
    if permission in _SECURE and not is_console() and not request.is_secure:
        raise BadInput("This page is only for the operator: on the kiosk itself, or over https.", "forbidden", 403)
    everybody = may(Role.GUEST, permission)
    if everybody and permission not in _SECURE:
        return None
    if not _named_like_us() or (request.method not in _HARMLESS and _comes_from_elsewhere()):
        raise BadInput("This request comes from another web page.", "forbidden", 403)
    if everybody or may(role(), permission):
        return None
    if may(Role.SCREEN, permission):
        raise BadInput("Only the kiosk's own screens can do that.", "forbidden", 403)
    wanted = request.accept_mimetypes.best_match(("application/json", "text/html"))
    if request.method in _HARMLESS and wanted == "text/html":
        return redirect(f"{SIGN_IN}?to={request.path}", 303)  # type: ignore[return-value]
    challenge = WWWAuthenticate("basic", {"realm": "Dream Kiosk operator", "charset": "UTF-8"})
    raise Unauthorized(www_authenticate=challenge)


def role() -> Role:
    """The role of the current request. Raises BadInput (429) if it brings a PIN after too many wrong ones."""
    state = server_state()
    here = is_console()
    if here and not state.settings.people.console_pin:
        return Role.OPERATOR
    if here or request.is_secure:
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie and off_loop(operators.is_signed_in, state.library, cookie):
            return Role.OPERATOR
        pin = _given_pin()
        if pin is not None and is_right_pin(pin):
            return Role.OPERATOR
    screen = request.cookies.get(SCREEN_COOKIE)
    if here or (screen and off_loop(state.screens.is_paired, screen)):
        return Role.SCREEN
    return Role.GUEST


def is_right_pin(pin: str) -> bool:
    """Whether this is the operator's PIN. Too many wrong ones from the same client raise BadInput (429), even for the
    right one; the machine itself is never locked out."""
    state, address = server_state(), request.remote_addr or ""
    known = hmac.new(state.form_secret, f"{operators.version(state.data)} {pin}".encode(), hashlib.sha256).digest()
    if hmac.compare_digest(known, state.right_pin):
        # A program that sends the PIN with every request need not cost 40 ms each time.
        return True
    # Counted as wrong until it is known to be right, so that simultaneous tries are counted one by one.
    if not is_console():
        state.lockout.attempt(address, "Too many wrong PINs came from this device. You can use the kiosk itself.")
    if not off_loop(operators.is_right, state.data, pin):
        log.warning("wrong operator PIN")
        return False
    state.lockout.right(address)
    state.right_pin = known
    return True


def form_token() -> str:
    """The CSRF token for the operator's forms."""
    return hmac.new(server_state().form_secret, b"operator form", hashlib.sha256).hexdigest()


def check_form() -> None:
    """Raise BadInput (403) if the current form lacks the CSRF token."""
    if not hmac.compare_digest(request.form.get(FORM_TOKEN, "").encode(), form_token().encode()):
        raise BadInput("This page is out of date. Please reload it.", "stale_form", 403)


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


def _given_pin() -> str | None:
    """The PIN in the Authorization header, for programs; None if there is none."""
    scheme, _, code = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(code, validate=True).partition(b":")[2].decode()
    except ValueError:
        return ""
