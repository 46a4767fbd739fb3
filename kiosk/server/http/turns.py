"""Turns: who may go on now, when more want to than can at once.

Each address has a queue of its own, and those who have one are asked in turn. How much one address may do at once is
said by the table of shares, so a guest who sends a thousand requests waits for his own, and nobody else does.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict, deque
from collections.abc import Iterator

from flask import request
from gevent.event import AsyncResult

from kiosk.server.shares import Places, Share, client_of


class Turns:
    """`share.total` at once; who wants to be the next one waits. Everything here runs on the event loop."""

    def __init__(self, share: Share) -> None:
        self._places = Places(share)
        self._waiting: OrderedDict[str, deque[AsyncResult]] = OrderedDict()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def held(self, address: str) -> Iterator[Turn]:
        """A turn for `address`, waited for; it ends with the block, or when it is given back before."""
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
        # A place may be free: who waits is only ever behind its own.
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
        """Call whoever may go on now, each address once around."""
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
"""Where a request's environment has its turn."""


def end_turn() -> None:
    """The current request will be long: let others go on meanwhile."""
    if turn := request.environ.get(TURN):
        turn.give_back()


class Turn:
    """One turn of `client`."""

    def __init__(self, turns: Turns, client: str) -> None:
        self.client = client
        self._turns: Turns | None = turns

    def give_back(self) -> None:
        """End it; again changes nothing."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns._end(self.client)
