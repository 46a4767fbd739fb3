"""What stands in logs: plain text, of bounded length.

Logs end in terminals and journals that people read. A stranger's bytes in them could forge lines or drive the terminal;
a stranger's requests could fill the disk with them.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONGEST = 4000
PER_MINUTE = 20
"""Lines of one kind, that is: written by one place in the code."""
KINDS = 500


def printable(text: str) -> str:
    """`text` with whatever could move a cursor or forge a line written as an escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\t" else one.encode("unicode_escape").decode() for one in text)


class Plain(logging.Filter):
    """For a handler: makes records plain, and lets PER_MINUTE of each kind pass; the next to pass says how many did
    not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        more = self._passes((record.pathname, record.lineno))
        if more is None:
            return False
        text = printable(record.getMessage())[:LONGEST]
        if more:
            text += f" (and {more} more like this within a minute)"
        if record.exc_info and record.exc_info[0]:
            lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
            text = "\n".join([text, *(printable(line)[:LONGEST] for line in lines[-60:])])
        record.msg, record.args, record.exc_info, record.exc_text = text, None, None, None
        return True

    def _passes(self, kind: tuple[str, int]) -> int | None:
        """How many of its kind were held back before this record, which passes; None where it does not."""
        with self._lock:
            now = self._clock()
            since, count = self._kinds.get(kind, (now, 0))
            held_back = 0
            if now - since >= 60:
                since, held_back, count = now, max(0, count - PER_MINUTE), 0
            if len(self._kinds) > KINDS:
                self._kinds.clear()
            self._kinds[kind] = (since, count + 1)
            return held_back if count < PER_MINUTE else None


@contextmanager
def plain() -> Iterator[None]:
    """Make plain what every handler of the root logger writes, as long as the block lasts."""
    handlers = [one for one in logging.getLogger().handlers if not any(isinstance(f, Plain) for f in one.filters)]
    filter_ = Plain()
    for handler in handlers:
        handler.addFilter(filter_)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(filter_)
