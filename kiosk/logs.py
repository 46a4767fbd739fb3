"""Log hygiene: printable text only, bounded line length, bounded rate.

People read logs in terminals and journals. Untrusted bytes could forge lines or send control codes to the terminal;
untrusted requests could fill the disk with log lines.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

LONGEST = 4000
PER_MINUTE = 20
"""Lines per minute of one kind, that is, from one logging call in the code."""
KINDS = 500


def printable(text: str) -> str:
    """`text` with every non-printable character, except tab, written as an escape sequence."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\t" else one.encode("unicode_escape").decode() for one in text)


class Plain(logging.Filter):
    """A filter for handlers: sanitizes records and passes PER_MINUTE of each kind. The next one to pass says how many
    were dropped."""

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
        """How many of its kind were dropped before this record; None if this record is dropped too."""
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
    """Sanitize the output of every handler of the root logger for the duration of the block."""
    handlers = [one for one in logging.getLogger().handlers if not any(isinstance(f, Plain) for f in one.filters)]
    filter_ = Plain()
    for handler in handlers:
        handler.addFilter(filter_)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(filter_)


KEPT_BYTES = 100_000
"""A log file in memory is put aside at this size; the one before it is dropped."""
_NEWEST, _OLDER = "log.txt", "log.older.txt"


class Writes(Protocol):
    """Where lines of text go."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Kept:
    """Writes lines to `out`, and the last ones to files in `folder` too, for the operator's page."""

    def __init__(self, out: Writes, folder: Path) -> None:
        self._out = out
        self._file, self._older = folder / _NEWEST, folder / _OLDER

    def write(self, text: str) -> None:
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(time.strftime("%H:%M:%S ") + text)
                size = file.tell()
            if size > KEPT_BYTES:
                self._file.replace(self._older)
        except OSError:
            pass  # a full memory must not silence the log itself
        self._out.write(text)

    def flush(self) -> None:
        self._out.flush()


def last_lines(folder: Path, most: int = 300) -> list[str]:
    """The last lines that `Kept` wrote to `folder`, oldest first, at most `most`."""
    lines: list[str] = []
    for name in (_OLDER, _NEWEST):
        try:
            lines += (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
    return lines[-most:]
