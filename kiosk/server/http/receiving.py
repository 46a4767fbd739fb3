"""Admission of uploads: how many at once, how large, and whose photo is decoded next.

Announced sizes of all uploads are added up, so that together they cannot fill the disk. One address may announce at
most as much as it leaves to the others, or a single photo if nobody else is uploading. Announced bytes that do not
arrive are released soon, because body.py enforces a minimum pace.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from kiosk.errors import BadInput, Unavailable
from kiosk.library.library import Library
from kiosk.library.upkeep import fairness
from kiosk.library.upkeep.retention import full, spare
from kiosk.people import uploaders
from kiosk.server.http.offloop import Lane, off_loop
from kiosk.server.http.turns import Turns
from kiosk.server.shares import HERE, TABLE, Places, client_of

_QUEUE = TABLE["queue"]
P = ParamSpec("P")
T = TypeVar("T")


class Receiving:
    """The uploads of one server. largest: size limit of one photo, bytes. Everything here runs on the event loop."""

    def __init__(self, library: Library, largest: int) -> None:
        self._library = library
        self._largest = largest
        self._salt = uploaders.salt(library.data)
        self._places = Places(TABLE["uploads"])
        self._promised: Counter[str] = Counter()
        self._missing = 0
        self._decodes = Turns(TABLE["decodes"])
        self._lane = Lane(TABLE["decodes"].total)

    @property
    def missing(self) -> int:
        """Announced bytes that have not arrived yet."""
        return self._missing

    @contextlib.contextmanager
    def upload(self, address: str, promised: int | None) -> Iterator[Promise]:
        """Hold a place for an upload of `promised` bytes, None if its length is unknown.

        Raises Unavailable: 503 if too many uploads are arriving, or if it would fit only without theirs; 507 if it does
        not fit on the disk. Raises BadInput: 429 if too many photos of this client wait to be dreamed, 403 if the
        operator has blocked it.
        """
        with self._places.held(address, _busy()):
            promise = Promise(self, client_of(address), self._largest if promised is None else promised)
            # Counted before the checks, so that concurrent uploads see it.
            try:
                room, mine, everybody = off_loop(self._look, self.name_of(address))
                self._check(promise, room)
                if promise.client not in HERE and mine >= max(_QUEUE.floor, _QUEUE.total - everybody):
                    raise BadInput(
                        "Many of your photos are waiting to be dreamed. Please bring more when some are done.",
                        "queue_full",
                        429,
                        retry_after=60,
                    )
                yield promise
            finally:
                promise.end()

    def name_of(self, address: str) -> str | None:
        """The pseudonym of `address` in the library: a salted hash that does not reveal the address and is valid until
        the machine restarts. None for the machine itself, because all guests behind a proxy on it share its address."""
        client = client_of(address)
        if client in HERE:
            return None
        return uploaders.pseudonym(client, self._salt)

    def _look(self, name: str | None) -> tuple[float, int, int]:
        with self._library.reading() as connection:
            if uploaders.is_blocked(connection, name, self._library.clock()):
                raise BadInput("Your photos are not taken here today. Please speak to the staff.", "blocked", 403)
            mine, everybody = fairness.waiting(connection, name)
        return spare(self._library), mine, everybody

    def decode(self, address: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(...)` in a decoder thread when it is the turn of `address`."""
        with self._decodes.held(address):
            return self._lane.run(function, *args, **kwargs)

    def _check(self, promise: Promise, room: float) -> None:
        if promise.size > room:
            raise full()
        if self._missing > room:
            # It would fit without the other uploads in progress.
            raise _busy()
        mine, left = self._promised[promise.client], room - self._missing
        alone = len(self._promised) == 1 and mine == promise.size
        if promise.client not in HERE and not alone and mine > left:
            raise _busy()


class Promise:
    """The announced size of one upload."""

    def __init__(self, receiving: Receiving, client: str, size: int) -> None:
        self.client = client
        self._receiving = receiving
        self.size = self._missing = size
        receiving._promised[client] += size
        receiving._missing += size

    def arrived(self, size: int) -> None:
        """Record that `size` more bytes are on the disk."""
        size = min(size, self._missing)
        self._missing -= size
        self._receiving._missing -= size

    def end(self) -> None:
        self.arrived(self._missing)
        promised = self._receiving._promised
        promised[self.client] -= self.size
        if promised[self.client] <= 0:
            del promised[self.client]


def _busy() -> Unavailable:
    return Unavailable("Many photos are arriving just now. Please try again in a moment.", "busy")
