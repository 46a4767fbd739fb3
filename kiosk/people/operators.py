"""The operator's PIN and sessions.

The PIN is stored as a scrypt hash in `operator-pin` in the data folder. At the first start the kiosk makes one, prints
it, and keeps it readable in the runtime folder, for the machine's own screen, until somebody signs in. Whoever has
forgotten it sets another one on the machine itself: on the operator's page, or with `dreamkiosk people pin`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from pathlib import Path

from kiosk.errors import BadInput
from kiosk.library.library import Library
from kiosk.library.upkeep import lifetime
from kiosk.storage import DataFolder, write_atomic

SHORTEST, LONGEST = 6, 64
"""Characters of a PIN."""
MADE_DIGITS = 8
IDLE_SECONDS = 12 * 3600.0
"""A session ends after this long without a request."""
LONGEST_SECONDS = 7 * 24 * 3600.0
"""And after this long in any case."""
NOTED_SECONDS = 600.0
"""How exactly the last request of a session is noted: each note is a write to the disk."""
_COST = {"n": 2**14, "r": 8, "p": 1}


def pin_file(data: DataFolder) -> Path:
    """The file of the PIN's hash, readable only by the kiosk's user."""
    return data.root / "operator-pin"


def _first_file(data: DataFolder) -> Path:
    return data.runtime / "first-pin"


def prepare(data: DataFolder) -> str | None:
    """Make a PIN if there is none, and return it, to be shown once; None if there is one already.

    The password of an older version becomes the PIN, and its file goes.
    """
    if pin_file(data).is_file():
        return None
    old = data.root / "operator-password"
    known = old.read_text(encoding="utf-8").strip() if old.is_file() else ""
    pin = (
        known
        if SHORTEST <= len(known) <= LONGEST
        else "".join(secrets.choice("0123456789") for _ in range(MADE_DIGITS))
    )
    _store(data, pin)
    old.unlink(missing_ok=True)
    if pin == known:
        return None
    write_atomic(_first_file(data), pin, permissions=0o600)
    return pin


def first_pin(data: DataFolder) -> str | None:
    """The PIN that the kiosk made, as long as nobody has signed in with it; None after that, and after a reboot."""
    try:
        return _first_file(data).read_text(encoding="utf-8") or None
    except OSError:
        return None


def change(data: DataFolder, pin: str) -> None:
    """Set another PIN. Raises BadInput if it is too short or too long, or easily guessed."""
    pin = pin.strip()
    if not SHORTEST <= len(pin) <= LONGEST or not pin.isprintable():
        raise BadInput(f"A PIN has {SHORTEST} to {LONGEST} characters.", "bad_pin")
    if len(set(pin)) < 3 or pin in "01234567890 09876543210":
        raise BadInput("This PIN is too easily guessed.", "bad_pin")
    _store(data, pin)
    _first_file(data).unlink(missing_ok=True)


def _store(data: DataFolder, pin: str) -> None:
    salt = secrets.token_bytes(16)
    body = {**_COST, "salt": salt.hex(), "hash": hashlib.scrypt(pin.encode(), salt=salt, dklen=32, **_COST).hex()}
    write_atomic(pin_file(data), json.dumps(body) + "\n", permissions=0o600)


def is_right(data: DataFolder, pin: str) -> bool:
    """Whether `pin` is the operator's. Takes some 40 ms and 16 MB. A damaged file lets nobody in."""
    try:
        stored = json.loads(pin_file(data).read_text(encoding="utf-8"))
        cost = {name: stored[name] for name in _COST}
        found = hashlib.scrypt(pin[:LONGEST].strip().encode(), salt=bytes.fromhex(stored["salt"]), dklen=32, **cost)
        return hmac.compare_digest(found, bytes.fromhex(stored["hash"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def version(data: DataFolder) -> int:
    """A number that differs after every change of the PIN."""
    try:
        return pin_file(data).stat().st_mtime_ns
    except OSError:
        return 0


def sign_in(library: Library) -> str:
    """Begin a session; returns its secret, for the cookie."""
    secret = secrets.token_urlsafe(32)
    with library.writing() as connection:
        now = lifetime.lived(connection, library.clocks)
        connection.execute(
            "DELETE FROM sessions WHERE used < ? OR begun < ?", (now - IDLE_SECONDS, now - LONGEST_SECONDS)
        )
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?)", (_hash(secret), now, now))
    _first_file(library.data).unlink(missing_ok=True)
    return secret


def is_signed_in(library: Library, secret: str) -> bool:
    """Whether `secret` is that of a session that has not ended."""
    with library.reading() as connection:
        now = lifetime.lived(connection, library.clocks)
        row = connection.execute("SELECT begun, used FROM sessions WHERE hash = ?", (_hash(secret),)).fetchone()
    if row is None or now - row["used"] > IDLE_SECONDS or now - row["begun"] > LONGEST_SECONDS:
        return False
    if now - row["used"] > NOTED_SECONDS:
        with library.writing(durable=False) as connection:
            connection.execute("UPDATE sessions SET used = ? WHERE hash = ?", (now, _hash(secret)))
    return True


def sessions(library: Library) -> int:
    """How many sessions have not ended."""
    with library.reading() as connection:
        now = lifetime.lived(connection, library.clocks)
        return connection.execute(
            "SELECT count(*) FROM sessions WHERE used >= ? AND begun >= ?", (now - IDLE_SECONDS, now - LONGEST_SECONDS)
        ).fetchone()[0]


def sign_out(library: Library, secret: str | None = None) -> None:
    """End a session; None: every session."""
    with library.writing() as connection:
        if secret is None:
            connection.execute("DELETE FROM sessions")
        else:
            connection.execute("DELETE FROM sessions WHERE hash = ?", (_hash(secret),))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
