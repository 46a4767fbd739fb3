"""What the operator's last deeds did, and how to undo them: "3 photos hidden. Undo".

A note is shown on the page that follows the deed, and can be undone for a minute. Notes live in the server's memory.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from kiosk.errors import BadInput

UNDO_SECONDS = 60.0
KEPT = 100
"""Notes remembered; beyond it, the oldest are forgotten."""


@dataclass(frozen=True)
class Note:
    """One deed in a sentence. until: when it can no longer be undone. undo: does that, and returns a sentence; None if
    it cannot be undone."""

    id: str
    sentence: str
    until: float
    undo: Callable[[], str] | None


class Notes:
    """The notes of one server. Times are in seconds of `clock`, which is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._notes: OrderedDict[str, Note] = OrderedDict()

    def say(self, sentence: str, undo: Callable[[], str] | None = None) -> str:
        """Remember a deed; returns the note's ID."""
        note = Note(secrets.token_urlsafe(8), sentence, self._clock() + UNDO_SECONDS, undo)
        self._notes[note.id] = note
        while len(self._notes) > KEPT:
            self._notes.popitem(last=False)
        return note.id

    def find(self, id_: str) -> Note | None:
        """The note with this ID, for a minute; then None."""
        note = self._notes.get(id_)
        return note if note is not None and self._clock() < note.until else None

    def take(self, id_: str) -> Callable[[], str]:
        """What undoes the deed, once. Raises BadInput (409) if it is too late."""
        note = self.find(id_)
        if note is None or note.undo is None:
            raise BadInput("It is too late to undo this.", "too_late", 409)
        del self._notes[id_]
        return note.undo
