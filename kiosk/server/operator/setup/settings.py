"""/operator/settings: all settings as a form, made of their models."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from kiosk.people.roles import Permission
from kiosk.people.settings_form import sections
from kiosk.server.access import check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, done, form, show
from kiosk.server.operator.setup.saving import save, typed
from kiosk.server.state import server_state
from kiosk.settings import InvalidSetting, Settings

blueprint = Blueprint("operator_settings", __name__)

PAGE = "/operator/settings"


@blueprint.get(PAGE)
@needs(Permission.OPERATE)
@describe("All settings as a form.", {200: "text/html"}, errors=(*REFUSED, 400))
def settings() -> Response:
    return _page()


@blueprint.post(PAGE)
@needs(Permission.OPERATE)
@describe(
    "Change settings: each field is called as in the file, such as dream.width; those left out stay as they are. The "
    "kiosk's processes start anew.",
    {200: "text/html", 303: None, 400: "text/html"},
    errors=REFUSED,
    **form(),
)
def change() -> ResponseReturnValue:
    check_form()
    given = typed([f"{name}.{key}" for name, section in Settings() for key in _keys(name, section)])
    try:
        return save(given, PAGE, "Settings") or done(PAGE, "Nothing has changed.")  # type: ignore[return-value]
    except InvalidSetting as error:
        return _page(error, given), 400


def _keys(name: str, section: object) -> tuple[str, ...]:
    return ("source", "folder", "interval") if name == "capture" else tuple(type(section).model_fields)  # type: ignore[attr-defined]


def _page(wrong: InvalidSetting | None = None, given: dict[str, str] | None = None) -> Response:
    path = server_state().data.settings
    return show(
        "settings.html", title="Settings", sections=off_loop(sections, path), given=given or {}, wrong=wrong, file=path
    )
