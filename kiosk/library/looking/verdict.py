"""What looking at a photo, and at its dream, found: it is held back from others, and never deleted.

Columns `checked` (what was looked at) and `held` of the photos. Only photos that others would see are looked at. One
whose guest agrees later is UNSEEN until somebody has looked.
"""

from __future__ import annotations

import sqlite3

from kiosk.library.library import Library
from kiosk.library.records import Photo
from kiosk.recipes import catalog
from kiosk.recipes.available import MODERATION, is_available
from kiosk.settings import People
from kiosk.storage import DataFolder

NUDITY, UNSEEN = "nudity", "unseen"
"""Values of `held`: it is rude; nobody has looked at it yet."""
PHOTO, DREAM, PASSED = 1, 2, 4
"""Bits of `checked`: the photo was looked at; its dream was; the operator let it pass, so nothing holds it again."""
BOTH = PHOTO | DREAM


def is_moderated(data: DataFolder, people: People) -> bool:
    """Whether photos are looked at: it is wanted, and the network for it was built."""
    return people.moderation and is_available(data.graphs, catalog.load().network(MODERATION))


def wanted(photo: Photo, parts: int = BOTH) -> int:
    """The bits of `parts` that have to be looked at before others see the photo. 0 for one that others will not see
    anyway."""
    if not photo.shown or photo.is_gone or photo.held == NUDITY or photo.checked & PASSED:
        return 0
    return parts & BOTH & ~photo.checked


def note(library: Library, token: str, seen: int, rude: bool) -> None:
    """Note that the bits `seen` were looked at, and hold the photo if that found it rude, unless it was let pass
    meanwhile."""
    with library.writing() as connection:
        connection.execute(
            f"""UPDATE photos SET checked = checked | :seen, changed = :now, held = CASE
                WHEN checked & {PASSED} THEN held
                WHEN :rude THEN '{NUDITY}'
                WHEN held = '{UNSEEN}' AND (checked | :seen) & {BOTH} = {BOTH} THEN NULL
                ELSE held END
                WHERE token = :token AND state NOT IN ('deleted', 'expired')""",  # noqa: S608 (all of it is ours)
            {"seen": seen, "rude": rude, "token": token, "now": library.clock()},
        )


def hold_until_seen(connection: sqlite3.Connection, token: str) -> None:
    """Hold the photo until it was looked at, unless it was."""
    connection.execute(
        f"""UPDATE photos SET held = '{UNSEEN}' WHERE token = ? AND held IS NULL AND NOT checked & {PASSED}
            AND checked & {BOTH} != {BOTH}""",  # noqa: S608 (all of it is ours)
        (token,),
    )


def next_to_see(library: Library, but: frozenset[str] = frozenset()) -> Photo | None:
    """A ready photo that others are to see and that was not wholly looked at: first those held for it, then the newest.
    None if there is none but those with the tokens `but`."""
    found = library.select(
        f"""photos.state = 'ready' AND shown AND binned IS NULL AND NOT checked & {PASSED}
            AND checked & {BOTH} != {BOTH} AND (held IS NULL OR held = '{UNSEEN}')
            ORDER BY held IS NULL, photos.id DESC LIMIT ?""",
        (len(but) + 1,),
    )
    return next((status.photo for status in found if status.photo.token not in but), None)


def hold_no_more(library: Library) -> None:
    """Release what is held until it is looked at: nobody looks any more."""
    if library.select(f"held = '{UNSEEN}' LIMIT 1", ()):
        with library.writing() as connection:
            connection.execute(
                f"UPDATE photos SET held = NULL, changed = ? WHERE held = '{UNSEEN}'",  # noqa: S608 (all of it is ours)
                (library.clock(),),
            )


def let_pass(connection: sqlite3.Connection, token: str) -> None:
    """Hold the photo no more, whatever looking at it finds: the operator has seen it."""
    connection.execute(
        f"UPDATE photos SET held = NULL, checked = checked | {PASSED} WHERE token = ?",  # noqa: S608 (all of it is ours)
        (token,),
    )
