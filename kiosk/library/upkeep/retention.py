"""How long photos stay: until they expire, and only while there is room.

Photos leave when their time is up; when all of them together take more than the quota; and when the disk has less
free space than the reserve that keeps the box itself alive, if that mends it. Whoever took far more than others gives
way first, else the oldest go (fairness.py); only photos that are ready or failed, never one that a worker has.
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


@dataclass(frozen=True)
class Removed:
    """The tokens of the photos that left, by reason, and the bytes that they took."""

    expired: tuple[str, ...] = ()
    over_quota: tuple[str, ...] = ()
    for_space: tuple[str, ...] = ()
    bytes: int = 0


def retain(library: Library, space: int = 0, written: int = 0, client: str | None = None) -> Removed:
    """Remove what has to go now. `space`: bytes that are about to be written on top of the reserve and the quota.
    `written`: bytes that are on the disk already, and that the quota does not know of yet. `client`: for whom."""
    # By the time that has really passed, never by the wall clock.
    with library.reading() as connection:
        now = lifetime.lived(connection, library.clocks)
    # Tombstones can wait for a disk that is not full.
    with contextlib.suppress(Unavailable):
        now = library.tick()
        with library.writing() as connection:
            connection.execute("DELETE FROM photos WHERE state IN ('expired', 'deleted') AND lives < ?", (now,))
    free = free_bytes(library.data.photos)
    expired, freed = _let_go(library, _removable(library, "AND lives <= ?", now))
    missing = library.used_bytes() + space + written - _quota(library)
    over_quota, more = _let_go(library, _leaving(library, client, space + written), missing)
    freed += more
    # What leaves is reckoned, not measured: a file that somebody still reads gives its space back only when it is
    # closed, and until then every photo would leave for nothing.
    missing = _wanted(library, space) - free - freed
    removable = list(_leaving(library, client, space + written))
    # Where something else fills the disk, or the reserve is larger than it, guests' photos would go for nothing.
    enough = sum(photo.bytes for photo in removable) >= missing
    for_space, more = _let_go(library, removable if enough else [], missing)
    return Removed(expired, over_quota, for_space, freed + more)


def _let_go(library: Library, photos: Iterable[Held], missing: float = float("inf")) -> tuple[tuple[str, ...], int]:
    """Let the first of `photos` go until they took `missing` bytes; who went, and what they took."""
    gone: list[str] = []
    freed = 0
    for photo in photos if missing > 0 else ():
        if library.let_go(photo.token, "expired"):
            gone.append(photo.token)
            freed += photo.bytes
        if freed >= missing:
            break
    return tuple(gone), freed


def check_room(library: Library, space: int, written: int = 0) -> None:
    """Raise Unavailable (507) where `space` more bytes would not fit even if every older photo left. Removes nothing,
    so it may be asked about bytes that somebody only promises. `written`: as for `retain`."""
    if space > spare(library, written):
        raise full()


def spare(library: Library, written: int = 0) -> float:
    """Bytes that would fit if every older photo left; below 0 where the disk is too full even then. `written`: as for
    `retain`."""
    return sum(photo.bytes for photo in _removable(library)) - _short(library, 0, written)


def check_reserve(library: Library) -> None:
    """Raise Unavailable (507) where the disk has less free space now than the reserve."""
    if free_bytes(library.data.photos) < _wanted(library, 0):
        raise full()


def make_room(library: Library, space: int, written: int = 0, client: str | None = None) -> None:
    """Make sure that `space` more bytes fit into the quota and leave the disk its reserve; older photos go if they
    must. Only for bytes that are here: a photo is never removed for a promise. `written` and `client`: as for
    `retain`. For somebody who takes far more than others only photos of the same client leave.

    Raises Unavailable (507) where that is not enough; then nothing was removed, unless somebody else was quicker.
    """
    short = _short(library, space, written)
    if short <= 0:
        return
    if sum(photo.bytes for photo in _leaving(library, client, space + written)) < short:
        raise full()
    if retain(library, space, written, client).bytes < short and _short(library, space, written) > 0:
        raise full()


def _leaving(library: Library, client: str | None, more: int) -> Iterator[Held]:
    """The photos that may leave for `more` bytes of `client`, in the order in which they have to."""
    balance = Balance(_photos(library, "bytes > 0"), _quota(library))
    balance.add(client, more)
    removable = _removable(library)
    if balance.is_greedy(client):
        # No stranger's photo for one greedy guest.
        removable = [photo for photo in removable if photo.client == client]
    return balance.leaving(removable)


def _short(library: Library, space: int, written: int) -> float:
    """Bytes that have to leave before `space` more fit; none where it is not above 0."""
    on_disk = _wanted(library, space) - free_bytes(library.data.photos)
    return max(on_disk, library.used_bytes() + space + written - _quota(library))


def full() -> Unavailable:
    return Unavailable(
        "The kiosk's storage is full, so it cannot take the photo. Please tell the staff.", "disk_full", 507
    )


def _wanted(library: Library, space: int) -> float:
    return library.retention.reserve_gb * GIGABYTE + space


def _quota(library: Library) -> float:
    return library.retention.quota_gb * GIGABYTE


def _removable(library: Library, condition: str = "", *values: float) -> list[Held]:
    return _photos(library, f"state IN ('ready', 'failed') {condition}", *values)


def _photos(library: Library, condition: str, *values: float) -> list[Held]:
    """Photos, oldest first."""
    with library.reading() as connection:
        return [
            Held(*row)
            for row in connection.execute(
                f"SELECT token, bytes, client FROM photos WHERE {condition} ORDER BY id",  # noqa: S608 (ours)
                values,
            )
        ]
