"""Events: an evening, a fair, a season. One is open at a time, and the photos that arrive meanwhile belong to it.

No photo of an event goes by time until the event is closed and exported; after that each has `retention.hours` left.
Space may still run out, so the operator is warned before.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.library import notices
from kiosk.library.library import Library
from kiosk.library.upkeep import lifetime
from kiosk.storage import free_bytes

LONGEST_NAME = 60
WARN_SHARE = 0.8
"""The operator is warned when photos take this share of the quota."""
_GIGABYTE = 1e9
_HERE = "state NOT IN ('expired', 'deleted') AND binned IS NULL"


@dataclass(frozen=True)
class Event:
    """One event. Times are in seconds since 1970, None if that has not happened. photos: how many it has, without those
    that are gone or in the bin. ready: how many of them are ready. late: how many of those became ready, or changed,
    after the last export. bytes: their space on the disk."""

    id: int
    name: str
    opened: float
    closed: float | None
    exported: float | None
    wiped: float | None
    photos: int
    ready: int
    late: int
    bytes: int

    @property
    def is_open(self) -> bool:
        return self.closed is None

    @property
    def is_exported(self) -> bool:
        """Whether everything of it that is ready was exported as it is now."""
        return self.exported is not None and not self.late


def state(event: Event) -> str:
    """How far it is: open, closed, exported or wiped."""
    if event.wiped is not None:
        return "wiped"
    if event.is_open:
        return "open"
    return "exported" if event.is_exported else "closed"


def every(library: Library) -> list[Event]:
    """All events, newest first."""
    with library.reading() as connection:
        rows = connection.execute(
            f"""SELECT events.id, name, opened, closed, exported, wiped, count(photos.id),
                       coalesce(sum(state = 'ready'), 0),
                       coalesce(sum(state = 'ready' AND changed > coalesce(exported, 0)), 0),
                       coalesce(sum(bytes), 0)
                FROM events LEFT JOIN photos ON photos.event = events.id AND {_HERE}
                GROUP BY events.id ORDER BY events.id DESC"""  # noqa: S608 (ours)
        ).fetchall()
    return [Event(*row) for row in rows]


def current(library: Library) -> Event | None:
    """The open event, if there is one."""
    return next((event for event in every(library) if event.is_open), None)


def find(library: Library, number: int | None = None) -> Event:
    """The event with this number; None: the newest that was not wiped. Raises BadInput (404) if there is none."""
    for event in every(library):
        if event.id == number or (number is None and event.wiped is None):
            return event
    raise BadInput("There is no such event." if number else "There is no event yet.", "no_such_event", 404)


def begin(library: Library, name: str) -> Event:
    """Open an event. Raises BadInput if its name is empty or too long, or (409) if another one is open."""
    name = " ".join(name.split())
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
        raise BadInput(f"The name of an event has 1 to {LONGEST_NAME} characters.", "bad_name")
    with library.writing() as connection:
        if other := connection.execute("SELECT name FROM events WHERE closed IS NULL").fetchone():
            raise BadInput(f"The event {other['name']} is open. Close it first.", "event_open", 409)
        number = connection.execute(
            "INSERT INTO events (name, opened) VALUES (?, ?)", (name, library.clock())
        ).lastrowid
    return find(library, number)


def close(library: Library) -> Event:
    """Close the open event, and empty the bin. Raises BadInput (409) if none is open."""
    with library.writing() as connection:
        row = connection.execute("SELECT id FROM events WHERE closed IS NULL").fetchone()
        if row is None:
            raise BadInput("No event is open.", "no_open_event", 409)
        connection.execute("UPDATE events SET closed = ? WHERE id = ?", (library.clock(), row["id"]))
        _let_expire(connection, library, row["id"])
        binned = connection.execute("SELECT token FROM photos WHERE event = ? AND binned IS NOT NULL", (row["id"],))
        tokens = [one["token"] for one in binned]
    for token in tokens:
        library.bury(token, "deleted")
    return find(library, row["id"])


def note_export(library: Library, number: int, moment: float) -> None:
    """Note that the event was exported as it was at `moment`, in seconds since 1970."""
    with library.writing() as connection:
        connection.execute("UPDATE events SET exported = ? WHERE id = ?", (moment, number))
        _let_expire(connection, library, number)


def _let_expire(connection: sqlite3.Connection, library: Library, number: int) -> None:
    """If the event is closed and exported, let the photos that were exported expire by time from now on, and the failed
    ones."""
    row = connection.execute("SELECT closed, exported FROM events WHERE id = ?", (number,)).fetchone()
    hours = library.retention.hours
    if None in tuple(row) or not hours:
        return
    now = lifetime.lived(connection, library.clocks)
    connection.execute(
        "UPDATE photos SET lives = ?, expires = ? WHERE event = ? AND lives IS NULL AND changed <= ? "
        "AND state IN ('ready', 'failed')",
        (now + hours * 3600, library.clock() + hours * 3600, number, row["exported"]),
    )


def warn_of_space(library: Library) -> str | None:
    """Tell the operator if space runs out within an event, before its oldest photos have to go; returns the
    sentence."""
    event = current(library)
    quota = library.retention.quota_gb * _GIGABYTE
    used = library.used_bytes()
    left = min(quota - used, free_bytes(library.data.photos) - library.retention.reserve_gb * _GIGABYTE)
    if event is None or used + left <= 0 or used < WARN_SHARE * (used + left):
        return None
    sentence = (
        f"Space runs out: photos take {used / _GIGABYTE:.1f} GB and {max(0.0, left) / _GIGABYTE:.1f} GB are left. "
        f"After that the oldest photos go, those of {event.name} too. Export the event, then make room: empty the "
        "bin, wipe an older event, or raise retention.quota_gb."
    )
    notices.say(library.data, "event-space", sentence)
    return sentence
