"""Fallbacks: logged when they start, and kept until something shows them to the operator."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)

_lock = threading.Lock()
_logged: dict[str, str] = {}
_untold: dict[str, str] = {}


def note(subject: str, sentence: str) -> None:
    """Record a fallback. `subject` is one word; `sentence` says what happened, why, and what to do. A repeated sentence
    is not logged again."""
    with _lock:
        if _logged.get(subject) != sentence:
            log.warning("%s", sentence)
        _logged[subject] = _untold[subject] = sentence


def take() -> dict[str, str]:
    """The latest sentence per subject, of fallbacks recorded since the last call."""
    with _lock:
        found = dict(_untold)
        _untold.clear()
    return found
