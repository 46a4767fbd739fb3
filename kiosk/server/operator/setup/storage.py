"""/operator/storage: what is there, what will be deleted when, and why."""

from __future__ import annotations

from flask import Blueprint, Response

from kiosk.people.report import report
from kiosk.people.roles import Permission
from kiosk.server.access import needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import REFUSED, show
from kiosk.server.state import server_state

blueprint = Blueprint("operator_storage", __name__)


@blueprint.get("/operator/storage")
@needs(Permission.OPERATE)
@describe("What takes space, and what will be deleted when.", {200: "text/html"}, errors=REFUSED)
def storage() -> Response:
    return show("storage.html", title="Storage", report=off_loop(report, server_state().library))
