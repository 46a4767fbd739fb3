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
    """Remove what has to go now. `space`: bytes that somebody is about to write on top of the reserve."""
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
    quota = library.retention.quota_gb * GIGABYTE
    for token, size in _removable(library):
        if used + space <= quota:
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


def make_room(library: Library, space: int) -> None:
    """Make sure that `space` more bytes can be written without touching the reserve; older photos go if they must.

    Raises Unavailable (507) where that is not enough.
    """
    if free_bytes(library.data.photos) >= _wanted(library, space):
        return
    retain(library, space)
    if free_bytes(library.data.photos) < _wanted(library, space):
        raise Unavailable(
            "The kiosk's storage is full, so it cannot take the photo. Please tell the staff.", "disk_full", 507
        )


def _wanted(library: Library, space: int) -> float:
    return library.retention.reserve_gb * GIGABYTE + space


def _removable(library: Library, condition: str = "", *values: float) -> list[tuple[str, int]]:
    with library.reading() as connection:
        return [
            (row["token"], row["bytes"])
            for row in connection.execute(
                f"SELECT token, bytes FROM photos WHERE state IN ('ready', 'failed') {condition} ORDER BY id",  # noqa: S608
                values,
            )
        ]
