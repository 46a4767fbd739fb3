"""Refuses malformed requests, and adds the security headers to responses. Access control is in access.py."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Request, Response, request
from werkzeug.exceptions import BadRequest

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
