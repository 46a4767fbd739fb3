"""Notices to the operator about things that are not faults: one sentence per subject, from any of the processes.

They lie in the runtime folder. The operator's page, `dreamkiosk doctor` and /healthz show each for two days after it
was last posted, or until the next boot.
"""

from __future__ import annotations

import json
import logging
import re

from kiosk.errors import Unavailable
from kiosk.library import boot
from kiosk.storage import DataFolder, write_atomic

log = logging.getLogger(__name__)

SHOWN_SECONDS = 2 * 24 * 3600.0
LONGEST = 1000
_SUBJECT = re.compile(r"[a-z][a-z-]{0,30}")


def say(data: DataFolder, subject: str, sentence: str) -> None:
    """Post `sentence`, replacing the previous notice on `subject` (lowercase letters and hyphens)."""
    if not _SUBJECT.fullmatch(subject):
        raise ValueError(f"not a subject: {subject!r}")
    body = {"boot": boot.identity(), "moment": boot.now(), "sentence": sentence[:LONGEST]}
    try:
        write_atomic(data.runtime / f"{subject}.notice", json.dumps(body), permissions=0o600)
    except Unavailable as error:
        log.warning("cannot post this notice to the operator: %s (%s)", sentence, error)


def withdraw(data: DataFolder, subject: str) -> None:
    """Take the notice on `subject` back, if there is one."""
    (data.runtime / f"{subject}.notice").unlink(missing_ok=True)


def said(data: DataFolder) -> list[str]:
    """All current notices, sorted by subject."""
    found = []
    for path in sorted(data.runtime.glob("*.notice")):
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            if body["boot"] == boot.identity() and 0 <= boot.now() - body["moment"] < SHOWN_SECONDS:
                found.append(str(body["sentence"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
