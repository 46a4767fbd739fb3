"""Fairness between clients: the order of the queue, and whose photos are evicted when space runs out.

A client is whoever brought a photo, identified by a pseudonym that the server derives from the address, and that nobody
can derive again once the machine has restarted. Photos of the kiosk's own camera, and of guests who cannot be told
apart, have client None; each of them counts as a client of its own.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

GREEDY_TIMES = 2.0
"""A client is greedy only above this many times the average of all clients. Its photos are evicted first."""
GREEDY_SHARE = 0.05
"""A client is greedy only above this fraction of the quota."""


@dataclass(frozen=True)
class Held:
    """A photo that may be evicted: its token, the bytes it takes, and who brought it."""

    token: str
    bytes: int
    client: str | None


class Balance:
    """The bytes each client holds of a quota of `quota` bytes."""

    def __init__(self, taken: Iterable[Held], quota: float) -> None:
        self._quota = quota
        self._totals: Counter[str] = Counter()
        for photo in taken:
            self._totals[_key(photo)] += photo.bytes

    def add(self, client: str | None, size: int) -> None:
        """Count `size` bytes more for `client`."""
        if client is not None:
            self._totals[client] += size

    def is_greedy(self, client: str | None) -> bool:
        return client is not None and self._totals[client] > self._limit()

    def leaving(self, photos: Iterable[Held]) -> Iterator[Held]:
        """Yield `photos` (given oldest first) in eviction order: those of the largest client while it is greedy, then
        the oldest."""
        left = list(photos)
        while left:
            limit = self._limit()
            most = max(left, key=lambda photo: self._totals[_key(photo)])
            greedy = most.client is not None and self._totals[_key(most)] > limit
            photo = next(one for one in left if one.client == most.client) if greedy else left[0]
            left.remove(photo)
            self._totals[_key(photo)] -= photo.bytes
            yield photo

    def _limit(self) -> float:
        mean = self._totals.total() / max(1, len(self._totals))
        return max(GREEDY_TIMES * mean, GREEDY_SHARE * self._quota)


def _key(photo: Held) -> str:
    return photo.token if photo.client is None else photo.client


FIRST = 0
"""The turn of a photo that somebody is waiting for in front of the booth."""


def next_turn(connection: sqlite3.Connection, client: str | None, asked: bool = False) -> int:
    """The turn of a new job: one after the latest job started, and after the same client's last job. asked: the booth's
    own camera took it because somebody pressed its button; it goes first.

    So if one client brings fifty photos, every newcomer goes before its second one. (Start-time fair queueing.)
    """
    if asked:
        return FIRST
    begun = connection.execute("SELECT coalesce(max(turn), 0) FROM jobs WHERE attempts > 0").fetchone()[0]
    last = connection.execute(
        """SELECT coalesce(max(turn), 0) FROM jobs JOIN photos ON photos.id = photo_id
           WHERE client = ? AND jobs.state IN ('waiting', 'leased')""",
        (client,),
    ).fetchone()[0]
    return max(begun, last) + 1


def waiting(connection: sqlite3.Connection, client: str | None) -> tuple[int, int]:
    """How many photos wait to be dreamed: (of `client`, of all clients)."""
    row = connection.execute(
        """SELECT coalesce(sum(client IS ?), 0), count(*) FROM jobs JOIN photos ON photos.id = photo_id
           WHERE jobs.state = 'waiting'""",
        (client,),
    ).fetchone()
    return row[0], row[1]
