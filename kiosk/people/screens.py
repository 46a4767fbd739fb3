"""Booth screens on other devices, paired once.

A page that wants to be a screen shows six digits; the operator types them on the operator's page, and from then on the
page's cookie makes it a screen. The requests that wait live in the server's memory: after a restart a page asks again.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from kiosk.errors import BadInput, Unavailable
from kiosk.library.library import Library

WAIT_SECONDS = 600.0
"""How long the operator has to type the code."""
MOST_WAITING = 20
MOST_OF_ONE = 2
"""Requests of one client that wait; with another one, its oldest ends. So nobody takes all places."""
LONGEST_NAME = 40


@dataclass
class _Asked:
    code: str
    client: str
    until: float
    cookie: str | None = None


@dataclass(frozen=True)
class PairedScreen:
    """A paired screen. id: the first digits of its hash. paired: seconds since 1970."""

    id: str
    name: str
    paired: float


class Screens:
    """The paired screens of a library, and the pages that wait to be. Times are in seconds of `clock`, which is
    monotonic."""

    def __init__(self, library: Library, clock: Callable[[], float] = time.monotonic) -> None:
        self._library = library
        self._clock = clock
        self._asked: dict[str, _Asked] = {}

    def ask(self, client: str = "") -> tuple[str, str]:
        """(the six digits to show, the secret to ask for the outcome with). client: who asks. Raises Unavailable if too
        many wait."""
        now = self._clock()
        self._asked = {secret: one for secret, one in self._asked.items() if one.until > now}
        mine = [secret for secret, one in self._asked.items() if one.client == client]
        for secret in mine[: max(0, len(mine) - MOST_OF_ONE + 1)]:
            del self._asked[secret]
        if len(self._asked) >= MOST_WAITING:
            raise Unavailable("Too many screens wait to be paired. Please try again in some minutes.", "many_screens")
        taken = {one.code for one in self._asked.values()}
        code = next(code for code in iter(_digits, "") if code not in taken)
        secret = secrets.token_urlsafe(24)
        self._asked[secret] = _Asked(code, client, now + WAIT_SECONDS)
        return code, secret

    def accept(self, code: str, name: str) -> None:
        """Pair the page that shows `code`. Raises BadInput (404) if none does."""
        now = self._clock()
        digits = "".join(filter(str.isdigit, code))
        asked = next((one for one in self._asked.values() if one.code == digits and one.until > now), None)
        if asked is None or asked.cookie:
            raise BadInput("No screen shows this code. Please look at the screen again.", "no_such_code", 404)
        cookie = secrets.token_urlsafe(32)
        with self._library.writing() as connection:
            connection.execute(
                "INSERT INTO screens VALUES (?, ?, ?)",
                (_hash(cookie), " ".join(name.split())[:LONGEST_NAME] or "Screen", self._library.clock()),
            )
        asked.cookie = cookie

    def outcome(self, secret: str) -> str | None:
        """The cookie of a page that has been paired, once; None while it waits. Raises BadInput (404) for a secret that
        is not known, or no more."""
        asked = self._asked.get(secret)
        if asked is None or asked.until <= self._clock():
            raise BadInput("This request to be a screen has ended. Please reload the page.", "no_such_pairing", 404)
        if asked.cookie:
            del self._asked[secret]
        return asked.cookie

    def is_paired(self, cookie: str) -> bool:
        with self._library.reading() as connection:
            return connection.execute("SELECT 1 FROM screens WHERE hash = ?", (_hash(cookie),)).fetchone() is not None

    def paired(self) -> list[PairedScreen]:
        with self._library.reading() as connection:
            rows = connection.execute("SELECT hash, name, paired FROM screens ORDER BY paired").fetchall()
        return [PairedScreen(row["hash"].hex()[:16], row["name"], row["paired"]) for row in rows]

    def forget(self, id_: str) -> None:
        """Unpair the screen with this ID. Raises BadInput (404) if there is none."""
        with self._library.writing() as connection:
            gone = connection.execute("DELETE FROM screens WHERE lower(substr(hex(hash), 1, 16)) = ?", (id_,)).rowcount
        if not gone:
            raise BadInput("There is no such screen.", "no_such_screen", 404)


def _digits() -> str:
    return f"{secrets.randbelow(1_000_000):06}"


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
