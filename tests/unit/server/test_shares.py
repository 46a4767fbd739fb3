"""Fair shares of the server's resources, and the lockout after wrong passwords."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kiosk.errors import Unavailable
from kiosk.server.lockout import CLIENTS, FIRST_WAIT, FORGIVEN_SECONDS, FREE_TRIES, LONGEST_WAIT, Lockout
from kiosk.server.shares import REMEMBERED, TABLE, Arrivals, Places, Share, client_of


def fill(places: Places, address: str) -> int:
    """How many places `address` gets if it tries to take all."""
    count = 0
    while places.take(address):
        count += 1
    return count


def test_one_greedy_address_gets_half_and_the_next_half_of_what_is_left() -> None:
    places = Places(Share(total=120, floor=2))
    assert fill(places, "10.0.0.1") == 60
    assert fill(places, "10.0.0.2") == 30
    assert fill(places, "10.0.0.3") == 15


def test_every_newcomer_gets_its_floor_until_nothing_is_left() -> None:
    places = Places(Share(total=40, floor=4))
    for number in range(5):
        fill(places, f"10.0.0.{number}")
    assert fill(places, "10.0.0.99") in (1, 2, 3, 4) or places.taken == 40
    while any(places.take(f"10.1.{number}.1") for number in range(50)):
        pass
    assert places.taken == 40


@pytest.mark.parametrize("kind", [kind for kind, share in TABLE.items() if share.reserve])
def test_guests_leave_the_reserve_to_the_machine_itself(kind: str) -> None:
    places = Places(TABLE[kind])
    number = 0
    while fill(places, f"10.{number // 250}.{number % 250}.1"):
        number += 1
    assert places.taken == TABLE[kind].total - TABLE[kind].reserve
    assert fill(places, "127.0.0.1") == TABLE[kind].reserve


def test_what_is_given_back_is_free_again() -> None:
    places = Places(Share(total=10, floor=1))
    for _ in range(3):
        assert fill(places, "10.0.0.1") == 5
        for _ in range(5):
            places.give_back("10.0.0.1")
    assert places.taken == 0


def test_one_place_given_back_is_one_place() -> None:
    places = Places(Share(total=10, floor=1))
    fill(places, "10.0.0.1")
    places.give_back("10.0.0.1")
    assert places.taken == 4
    assert fill(places, "10.0.0.1") == 1
    for _ in range(5):
        places.give_back("10.0.0.1")
    assert not places._held, "who holds nothing is forgotten"


def test_a_place_is_held_for_as_long_as_the_block_lasts_or_refused() -> None:
    places, refusal = Places(Share(total=2, floor=1)), Unavailable("full", "full")
    with places.held("10.0.0.1", refusal):
        assert places.taken == 1
        with pytest.raises(Unavailable, match="full"), places.held("10.0.0.1", refusal):
            pytest.fail("there is no second place for it")
    assert places.taken == 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("fe80::1:2:3:4", "fe80::/64"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_whose_places_they_are(address: str, client: str) -> None:
    assert client_of(address) == client


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_wait_after_wrong_passwords_grows_and_has_an_end() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    waits = []
    for _ in range(FREE_TRIES + 12):
        lockout.wrong("10.0.0.1")
        waits.append(lockout.wait("10.0.0.1"))
        clock.now += waits[-1]
        assert lockout.wait("10.0.0.1") == 0
    assert waits[: FREE_TRIES - 1] == [0] * (FREE_TRIES - 1)
    assert waits[FREE_TRIES - 1 : FREE_TRIES + 2] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    assert lockout.wait("10.0.0.2") == 0


def test_the_right_password_or_an_hour_forgives() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    for forgive in (lambda: lockout.right("10.0.0.1"), lambda: setattr(clock, "now", clock.now + FORGIVEN_SECONDS + 1)):
        for _ in range(FREE_TRIES - 1):
            lockout.wrong("10.0.0.1")
        forgive()
        lockout.wrong("10.0.0.1")
        assert lockout.wait("10.0.0.1") == 0


def test_an_attacker_with_many_addresses_costs_a_bounded_amount_of_memory() -> None:
    lockout = Lockout(Clock())
    for number in range(2 * CLIENTS):
        lockout.wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(lockout._tries) == CLIENTS
    # The most recent clients are remembered.
    for _ in range(FREE_TRIES - 1):
        lockout.wrong("10.9.9.9")
    lockout.wrong("10.9.9.8")
    lockout.wrong("10.9.9.9")
    assert lockout.wait("10.9.9.9") > 0


def test_who_only_comes_and_goes_is_turned_away_at_the_door_and_nobody_else_is() -> None:
    now = [0.0]
    arrivals = Arrivals(rate=10, burst=20, clock=lambda: now[0])
    assert [arrivals.admit("192.0.2.1") for _ in range(25)] == [True] * 20 + [False] * 5
    assert arrivals.admit("192.0.2.2")
    assert all(arrivals.admit("127.0.0.1") for _ in range(100))
    now[0] = 1.0
    assert [arrivals.admit("192.0.2.1") for _ in range(12)] == [True] * 10 + [False] * 2
    now[0] = 1e9
    assert sum(arrivals.admit("192.0.2.1") for _ in range(30)) == 20


def test_addresses_whose_arrivals_are_counted_are_bounded() -> None:
    now = [0.0]
    arrivals = Arrivals(rate=10, burst=20, clock=lambda: now[0])
    for number in range(3 * REMEMBERED):
        now[0] += 0.01
        assert arrivals.admit(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(arrivals._left) <= REMEMBERED
