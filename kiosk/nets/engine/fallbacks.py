"""What had to be done in another way than it should: logged when it begins, and kept for whoever shows it."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)

_lock = threading.Lock()
_logged: dict[str, str] = {}
_untold: dict[str, str] = {}


def note(subject: str, sentence: str) -> None:
    """Say that `subject` (a word) had to be done otherwise: `sentence` says how, why, and what to do. The same again is
    not logged again."""
    with _lock:
        if _logged.get(subject) != sentence:
            log.warning("%s", sentence)
        _logged[subject] = _untold[subject] = sentence


def take() -> dict[str, str]:
    """The last sentence of every subject that was noted since this was asked last."""
    with _lock:
        found = dict(_untold)
        _untold.clear()
    return found
