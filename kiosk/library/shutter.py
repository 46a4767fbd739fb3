"""Requests to the camera, and the photos that result from them.

A request keeps its ID from the tap on the screen to the photo in the library, so nobody is shown somebody else's photo.
Requests live in the runtime folder. One that a restart loses is unknown afterwards, and the caller is told so.

capture.request     the ID of a request that the camera has not picked up yet
capture.taking      the ID of the request in progress
capture.refused     JSON: the ID of the last failed request, and why it failed
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
    """The outcome of a request. asked: still pending. taken: the photo has `token`, None once it is gone. failed: with
    a code and a sentence for the caller."""

    state: Literal["asked", "taken", "failed"]
    token: str | None = None
    code: str | None = None
    message: str | None = None


def ask(data: DataFolder) -> str:
    """Ask the camera process for a photo now, and return the request's ID.

    If a request is already waiting to be picked up, its ID is returned: both callers get the same photo.
    """
    for _ in range(_TRIES):
        fresh = secrets.token_urlsafe(16)
        written = data.runtime / f"{REQUEST}.{fresh}"
        write_atomic(written, fresh)
        try:
            # Atomic, and it never replaces another request.
            os.link(written, data.runtime / REQUEST)
            return fresh
        except FileExistsError:
            if pending := _read(data.runtime / REQUEST):
                return pending
        finally:
            written.unlink(missing_ok=True)
    raise OSError("the camera request can neither be written nor read")


def take(data: DataFolder) -> str | None:
    """For the camera: pick up the waiting request and return its ID; None if there is none."""
    try:
        (data.runtime / REQUEST).replace(data.runtime / TAKING)
    except FileNotFoundError:
        return None
    return _read(data.runtime / TAKING)


def pending(data: DataFolder) -> str | None:
    """For a camera that cannot take photos now: the ID of a request that is waiting or in progress; None if there is
    none."""
    return take(data) or _read(data.runtime / TAKING)


def refuse(data: DataFolder, id_: str, code: str, message: str) -> None:
    """For the camera: end request `id_` with a failure."""
    write_atomic(data.runtime / REFUSED, json.dumps({"id": id_, "code": code, "message": message}))
    done(data)


def done(data: DataFolder) -> None:
    """For the camera: end the request in progress."""
    (data.runtime / TAKING).unlink(missing_ok=True)


def forget(data: DataFolder) -> None:
    """For the camera: drop all requests from before its start."""
    for name in (REQUEST, TAKING):
        (data.runtime / name).unlink(missing_ok=True)


def outcome(library: Library, id_: str) -> Outcome:
    """The outcome of request `id_`. BadInput (404) if it is unknown."""
    # Read before the library, because the camera stores the photo first and ends the request after that.
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
    raise BadInput("The camera did not get this request. Please ask again.", "no_such_request", 404)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
