"""Error responses: JSON for programs, a friendly page for people, never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from kiosk.errors import BadInput, KioskError
from kiosk.server.api.shapes import ErrorBody

log = logging.getLogger(__name__)

RETRY_SECONDS = 10
_PAGES = ("/", "/booth")
_DATA = ("/api/", "/photos/", "/static/", "/qr/")

_SENTENCES = {
    400: ("bad_request", "The request cannot be understood."),
    401: ("unauthorized", "This page requires the operator's PIN."),
    403: ("forbidden", "This is not allowed from here."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not accept that method."),
    408: ("too_slow", "The request took too long to arrive. Please try again."),
    413: ("too_large", "The request is too large."),
    429: ("too_many_requests", "Too many requests. Please wait a moment and try again."),
}


def error_response(status: int, code: str, message: str) -> Response:
    """The error as a page if a browser asked for a page, as JSON otherwise."""
    if _is_page():
        response = Response(
            render_template("error.html", status=status, code=code, message=message), mimetype="text/html"
        )
    else:
        response = jsonify(ErrorBody(error=code, message=message).model_dump())
    response.status_code = status
    response.cache_control.no_store = True
    if status in (429, 503):
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response


def register(app: Flask, upload_mb: int, seconds_to_wait: Callable[[], int]) -> None:
    """Handle every error of `app`. upload_mb: the upload limit to name. seconds_to_wait: returns how long the client
    just refused by the rate limit has to wait."""

    def ours(error: KioskError) -> Response:
        status = getattr(error, "status", 500)
        if not isinstance(error, BadInput):
            log.warning("%s %s: %s: %s", request.method, _route(), error.code, error)
        response = error_response(status, error.code, str(error))
        if seconds := getattr(error, "retry_after", None):
            response.headers["Retry-After"] = str(seconds)
        return response

    def http(error: HTTPException) -> Response:
        if error.response is not None and error.code is None:
            return Response(error.response)  # type: ignore[arg-type]
        status = error.code or 500
        if 300 <= status < 400:
            return error.get_response()  # type: ignore[return-value]
        code, message = _SENTENCES.get(status, ("error", "That did not work. Please try again."))
        if status == 413 and request.path == "/api/photos":
            message = f"The file is too large. Please send a photo of at most {upload_mb} MB."
        response = error_response(status, code, message)
        if status == 429:
            response.headers["Retry-After"] = str(seconds_to_wait())
        for name, value in error.get_headers(request.environ):
            if name in ("Allow", "WWW-Authenticate", "Content-Range"):
                response.headers[name] = value
        return response

    def bug(error: Exception) -> Response:
        log.error("%s %s failed", request.method, _route(), exc_info=error)
        return error_response(500, "internal", "Something went wrong in the kiosk. Please try again.")

    app.register_error_handler(KioskError, ours)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, bug)


def _route() -> str:
    """The request's route for the log. Not its URL, because a photo's token grants access."""
    return request.url_rule.rule if request.url_rule else "no route"


def _is_page() -> bool:
    accepted = request.headers.get("Accept", "")
    if request.path.startswith(_DATA):
        return False
    if request.path in _PAGES or request.path.startswith("/v/"):
        return "text/html" in accepted or "application/json" not in accepted
    # At any other address, browsers get a page and programs get JSON.
    return "text/html" in accepted
