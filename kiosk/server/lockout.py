"""Lockout after wrong PINs or words: each client has a few free tries, then waits, longer after each failure."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.server.shares import client_of

FREE_TRIES = 5
FIRST_WAIT = 5.0
LONGEST_WAIT = 900.0
FORGIVEN_SECONDS = 3600.0
"""A client's count resets after this long without a wrong try."""
CLIENTS = 4096
"""The most clients remembered; beyond it, the least recent are forgotten."""


@dataclass
class _Tries:
    wrong: int = 0
    last: float = 0.0
    until: float = 0.0


class Lockout:
    """The failed tries of all clients. Times are in seconds of `clock`, which is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until `address` may try again; 0 = now."""
        tries = self._tries.get(client_of(address))
        return max(0.0, tries.until - self._clock()) if tries else 0.0

    def wrong(self, address: str) -> None:
        """Count a wrong try of `address`."""
        client, now = client_of(address), self._clock()
        tries = self._tries.pop(client, None)
        if tries is None or now - tries.last > FORGIVEN_SECONDS:
            tries = _Tries()
        tries.wrong += 1
        tries.last = now
        if tries.wrong >= FREE_TRIES:
            doublings = min(tries.wrong - FREE_TRIES, 16)
            tries.until = now + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
        self._tries[client] = tries
        while len(self._tries) > CLIENTS:
            self._tries.popitem(last=False)

    def attempt(self, address: str, sentence: str) -> None:
        """Count a try of `address` as wrong until `right` is called. Raises BadInput (429), which begins with
        `sentence`, if it has to wait."""
        if wait := self.wait(address):
            seconds = math.ceil(wait)
            raise BadInput(f"{sentence} Please wait {seconds} s.", "locked_out", 429, retry_after=seconds)
        self.wrong(address)

    def right(self, address: str) -> None:
        """Reset the count of `address` after the right one."""
        self._tries.pop(client_of(address), None)
