"""How long photos stay: until they expire, and only while there is room.

Photos leave when their time is up; when all of them together take more than the quota; and when the disk has less
free space than the reserve that keeps the box itself alive, if that mends it. The oldest go first, only photos that are
ready or failed, never one that a worker has.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from kiosk.errors import Unavailable
from kiosk.library.library import Library
from kiosk.storage import free_bytes

GIGABYTE = 1_000_000_000
# How long a deleted or expired photo's link still says so.
TOMBSTONE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Removed:
    """The tokens of the photos that left, by reason."""

    expired: tuple[str, ...] = ()
    over_quota: tuple[str, ...] = ()
    for_space: tuple[str, ...] = ()


def retain(library: Library, space: int = 0) -> Removed:
    """Remove what has to go now. `space`: bytes that are about to be written on top of the reserve and the quota."""
    now = library.clock()
    # Tombstones can wait for a disk that is not full.
    with contextlib.suppress(Unavailable), library.writing() as connection:
        connection.execute(
            "DELETE FROM photos WHERE state IN ('expired', 'deleted') AND changed < ?", (now - TOMBSTONE_SECONDS,)
        )
    expired = tuple(
        token for token, _ in _removable(library, "AND expires <= ?", now) if library.let_go(token, "expired")
    )
    over_quota: list[str] = []
    for_space: list[str] = []
    used = library.used_bytes()
    for token, size in _removable(library):
        if used + space <= _quota(library):
            break
        if library.let_go(token, "expired"):
            over_quota.append(token)
            used -= size
    removable = _removable(library)
    # Where something else fills the disk, or the reserve is larger than it, guests' photos would go for nothing.
    enough = free_bytes(library.data.photos) + sum(size for _, size in removable) >= _wanted(library, space)
    for token, _ in removable if enough else ():
        if free_bytes(library.data.photos) >= _wanted(library, space):
            break
        if library.let_go(token, "expired"):
            for_space.append(token)
    return Removed(expired, tuple(over_quota), tuple(for_space))


def check_room(library: Library, space: int) -> None:
    """Raise Unavailable (507) where `space` more bytes would not fit even if every older photo left. Removes nothing,
    so it may be asked about bytes that somebody only promises."""
    removable = sum(size for _, size in _removable(library))
    too_large_for_disk = free_bytes(library.data.photos) + removable < _wanted(library, space)
    if too_large_for_disk or library.used_bytes() - removable + space > _quota(library):
        raise _full()


def make_room(library: Library, space: int) -> None:
    """Make sure that `space` more bytes fit into the quota and leave the disk its reserve; older photos go if they
    must. Only for bytes that are here: a photo is never removed for a promise.

    Raises Unavailable (507) where that is not enough; then nothing was removed.
    """
    check_room(library, space)
    if not _fits(library, space):
        retain(library, space)
        if not _fits(library, space):
            raise _full()


def _fits(library: Library, space: int) -> bool:
    on_disk = free_bytes(library.data.photos) >= _wanted(library, space)
    return on_disk and library.used_bytes() + space <= _quota(library)


def _full() -> Unavailable:
    return Unavailable(
        "The kiosk's storage is full, so it cannot take the photo. Please tell the staff.", "disk_full", 507
    )


def _wanted(library: Library, space: int) -> float:
    return library.retention.reserve_gb * GIGABYTE + space


def _quota(library: Library) -> float:
    return library.retention.quota_gb * GIGABYTE


def _removable(library: Library, condition: str = "", *values: float) -> list[tuple[str, int]]:
    with library.reading() as connection:
        return [
            (row["token"], row["bytes"])
            for row in connection.execute(
                f"SELECT token, bytes FROM photos WHERE state IN ('ready', 'failed') {condition} ORDER BY id",  # noqa: S608
                values,
            )
        ]
