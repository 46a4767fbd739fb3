"""/operator/log: the last lines of the log. /operator/doctor: what `dreamkiosk doctor` says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from flask import Blueprint, Response

from kiosk.errors import Unavailable
from kiosk.library.files import TOKEN
from kiosk.logs import last_lines
from kiosk.people.roles import Permission
from kiosk.server.access import check_form, needs
from kiosk.server.api.describe import describe
from kiosk.server.http.offloop import Lane, off_loop
from kiosk.server.operator.frame import REFUSED, form, show
from kiosk.server.state import server_state

blueprint = Blueprint("operator_log", __name__)

DOCTOR_SECONDS = 90
_TOKEN = re.compile(rf"/{TOKEN.pattern}(?![A-Za-z0-9_-])")
_one = Lane(1)
"""One examination at a time."""


@blueprint.get("/operator/log")
@needs(Permission.OPERATE)
@describe("The last lines of the log, without photos' tokens.", {200: "text/html"}, errors=REFUSED)
def log() -> Response:
    lines = off_loop(last_lines, server_state().data.runtime)
    return show("log.html", title="Log", lines=[_TOKEN.sub("/...", line) for line in reversed(lines)])


@blueprint.post("/operator/doctor")
@needs(Permission.OPERATE)
@describe(
    "Examine the machine, as `dreamkiosk doctor` does; takes some seconds.",
    {200: "text/html"},
    errors=(*REFUSED, 503),
    **form(),
)
def doctor() -> Response:
    check_form()
    return show("doctor.html", title="Doctor", findings=_one.run(_examine, server_state().data.root))


def _examine(data: Path) -> list[dict[str, str]]:
    """The findings, in a process of its own: name, verdict, detail, remedy. Raises Unavailable."""
    command = [sys.executable, "-c", "from kiosk.cli import main; main()", "--data", str(data), "doctor", "--json"]
    try:
        ended = subprocess.run(command, capture_output=True, check=False, timeout=DOCTOR_SECONDS)
        return json.loads(ended.stdout)["checks"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise Unavailable("The examination did not end. Please run `dreamkiosk doctor` on the kiosk.") from error
