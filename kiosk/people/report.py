"""What takes space in the data folder, and what will be deleted when, and why."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.library.files import folder_size
from kiosk.library.library import Library
from kiosk.people import events
from kiosk.people.events import Event
from kiosk.storage import free_bytes

_GIGABYTE = 1e9
_HERE = "state NOT IN ('expired', 'deleted')"


@dataclass(frozen=True)
class Pile:
    """Photos that have the same fate. bytes: their space on the disk. why: what will become of them, in a sentence.
    next: when the first of them goes, in seconds since 1970; None if no time is set."""

    name: str
    photos: int
    bytes: int
    why: str
    next: float | None = None


@dataclass(frozen=True)
class Report:
    """used, quota, free, reserve, networks: bytes; of all photos, the most they may take, free on the disk, the part
    of it that uploads must leave, of the built networks. left: bytes until the oldest photos go."""

    used: int
    quota: float
    free: int
    reserve: float
    networks: int
    left: float
    piles: tuple[Pile, ...]


def report(library: Library) -> Report:
    """Look at the data folder and the database."""
    retention = library.retention
    used, free = library.used_bytes(), free_bytes(library.data.photos)
    quota, reserve = retention.quota_gb * _GIGABYTE, retention.reserve_gb * _GIGABYTE
    left = max(0.0, min(quota - used, free - reserve))
    networks = folder_size(library.data.graphs)
    piles = [_of_event(library, event) for event in events.every(library) if event.wiped is None]
    return Report(used, quota, free, reserve, networks, left, (*piles, _outside(library), _bin(library)))


def _of_event(library: Library, event: Event) -> Pile:
    if event.is_open:
        why = "Kept until the event is closed and exported."
    elif not event.is_exported:
        why = "Kept until it is exported or wiped."
    elif library.retention.hours:
        why = f"Exported. Each goes {library.retention.hours:g} hours after that, or when the event is wiped."
    else:
        why = "Exported. Kept until the event is wiped."
    condition = "event = ? AND binned IS NULL"
    return Pile(event.name, *_count(library, condition, event.id)[:2], why, _count(library, condition, event.id)[2])


def _outside(library: Library) -> Pile:
    hours = library.retention.hours
    why = f"Each goes {hours:g} hours after it came." if hours else "Kept until they are deleted."
    photos, size, first = _count(library, "event IS NULL AND binned IS NULL")
    return Pile("Without an event", photos, size, why, first)


def _bin(library: Library) -> Pile:
    photos, size, _ = _count(library, "binned IS NOT NULL")
    return Pile("In the bin", photos, size, "They go when the event is closed, and first of all when space runs out.")


def _count(library: Library, condition: str, *values: object) -> tuple[int, int, float | None]:
    with library.reading() as connection:
        row = connection.execute(
            f"SELECT count(*), coalesce(sum(bytes), 0), min(expires) FROM photos WHERE {_HERE} AND {condition}",  # noqa: S608 (ours)
            values,
        ).fetchone()
    return tuple(row)
