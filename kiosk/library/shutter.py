"""Asking the camera for a photo, and finding the photo that was asked for.

A request has an id from the tap on the screen to the photo in the library, so that nobody is shown somebody else's.
Requests live in the runtime folder: one that a restart swallowed is unknown afterwards, and whoever asked is told.

capture.request     the id that the camera has not seen yet
capture.taking      the id that it is taking a photo for
capture.refused     JSON: the id of the last request that came to nothing, and why
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.library.records import GONE
from kiosk.storage import DataFolder, write_atomic

REQUEST = "capture.request"
TAKING = "capture.taking"
REFUSED = "capture.refused"
_TRIES = 20


@dataclass(frozen=True)
class Outcome:
    """What became of a request: asked, as long as the camera has it; taken, with the photo's token (None once the
    photo is gone); failed, with a code and a sentence for whoever asked."""

    state: Literal["asked", "taken", "failed"]
    token: str | None = None
    code: str | None = None
    message: str | None = None


def ask(data: DataFolder) -> str:
    """Ask the camera's process for a photo now; the request's id. Asking again before the camera has seen the first
    request gives the same id: both get the same photo."""
    for _ in range(_TRIES):
        fresh = secrets.token_urlsafe(16)
        written = data.runtime / f"{REQUEST}.{fresh}"
        write_atomic(written, fresh)
        try:
            # Whole or not at all, and never in place of another's.
            os.link(written, data.runtime / REQUEST)
            return fresh
        except FileExistsError:
            if pending := _read(data.runtime / REQUEST):
                return pending
        finally:
            written.unlink(missing_ok=True)
    raise OSError("the camera's request can neither be made nor read")


def take(data: DataFolder) -> str | None:
    """For the camera: the id of the request that is there, which is its own to serve now; None where there is none."""
    try:
        (data.runtime / REQUEST).replace(data.runtime / TAKING)
    except FileNotFoundError:
        return None
    return _read(data.runtime / TAKING)


def pending(data: DataFolder) -> str | None:
    """For the camera: the id of a request that is there or was begun, which nothing can come of now; None without."""
    return take(data) or _read(data.runtime / TAKING)


def refuse(data: DataFolder, id_: str, code: str, message: str) -> None:
    """For the camera: request `id_` comes to nothing, and why."""
    write_atomic(data.runtime / REFUSED, json.dumps({"id": id_, "code": code, "message": message}))
    done(data)


def done(data: DataFolder) -> None:
    """For the camera: nothing is being taken."""
    (data.runtime / TAKING).unlink(missing_ok=True)


def forget(data: DataFolder) -> None:
    """For the camera: what was asked for before it started is not taken any more."""
    for name in (REQUEST, TAKING):
        (data.runtime / name).unlink(missing_ok=True)


def outcome(library: Library, id_: str) -> Outcome:
    """What became of request `id_`. BadInput (404) where nothing is known of it."""
    # Before the library: the camera writes the photo first and lets go of the request then.
    open_ = id_ in (_read(library.data.runtime / REQUEST), _read(library.data.runtime / TAKING))
    with library.reading() as connection:
        row = connection.execute("SELECT token, state FROM photos WHERE asked = ?", (id_,)).fetchone()
    if row is not None:
        return Outcome("taken", None if row["state"] in GONE else row["token"])
    refused = {}
    with contextlib.suppress(ValueError):
        refused = json.loads(_read(library.data.runtime / REFUSED) or "{}")
    if refused.get("id") == id_:
        return Outcome("failed", code=refused["code"], message=refused["message"])
    if open_:
        return Outcome("asked")
    raise BadInput("The camera knows nothing of this request. Please ask again.", "no_such_request", 404)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
