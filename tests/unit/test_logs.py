"""Logs are printable and bounded in size."""

from __future__ import annotations

import io
import logging

from kiosk.logs import PER_MINUTE, Plain, plain, printable


class Log:
    def __init__(self) -> None:
        self.now = 0.0
        self.text = io.StringIO()
        handler = logging.StreamHandler(self.text)
        handler.addFilter(Plain(lambda: self.now))
        self.logger = logging.getLogger("test.logs")
        self.logger.propagate = False
        self.logger.handlers = [handler]

    def warn(self, what: object) -> None:
        self.logger.warning("it says %s", what)

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def test_a_stranger_neither_drives_the_terminal_nor_forges_lines() -> None:
    log = Log()
    log.warn("\x1b[2J\x07\nserver | all is well\r\u202e\x9b31m")
    assert len(log.lines) == 1
    assert log.text.getvalue().rstrip("\n").isprintable()
    assert r"\x1b[2J" in log.lines[0]
    assert printable("Möbius\t日本") == "Möbius\t日本"


def test_a_traceback_is_kept_and_plain() -> None:
    log = Log()
    try:
        raise ValueError("\x1b[31mred\x1b[0m")
    except ValueError:
        log.logger.exception("failed")
    assert log.lines[0] == "failed"
    assert log.lines[1].startswith("Traceback")
    assert "\x1b" not in log.text.getvalue()


def test_many_lines_of_a_kind_become_few_and_are_counted() -> None:
    log = Log()
    for number in range(1000):
        log.warn(number)
    log.logger.warning("another kind")
    assert len(log.lines) == PER_MINUTE + 1
    log.now += 61
    log.warn("again")
    assert log.lines[-1] == f"it says again (and {1000 - PER_MINUTE} more like this within a minute)"


def test_the_root_logger_is_plain_for_as_long_as_it_is_asked() -> None:
    root = logging.getLogger()
    handler = logging.StreamHandler(io.StringIO())
    root.addHandler(handler)
    try:
        with plain(), plain():
            assert [type(one) for one in handler.filters] == [Plain]
        assert not handler.filters
    finally:
        root.removeHandler(handler)
