from __future__ import annotations

import pytest

from kiosk.errors import BadInput, Unavailable
from kiosk.people.screens import MOST_WAITING, WAIT_SECONDS, Screens


def test_a_screen_is_paired_once_by_its_digits(library) -> None:
    screens = Screens(library)
    code, secret = screens.ask()
    assert screens.outcome(secret) is None
    with pytest.raises(BadInput):
        screens.accept("000000" if code != "000000" else "111111", "")
    screens.accept(f" {code[:3]} {code[3:]} ", "  The hall\n ")
    cookie = screens.outcome(secret)
    assert cookie is not None
    assert screens.is_paired(cookie)
    assert not screens.is_paired(cookie + "x")
    with pytest.raises(BadInput):
        screens.outcome(secret)
    with pytest.raises(BadInput):
        screens.accept(code, "again")
    (one,) = Screens(library).paired()
    assert one.name == "The hall"
    screens.forget(one.id)
    assert not screens.is_paired(cookie)
    with pytest.raises(BadInput):
        screens.forget(one.id)


def test_a_request_ends_and_their_number_is_bounded(library) -> None:
    now = [0.0]
    screens = Screens(library, lambda: now[0])
    code, secret = screens.ask("first")
    for number in range(MOST_WAITING - 1):
        screens.ask(f"another {number}")
    with pytest.raises(Unavailable):
        screens.ask("the last")
    now[0] = WAIT_SECONDS + 1
    with pytest.raises(BadInput):
        screens.accept(code, "")
    with pytest.raises(BadInput):
        screens.outcome(secret)
    screens.ask()


def test_nobody_takes_the_places_of_all_others(library) -> None:
    screens = Screens(library)
    code, secret = screens.ask("the booth")
    asked = [screens.ask("rude") for _ in range(3 * MOST_WAITING)]
    assert screens.outcome(asked[-1][1]) is None
    with pytest.raises(BadInput):
        screens.outcome(asked[0][1])
    screens.accept(code, "")
    assert screens.outcome(secret) is not None
