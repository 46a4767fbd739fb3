"""Fair shares of the server's resources per address.

An address may hold at most as many places as are still free, or its floor if that is more. So a single guest gets half
of everything, two greedy ones a third each, and a newcomer always finds about as much as anybody else holds. Many
guests behind one router address together get at least half while nobody else wants it. (Dynamic thresholds with alpha =
1: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", IEEE/ACM Transactions on
Networking, 1998.) Some places of some kinds are reserved for the machine itself, so guests cannot crowd out its screen
and camera.

Everything here runs on the event loop and never blocks.
"""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kiosk.errors import Unavailable

ARRIVALS_PER_SECOND, ARRIVALS_AT_ONCE = 100, 600
"""New connections of one address. A page opens six, so that a hundred phones behind one address may load it at once."""
REMEMBERED = 4096
"""Addresses whose arrivals are counted; beyond that, those that have not come for a while are forgotten."""
HERE = ("127.0.0.1", "::1")
"""The machine itself. Any other loopback address counts as a guest."""


@dataclass(frozen=True)
class Share:
    """The limits of one kind of place. total: for all clients together. floor: what every address may hold as long as
    any are free. reserve: part of the total that is kept for the machine itself."""

    total: int
    floor: int
    reserve: int = 0


TABLE = {
    "connections": Share(total=1000, floor=8, reserve=50),
    "handshakes": Share(total=64, floor=2, reserve=8),
    "answers": Share(total=16, floor=1, reserve=2),
    "uploads": Share(total=64, floor=2, reserve=4),
    "decodes": Share(total=2, floor=1),
    "streams": Share(total=600, floor=4, reserve=20),
    "galleries": Share(total=200, floor=2),
    "room": Share(total=150, floor=2),
    "gazers": Share(total=400, floor=2),
    "queue": Share(total=400, floor=4),
}
"""connections: open TCP connections, including idle ones. handshakes: concurrent TLS handshakes. answers: requests that
the application handles at once, which divides the processor. uploads: photos being received or waiting to be decoded.
decodes: photos being decoded, each of which takes a core and up to a gigabyte. streams: all event streams. galleries:
those of them that landing pages hold. room: viewers in one room. gazers: viewers in all rooms. queue: photos waiting to
be dreamed. Shares of the disk are computed in receiving.py, because they depend on the free space."""


class Places:
    """The places of one kind, and how many each client holds."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self._held: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._held.total()

    def held_by_each(self) -> Mapping[str, int]:
        """Client -> number of places it holds; clients without any are absent."""
        return self._held

    def take(self, address: str) -> bool:
        """Take one place for `address`; False if its share is used up or no place is left."""
        client = client_of(address)
        if client in HERE:
            free, most = self.share.total - self.taken, self.share.total
        else:
            free = self.share.total - self.share.reserve - self.taken
            most = max(self.share.floor, free)
        if free <= 0 or self._held[client] >= most:
            return False
        self._held[client] += 1
        return True

    def give_back(self, address: str) -> None:
        client = client_of(address)
        self._held[client] -= 1
        if self._held[client] <= 0:
            del self._held[client]

    @contextlib.contextmanager
    def held(self, address: str, refusal: Unavailable) -> Iterator[None]:
        """Hold one place for `address` for the duration of the block; raises `refusal` if there is none."""
        if not self.take(address):
            raise refusal
        try:
            yield
        finally:
            self.give_back(address)


class Arrivals:
    """New connections of each address: `burst` at once, then `rate` a second (a token bucket). Those beyond are closed
    before they cost anything, so that whoever only comes and goes keeps nobody else waiting at the door."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst = rate, burst
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        """client -> (connections that it may still open, when that was so)."""

    def admit(self, address: str) -> bool:
        """Count one connection; False where it is one too many. The machine itself is always admitted."""
        client = client_of(address)
        if client in HERE:
            return True
        now = self._clock()
        left, then = self._left.get(client, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        if len(self._left) >= REMEMBERED and client not in self._left:
            # Whoever has not come for so long has all of it again.
            full = self._burst / self._rate
            self._left = {name: entry for name, entry in self._left.items() if now - entry[1] < full}
        self._left[client] = (max(0.0, left - 1), now)
        return left >= 1


@lru_cache(maxsize=4096)
def client_of(address: str) -> str:
    """The client that an address belongs to: an IPv4 address itself, the /64 network of an IPv6 address (one host owns
    all of it), or the text if it is neither."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        if not found.is_loopback:
            return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
