"""Turns: an address with a thousand requests waits behind its own, and delays nobody else."""

from __future__ import annotations

import gevent

from kiosk.server.http.turns import Turns
from kiosk.server.shares import Share

SHARE = Share(total=4, floor=1)


class Crowd:
    def __init__(self, share: Share = SHARE) -> None:
        self.turns = Turns(share)
        self.inside: list[str] = []
        self.most: dict[str, int] = {}
        self.log: list[str] = []

    def visit(self, address: str) -> None:
        with self.turns.held(address):
            self.inside.append(address)
            self.most[address] = max(self.most.get(address, 0), self.inside.count(address))
            self.log.append(address)
            gevent.sleep(0)
            self.inside.remove(address)


def test_a_greedy_address_leaves_room_and_a_newcomer_goes_at_once() -> None:
    crowd = Crowd()
    greedy = [gevent.spawn(crowd.visit, "10.0.0.1") for _ in range(200)]
    gevent.sleep(0)
    newcomer = gevent.spawn(crowd.visit, "10.0.0.2")
    newcomer.join(5)
    assert "10.0.0.2" in crowd.log[:12], crowd.log.index("10.0.0.2")
    gevent.joinall(greedy, 20)
    assert crowd.most["10.0.0.1"] == SHARE.total // 2
    assert len(crowd.log) == 201
    assert crowd.turns.waiting == 0


def test_those_who_wait_are_called_in_turn() -> None:
    crowd = Crowd(Share(total=1, floor=1))
    all_of_them = [gevent.spawn(crowd.visit, address) for address in ["10.0.0.1"] * 9 + ["10.0.0.2", "10.0.0.3"]]
    gevent.joinall(all_of_them, 20)
    assert {"10.0.0.2", "10.0.0.3"} <= set(crowd.log[:4]), crowd.log


def test_who_is_stopped_while_waiting_or_inside_leaves_nothing_behind() -> None:
    crowd = Crowd(Share(total=1, floor=1))
    visits = [gevent.spawn(crowd.visit, f"10.0.0.{number % 3}") for number in range(9)]
    gevent.sleep(0)
    gevent.killall(visits)
    assert crowd.turns.waiting == 0
    crowd.inside.clear()
    last = gevent.spawn(crowd.visit, "10.0.0.9")
    last.join(5)
    assert crowd.log[-1] == "10.0.0.9"


def test_a_turn_that_is_given_back_twice_counts_once() -> None:
    turns = Turns(Share(total=2, floor=1))
    with turns.held("10.0.0.1") as turn:
        turn.give_back()
        turn.give_back()
        with turns.held("10.0.0.1"):
            pass
    assert not turns._places.taken
