"""Uploaders: the pseudonyms of those who bring photos, and the block of those who bring what nobody wants to see.

A pseudonym is a hash of an address, salted with a secret in the runtime folder, which is memory: it survives a restart
of the server, not one of the machine. A block ends with it, and in any case after a day.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import sqlite3

from kiosk.errors import BadInput
from kiosk.library.library import Library, no_such_photo
from kiosk.storage import DataFolder, write_atomic

BLOCK_SECONDS = 24 * 3600.0
"""How long a block lasts. By then the address may be another phone's."""
SALT_BYTES = 32


def salt(data: DataFolder) -> bytes:
    """The salt of the pseudonyms, made where there is none."""
    path = data.runtime / "uploaders-salt"
    with contextlib.suppress(OSError):
        known = path.read_bytes()
        if len(known) == SALT_BYTES:
            return known
    made = secrets.token_bytes(SALT_BYTES)
    # Where it cannot be kept, pseudonyms last until the server ends.
    with contextlib.suppress(OSError):
        write_atomic(path, made, permissions=0o600)
    return made


def pseudonym(client: str, secret: bytes) -> str:
    """The pseudonym of a client, who is known by an address."""
    return hashlib.blake2b(client.encode(), digest_size=8, key=secret).hexdigest()


def client_of(library: Library, token: str) -> str:
    """The pseudonym of whoever brought this photo. Raises BadInput: 404 if there is no such photo, 409 if it is not
    known."""
    with library.reading() as connection:
        row = connection.execute("SELECT client FROM photos WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise no_such_photo()
    if row["client"] is None:
        raise BadInput("It is not known who brought this photo, so nobody can be blocked.", "no_uploader", 409)
    return row["client"]


def block(library: Library, token: str) -> str:
    """Refuse further photos of whoever brought this one, for BLOCK_SECONDS; returns their pseudonym. Raises BadInput
    as `client_of` does."""
    client, now = client_of(library, token), library.clock()
    with library.writing() as connection:
        connection.execute("DELETE FROM blocked WHERE since < ?", (now - BLOCK_SECONDS,))
        connection.execute("INSERT OR REPLACE INTO blocked VALUES (?, ?)", (client, now))
    return client


def unblock(library: Library, client: str) -> None:
    """Let somebody bring photos again. Raises BadInput (404) if they are not blocked."""
    with library.writing() as connection:
        if not connection.execute("DELETE FROM blocked WHERE client = ?", (client,)).rowcount:
            raise BadInput("Nobody with this ID is blocked.", "not_blocked", 404)


def blocked(library: Library) -> dict[str, float]:
    """The pseudonyms of those who are blocked, and since when, in seconds since 1970."""
    with library.reading() as connection:
        rows = connection.execute(
            "SELECT client, since FROM blocked WHERE since >= ? ORDER BY since", (library.clock() - BLOCK_SECONDS,)
        ).fetchall()
    return {row["client"]: row["since"] for row in rows}


def is_blocked(connection: sqlite3.Connection, client: str | None, now: float) -> bool:
    """Whether the photos of this client are refused at `now`, in seconds since 1970."""
    row = connection.execute("SELECT since FROM blocked WHERE client = ?", (client,)).fetchone()
    return row is not None and now - row["since"] < BLOCK_SECONDS
