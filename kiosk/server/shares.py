"""What one address may take of what all guests share: one table, and who has how much.

An address may hold as many places as are still free, besides its floor. So one guest alone gets half of everything, two
greedy ones a third each, and a newcomer always finds about as much as anybody else holds; many guests behind one
address of a router together get at least half while nobody else wants it. (Dynamic thresholds with alpha = 1: Choudhury
and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", IEEE/ACM Transactions on Networking,
1998.) Of each kind some places are for the machine itself: its screen and camera are never turned away for guests.

Everything here runs on the event loop and touches nothing slow.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kiosk.errors import Unavailable

HERE = ("127.0.0.1", "::1")
"""The machine itself. Any other loopback address is a guest like any other."""


@dataclass(frozen=True)
class Share:
    """A kind of place. total: for everybody together. floor: what every address may have while there are any. reserve:
    of the total, kept for the machine itself."""

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
"""connections: TCP connections, open or kept open. handshakes: of TLS, at once. answers: requests that the application
works on at once, which is how the processor is shared. uploads: photos being received, or waiting to be
opened. decodes: photos being opened,
each of which takes a core and up to a gigabyte. streams: event streams in all; galleries: those of them that pages
where guests arrive hold. room: pages in one room; gazers: pages in all rooms. queue: photos
that wait to be dreamed. The disk's share is in receiving.py: it
depends on what is free."""


class Places:
    """The places of one kind, and how many each address holds."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self._held: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        return self._held.total()

    def held_by_each(self) -> Mapping[str, int]:
        """How many places each client holds that holds any."""
        return self._held

    def take(self, address: str) -> bool:
        """Take one place for `address`; False where it may have no more, or none is left."""
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
        """One place for `address` while the block lasts; raises `refusal` where there is none for it."""
        if not self.take(address):
            raise refusal
        try:
            yield
        finally:
            self.give_back(address)


@lru_cache(maxsize=4096)
def client_of(address: str) -> str:
    """Whose places they are: the IPv4 address, the /64 network of an IPv6 one (a host has all of that), or the text."""
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
