"""/operator/sign-in: the operator signs in with the PIN, and out again."""

from __future__ import annotations

import re

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from kiosk.errors import BadInput
from kiosk.people import operators
from kiosk.people.roles import Permission
from kiosk.server.access import SESSION_COOKIE, SIGN_IN, check_form, is_console, is_right_pin, needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import URLENCODED, done, form
from kiosk.server.state import server_state

blueprint = Blueprint("signing", __name__)

_PIN = {"type": "string", "maxLength": operators.LONGEST}


@blueprint.get(SIGN_IN)
@needs(Permission.SIGN_IN)
@describe(
    "The page that asks for the operator's PIN; only on the kiosk itself or over https.",
    {200: "text/html"},
    errors=(403,),
    query={"to": {"type": "string", "description": "the operator's page to open then"}},
)
def ask() -> Response:
    return _page()


@blueprint.post(SIGN_IN)
@needs(Permission.SIGN_IN)
@describe(
    "Sign in.",
    {303: None, 401: "text/html"},
    errors=(403, 429),
    form={"type": "object", "required": ["pin"], "properties": {"pin": _PIN, "to": {"type": "string"}}},
    form_type=URLENCODED,
)
def sign_in() -> ResponseReturnValue:
    if not is_right_pin(request.form.get("pin", "")[: operators.LONGEST]):
        return _page("This PIN is wrong."), 401
    response = redirect(_target(request.form.get("to", "")), 303)
    secret = off_loop(operators.sign_in, server_state().library)
    response.set_cookie(SESSION_COOKIE, secret, secure=True, httponly=True, samesite="Strict", path="/")
    return response


@blueprint.post("/operator/sign-out")
@needs(Permission.OPERATE)
@describe("Sign out, here or everywhere.", {303: None}, errors=(401, 403),
          **form(everywhere={"enum": ["yes"]}))  # fmt: skip
def sign_out() -> ResponseReturnValue:
    check_form()
    secret = None if request.form.get("everywhere") else request.cookies.get(SESSION_COOKIE, "")
    off_loop(operators.sign_out, server_state().library, secret)
    response = redirect(SIGN_IN, 303)
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="Strict", path="/")
    return response


@blueprint.post("/operator/pin")
@needs(Permission.OPERATE)
@describe("Change the operator's PIN; everybody else is signed out.", {303: None}, errors=(400, 401, 403),
          **form(("pin",), pin=_PIN, again=_PIN))  # fmt: skip
def change_pin() -> ResponseReturnValue:
    check_form()
    state, pin = server_state(), request.form.get("pin", "")
    if pin != request.form.get("again", pin):
        raise BadInput("The two PINs differ. Please type it again.", "bad_pin")
    off_loop(operators.change, state.data, pin)
    off_loop(operators.sign_out, state.library)
    response = done("/operator/people", "The PIN is changed. Everybody else is signed out.")
    if not is_console():
        secret = off_loop(operators.sign_in, state.library)
        response.set_cookie(SESSION_COOKIE, secret, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def _page(complaint: str = "") -> Response:
    state = server_state()
    text = render_template(
        "operator/sign_in.html",
        name=state.settings.event.name or state.settings.network.name,
        complaint=complaint,
        to=_target(request.values.get("to", "")),
        first_pin=operators.first_pin(state.data) if is_console() else None,
    )
    response = Response(text, mimetype="text/html")
    response.cache_control.no_store = True
    return response


def _target(path: str) -> str:
    """`path` if it is one of the operator's pages, else the first of them: never another site."""
    return path if re.fullmatch(r"/operator(/[a-z-]+)*", path) else "/operator"
