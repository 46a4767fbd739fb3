"""Saving settings from a form: they are checked as the file is, and used at once, because the processes start anew."""

from __future__ import annotations

from collections.abc import Collection

from flask import request

from kiosk.library.upkeep import restart
from kiosk.people.settings_form import change
from kiosk.server.http.offloop import off_loop
from kiosk.server.operator.frame import show
from kiosk.server.state import server_state


def typed(names: Collection[str]) -> dict[str, str]:
    """What the form says of these settings; boxes that are not checked are not sent. A field that is missing is left
    as it is, unless the form says with `boxes` that it has boxes for it."""
    boxes = request.form.getlist("boxes")
    found = {}
    for name in names:
        sent = request.form.getlist(name)
        if sent or name in boxes:
            found[name] = ",".join(sent)
    return found


def save(given: dict[str, str], back: str, title: str) -> object | None:
    """Save the settings `given`, name -> text; return the page that waits for the restart and leads back to `back`, or
    None if nothing is different. Raises InvalidSetting and BadInput as `change` does."""
    state = server_state()
    if not off_loop(change, state.data.settings, given, None, state.data.graphs):
        return None
    off_loop(restart.ask, state.data)
    return show("restarting.html", title=title, onward=back)
