"""Keep the event loop free: what may block runs in a real thread while other greenlets go on.

Nothing is monkey-patched. Waiting for SQLite's write lock inside the loop would stall every phone in the room
(measured: 1.2 s), and so would reading a cold file from a card.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import gevent
from gevent.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


def off_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`function(*args, **kwargs)` in a thread of the hub's pool; its result or its exception, when it is there."""
    return _unpack(gevent.get_hub().threadpool.apply(_attempt, (function, args, kwargs)))


class Lane:
    """A few threads of their own for slow work, so that it cannot take all threads from the quick.

    width: how many at once.
    """

    def __init__(self, width: int) -> None:
        self._pool = ThreadPool(width)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `off_loop`, in this lane."""
        return _unpack(self._pool.apply(_attempt, (function, args, kwargs)))


# The pool prints the traceback of every exception that leaves it, also of those that are answers, such as "no such
# photo". So none leaves it: the outcome is carried across and raised here.
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
