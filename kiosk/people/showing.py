"""What others may see of a guest's dreams: the lists behind the gallery, the big screen and the landing page."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.library.library import Library
from kiosk.library.looking.verdict import hold_until_seen, is_moderated
from kiosk.library.records import Photo, Status
from kiosk.settings import People

VISIBLE = "photos.state = 'ready' AND shown AND approved AND NOT hidden AND held IS NULL AND binned IS NULL"
"""The SQL condition for photos that others may see. `is_visible` says the same of one."""


def is_visible(photo: Photo) -> bool:
    """Whether others may see it: it is ready, its guest agreed (or the kiosk's own camera took it), and neither the
    operator nor the kiosk holds it back."""
    held_back = photo.hidden or not photo.approved or photo.held is not None
    return photo.state == "ready" and photo.shown and not held_back and not photo.is_gone


@dataclass(frozen=True)
class Page:
    """A page of a list. next: the number that `before` has to be for the next page; None on the last one."""

    statuses: list[Status]
    next: int | None


def newest(library: Library, limit: int, before: int | None = None, style: str | None = None) -> Page:
    """The newest photos that others may see, at most `limit`. before: only photos with a smaller number. style: only
    those of the style with this name."""
    where, values = VISIBLE, []
    if before is not None:
        where, values = f"{where} AND photos.id < ?", [*values, before]
    if style is not None:
        where, values = f"{where} AND style = ?", [*values, style]
    found = library.select(f"{where} ORDER BY photos.id DESC LIMIT ?", (*values, limit + 1))
    return Page(found[:limit], found[limit - 1].photo.id if len(found) > limit else None)


def agreed(show: bool | None, people: People) -> bool:
    """Whether others may see a guest's dream. show: what the guest said, None for nothing; the settings decide then,
    and may forbid it altogether."""
    if people.show == "no":
        return False
    return people.show == "yes" if show is None else show


def set_shown(library: Library, token: str, owner_key: str | None, show: bool, people: People) -> None:
    """Note whether the guest wants others to see the dream. Where photos are looked at first, others see it once the
    worker has done that. Raises BadInput as `Library.check_owner` does."""
    library.check_owner(token, owner_key)
    with library.writing() as connection:
        connection.execute("UPDATE photos SET shown = ?, changed = ? WHERE token = ?", (show, library.clock(), token))
        if show and is_moderated(library.data, people):
            hold_until_seen(connection, token)
