from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.people import operators


def test_a_pin_is_made_once_and_stored_as_a_hash(data, library) -> None:
    pin = operators.prepare(data)
    assert pin is not None
    assert len(pin) == operators.MADE_DIGITS
    assert operators.prepare(data) is None
    file = operators.pin_file(data)
    assert pin not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert operators.is_right(data, pin)
    assert not operators.is_right(data, pin[:-1] + str((int(pin[-1]) + 1) % 10))
    assert operators.first_pin(data) == pin
    operators.sign_in(library)
    assert operators.first_pin(data) is None, "the console shows it until somebody has signed in"


def test_the_password_of_an_older_version_becomes_the_pin(data) -> None:
    data.prepare()
    (data.root / "operator-password").write_text("Kf3-secret\n")
    assert operators.prepare(data) is None
    assert operators.is_right(data, "Kf3-secret")
    assert not (data.root / "operator-password").exists()


@pytest.mark.parametrize("pin", ["", "12345", "111111", "121212", "123456", "87654321", "x" * 65, "12 34\n56"])
def test_an_easily_guessed_pin_is_refused_and_the_old_one_stays(data, pin: str) -> None:
    before = operators.prepare(data.prepare())
    with pytest.raises(BadInput):
        operators.change(data, pin)
    assert operators.is_right(data, before)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"n": 2}', '{"n": 3, "r": 8, "p": 1, "salt": "00", "hash": "00"}'])
def test_a_damaged_file_lets_nobody_in(data, text: str) -> None:
    pin = operators.prepare(data.prepare())
    operators.pin_file(data).write_text(text)
    assert not operators.is_right(data, pin)
    assert not operators.is_right(data, "")


def test_a_session_ends_when_it_is_idle_too_old_or_signed_out(library) -> None:
    secret = operators.sign_in(library)
    assert operators.is_signed_in(library, secret)
    assert not operators.is_signed_in(library, secret + "x")
    for column, seconds in (("used", operators.IDLE_SECONDS), ("begun", operators.LONGEST_SECONDS)):
        old = operators.sign_in(library)
        with library.writing() as connection:
            connection.execute(
                f"UPDATE sessions SET {column} = {column} - ? WHERE hash = ?", (seconds + 1, operators._hash(old))
            )
        assert not operators.is_signed_in(library, old)
    other = operators.sign_in(library)
    operators.sign_out(library, secret)
    assert [operators.is_signed_in(library, one) for one in (secret, other)] == [False, True]
    operators.sign_out(library)
    assert not operators.is_signed_in(library, other)
