"""Uploads that were answered already: the same upload again gets the same photo, not a second one.

A browser sends a request again by itself when a connection that it had used before breaks before the answer, POST or
not, and tells no page of it (Chromium: seen in tests/browser/test_sending.py); and a page that lost an answer cannot
know whether there was one. So pages give every upload an ID. The second may also come while the first is still being
decoded: then it waits for it.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from gevent.lock import RLock

from kiosk.library.records import Photo

SECONDS = 1800.0
MOST = 2000
"""The most uploads remembered; beyond it, the oldest are forgotten."""


class Answered:
    """Photos by (owner key, upload ID). Times are in seconds of `clock`, which is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._photos: OrderedDict[tuple[str, str], tuple[float, Photo]] = OrderedDict()
        self._at_work: dict[tuple[str, str], tuple[RLock, int]] = {}
        """The lock of each upload that is being taken in, and how many hold it or wait for it."""

    @contextlib.contextmanager
    def one_at_a_time(self, owner_key: str, upload: str) -> Iterator[None]:
        """Hold this upload for the duration of the block; wait while another request has it."""
        name = owner_key, upload
        lock, users = self._at_work.get(name, (RLock(), 0))
        self._at_work[name] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            lock, users = self._at_work.pop(name)
            if users > 1:
                self._at_work[name] = lock, users - 1

    def find(self, owner_key: str, upload: str) -> Photo | None:
        """The photo that this upload became; None if it is new, or too long ago."""
        since, photo = self._photos.get((owner_key, upload), (0.0, None))
        return photo if photo and self._clock() - since < SECONDS else None

    def keep(self, owner_key: str, upload: str, photo: Photo) -> None:
        """Remember what an upload became."""
        self._photos[owner_key, upload] = self._clock(), photo
        while len(self._photos) > MOST:
            self._photos.popitem(last=False)
