"""Who has to give way: the queue's turns, and whose photos leave when there is no more room.

A client is whoever brought a photo, known by a word that the server makes up for an address and forgets with its next
start; None for the kiosk's own camera and for who cannot be told apart, each of whose photos counts by itself.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

GREEDY_TIMES = 2.0
"""Who takes more than so many times what clients take on average gives way first."""
GREEDY_SHARE = 0.05
"""But nobody who takes less than this part of the quota."""


@dataclass(frozen=True)
class Held:
    """A photo that may leave: its token, the bytes it takes, and who brought it."""

    token: str
    bytes: int
    client: str | None


class Balance:
    """What each client takes, in bytes, of a quota of `quota` bytes."""

    def __init__(self, taken: Iterable[Held], quota: float) -> None:
        self._quota = quota
        self._totals: Counter[str] = Counter()
        for photo in taken:
            self._totals[_key(photo)] += photo.bytes

    def add(self, client: str | None, size: int) -> None:
        """`client` is about to take `size` more."""
        if client is not None:
            self._totals[client] += size

    def is_greedy(self, client: str | None) -> bool:
        return client is not None and self._totals[client] > self._limit()

    def leaving(self, photos: Iterable[Held]) -> Iterator[Held]:
        """`photos`, oldest first, in the order in which they have to leave: those of whoever took most, as long as that
        is greedy, then the oldest."""
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


def next_turn(connection: sqlite3.Connection, client: str | None) -> int:
    """The turn of a job that comes now: one after those that were begun, and after the last of the same client. So
    somebody with fifty photos has every newcomer go before his second. (Start-time fair queueing.)"""
    begun = connection.execute("SELECT coalesce(max(turn), 0) FROM jobs WHERE attempts > 0").fetchone()[0]
    last = connection.execute(
        """SELECT coalesce(max(turn), 0) FROM jobs JOIN photos ON photos.id = photo_id
           WHERE client = ? AND jobs.state IN ('waiting', 'leased')""",
        (client,),
    ).fetchone()[0]
    return max(begun, last) + 1


def waiting(connection: sqlite3.Connection, client: str | None) -> tuple[int, int]:
    """How many photos of `client` wait to be dreamed, and how many of everybody."""
    row = connection.execute(
        """SELECT coalesce(sum(client IS ?), 0), count(*) FROM jobs JOIN photos ON photos.id = photo_id
           WHERE jobs.state = 'waiting'""",
        (client,),
    ).fetchone()
    return row[0], row[1]
