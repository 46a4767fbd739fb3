"""Retention: removes photos that expire, and evicts photos when space runs out.

Photos are removed when they expire; when all photos exceed the quota; and when the disk has less free space than the
reserve, provided that evicting photos restores it. What the operator put into the bin goes first, then photos of
clients that hold far more than others, then the oldest (fairness.py). Of the rest only ready or failed photos are
removed, never one that a worker holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kiosk.errors import Unavailable
from kiosk.library.library import Library
from kiosk.library.upkeep import lifetime
from kiosk.library.upkeep.fairness import Balance, Held
from kiosk.storage import free_bytes

GIGABYTE = 1_000_000_000
_DONE = "state IN ('ready', 'failed')"
_BINNED = "(binned IS NOT NULL AND state NOT IN ('expired', 'deleted'))"


@dataclass(frozen=True)
class Removed:
    """The tokens of the removed photos, by reason, and the bytes they took."""

    expired: tuple[str, ...] = ()
    over_quota: tuple[str, ...] = ()
    for_space: tuple[str, ...] = ()
    bytes: int = 0


def retain(library: Library, space: int = 0, written: int = 0, client: str | None = None) -> Removed:
    """Remove expired photos, and evict photos to meet the quota and the reserve.

    space: bytes about to be written, which must fit too. written: bytes already on the disk that the quota does not
    count yet. client: who brought them.
    """
    # Elapsed time, never the wall clock.
    with library.reading() as connection:
        now = lifetime.lived(connection, library.clocks)
    # On a full disk, tombstones can wait.
    with contextlib.suppress(Unavailable):
        now = library.tick()
        with library.writing() as connection:
            connection.execute("DELETE FROM photos WHERE state IN ('expired', 'deleted') AND lives < ?", (now,))
    free = free_bytes(library.data.photos)
    expired, freed = _let_go(library, _removable(library, "AND lives <= ?", now))
    missing = library.used_bytes() + space + written - _quota(library)
    over_quota, more = _let_go(library, _leaving(library, client, space + written), missing)
    freed += more
    # Freed space is calculated, not measured: a file that is still open keeps its space until it is closed, and
    # measuring would evict every photo in vain.
    missing = _wanted(library, space) - free - freed
    removable = list(_leaving(library, client, space + written))
    # If something else fills the disk, or the reserve exceeds its size, evicting photos would not help.
    enough = sum(photo.bytes for photo in removable) >= missing
    for_space, more = _let_go(library, removable if enough else [], missing)
    return Removed(expired, over_quota, for_space, freed + more)


def _let_go(library: Library, photos: Iterable[Held], missing: float = float("inf")) -> tuple[tuple[str, ...], int]:
    """Evict `photos` in order until `missing` bytes are freed; return the tokens and the bytes freed."""
    gone: list[str] = []
    freed = 0
    for photo in photos if missing > 0 else ():
        if library.bury(photo.token, "expired", unless_leased=True):
            gone.append(photo.token)
            freed += photo.bytes
        if freed >= missing:
            break
    return tuple(gone), freed


def check_room(library: Library, space: int, written: int = 0) -> None:
    """Raise Unavailable (507) if `space` more bytes would not fit even after evicting every removable photo.

    Removes nothing, so it is safe to call for bytes that are only announced. `written`: as for `retain`.
    """
    if space > spare(library, written):
        raise full()


def spare(library: Library, written: int = 0) -> float:
    """Bytes that would fit after evicting every removable photo; negative if the disk is too full even then.
    `written`: as for `retain`."""
    return sum(photo.bytes for photo in _removable(library)) - _short(library, 0, written)


def check_reserve(library: Library) -> None:
    """Raise Unavailable (507) if the disk now has less free space than the reserve."""
    if free_bytes(library.data.photos) < _wanted(library, 0):
        raise full()


def make_room(library: Library, space: int, written: int = 0, client: str | None = None) -> None:
    """Make room for `space` more bytes within the quota and above the reserve, evicting photos if necessary.

    Only for bytes that have arrived: a photo is never evicted for an announced size. For a greedy client, only its own
    photos are evicted. `written` and `client`: as for `retain`. Raises Unavailable (507) if that is not enough; then
    nothing was removed, unless another process took the space first.
    """
    short = _short(library, space, written)
    if short <= 0:
        return
    if sum(photo.bytes for photo in _leaving(library, client, space + written)) < short:
        raise full()
    if retain(library, space, written, client).bytes < short and _short(library, space, written) > 0:
        raise full()


def _leaving(library: Library, client: str | None, more: int) -> Iterator[Held]:
    """The photos that may be evicted for `more` bytes of `client`, in eviction order."""
    balance = Balance(_photos(library, "bytes > 0 AND binned IS NULL"), _quota(library))
    balance.add(client, more)
    binned, removable = _photos(library, f"{_BINNED} AND bytes > 0"), _photos(library, f"{_DONE} AND binned IS NULL")
    yield from binned
    if balance.is_greedy(client):
        # Never evict other guests' photos for a greedy one.
        removable = [photo for photo in removable if photo.client == client]
    yield from balance.leaving(removable)


def _short(library: Library, space: int, written: int) -> float:
    """Bytes to free before `space` more fit; 0 or less if they fit already."""
    on_disk = _wanted(library, space) - free_bytes(library.data.photos)
    return max(on_disk, library.used_bytes() + space + written - _quota(library))


def full() -> Unavailable:
    return Unavailable(
        "There is no room for new photos at the moment. The dreams that are here can still be looked at.",
        "disk_full",
        507,
    )


def _wanted(library: Library, space: int) -> float:
    return library.retention.reserve_gb * GIGABYTE + space


def _quota(library: Library) -> float:
    return library.retention.quota_gb * GIGABYTE


def _removable(library: Library, condition: str = "", *values: float) -> list[Held]:
    return _photos(library, f"({_DONE} OR {_BINNED}) {condition}", *values)


def _photos(library: Library, condition: str, *values: float) -> list[Held]:
    """The photos that match `condition`, oldest first."""
    with library.reading() as connection:
        return [
            Held(*row)
            for row in connection.execute(
                f"SELECT token, bytes, client FROM photos WHERE {condition} ORDER BY id",  # noqa: S608 (ours)
                values,
            )
        ]
