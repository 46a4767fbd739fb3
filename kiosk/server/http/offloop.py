"""Keeps the event loop free: blocking calls run in a thread while other greenlets continue.

Nothing is monkey-patched. Waiting for SQLite's write lock inside the loop would stall every phone in the room
(measured: 1.2 s), and so would reading an uncached file from an SD card.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import gevent
from gevent.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function(*args, **kwargs)` in the hub's thread pool; return its result or raise its exception."""
    return _unpack(gevent.get_hub().threadpool.apply(_attempt, (function, args, kwargs)))


class Lane:
    """A separate thread pool for slow work, so that it cannot occupy all threads of the hub's pool.

    width: number of threads.
    """

    def __init__(self, width: int) -> None:
        self._pool = ThreadPool(width)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `off_loop`, in this lane."""
        return _unpack(self._pool.apply(_attempt, (function, args, kwargs)))


# The pool prints a traceback for every exception that leaves it, even for expected ones such as "no such photo". So
# exceptions are returned as values and raised again on the calling side.
def _attempt(function: Callable[..., T], args: tuple, kwargs: dict) -> tuple[T | None, BaseException | None]:
    try:
        return function(*args, **kwargs), None
    except BaseException as error:  # noqa: BLE001 (raised again on the other side)
        return None, error


def _unpack(outcome: tuple[T | None, BaseException | None]) -> T:
    value, error = outcome
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
