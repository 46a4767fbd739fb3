"""Turns: a fair queue for a limited number of concurrent operations.

Each client has its own queue, and the queues are served round-robin. The table of shares limits how much one client may
do at once, so a guest who sends a thousand requests waits behind their own, and nobody else does.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict, deque
from collections.abc import Iterator

from flask import request
from gevent.event import AsyncResult

from kiosk.server.shares import Places, Share, client_of


class Turns:
    """Admits `share.total` at once; the others wait. Everything here runs on the event loop."""

    def __init__(self, share: Share) -> None:
        self._places = Places(share)
        self._waiting: OrderedDict[str, deque[AsyncResult]] = OrderedDict()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def held(self, address: str) -> Iterator[Turn]:
        """Wait for a turn of `address` and hold it until the block ends, or until it is given back earlier."""
        turn = Turn(self, client_of(address))
        self._take(turn.client)
        try:
            yield turn
        finally:
            turn.give_back()

    def _take(self, client: str) -> None:
        if client not in self._waiting and self._places.take(client):
            return
        ticket: AsyncResult = AsyncResult()
        self._waiting.setdefault(client, deque()).append(ticket)
        # A place may be free now: clients wait only behind their own requests.
        self._call()
        try:
            ticket.get()
        except BaseException:
            if ticket.ready():
                self._end(client)
            else:
                self._forget(client, ticket)
            raise

    def _forget(self, client: str, ticket: AsyncResult) -> None:
        queue = self._waiting[client]
        queue.remove(ticket)
        if not queue:
            del self._waiting[client]

    def _end(self, client: str) -> None:
        self._places.give_back(client)
        self._call()

    def _call(self) -> None:
        """Admit whoever may go now, one per client in each round."""
        for client in list(self._waiting):
            if not self._places.take(client):
                continue
            queue = self._waiting[client]
            queue.popleft().set()
            if queue:
                self._waiting.move_to_end(client)
            else:
                del self._waiting[client]


TURN = "kiosk.turn"
"""The key of a request's turn in the WSGI environment."""


def end_turn() -> None:
    """End the current request's turn early, because it will take long."""
    if turn := request.environ.get(TURN):
        turn.give_back()


class Turn:
    """One turn of `client`."""

    def __init__(self, turns: Turns, client: str) -> None:
        self.client = client
        self._turns: Turns | None = turns

    def give_back(self) -> None:
        """End the turn. Idempotent."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns._end(self.client)
