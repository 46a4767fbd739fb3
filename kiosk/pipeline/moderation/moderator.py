"""The moderator: looks at what others are to see, and notes what it found. Nothing is deleted, and the guest's own way
to the dream is the same.

Where the network is not built, or moderation is switched off, it does nothing.
"""

from __future__ import annotations

import logging

from kiosk.errors import KioskError
from kiosk.library.library import Library
from kiosk.library.looking import verdict
from kiosk.library.looking.verdict import BOTH, DREAM, PHOTO
from kiosk.library.records import Photo
from kiosk.nets.engine import fallbacks
from kiosk.pipeline.moderation.rudeness import open_judge, rudeness_of_dream, rudeness_of_photo
from kiosk.recipes.available import MODERATION
from kiosk.settings import People

log = logging.getLogger(__name__)


class Moderator:
    """Looks at the photos of one library. `threads`: 0 for all cores. Its network is in memory only while it looks."""

    def __init__(self, library: Library, people: People, threads: int = 0) -> None:
        self._library = library
        self._people = people
        self._threads = threads
        self._failed: set[str] = set()
        """Tokens of ready photos that could not be looked at; they are not tried again before the next start."""

    @property
    def looks(self) -> bool:
        """Whether photos are looked at here."""
        return verdict.is_moderated(self._library.data, self._people)

    def begin(self) -> None:
        """Release what waits to be looked at, if nobody is going to."""
        if not self.looks:
            verdict.hold_no_more(self._library)

    def look(self, token: str, parts: int = BOTH) -> None:
        """Look at those of `parts`, bits of `verdict.BOTH`, that others are to see and that were not looked at yet. The
        dream's files have to be in place for its bit.

        What cannot be looked at is held until it can be, with a notice to the operator. Raises Unavailable if the
        library cannot be written.
        """
        photo = self._library.photo(token)
        wanted = verdict.wanted(photo, parts) if self.looks else 0
        if not wanted:
            return
        try:
            rudeness = self._rudeness(photo, wanted)
        except (KioskError, OSError) as error:
            self._hold_unseen(token, error)
            return
        rude = rudeness >= self._people.moderation_threshold
        verdict.note(self._library, token, wanted, rude)
        if rude:
            log.info("photo %s is held back from others: %.2f sure that it is rude", photo.id, rudeness)

    def look_at_next(self) -> bool:
        """Look at one of the ready photos that others are to see and that were not looked at: those whose guest
        agreed later, and those from before the network was built. Returns whether there was one."""
        if not self.looks:
            return False
        photo = verdict.next_to_see(self._library, frozenset(self._failed))
        if photo is None:
            return False
        self.look(photo.token)
        return True

    def _hold_unseen(self, token: str, error: KioskError | OSError) -> None:
        self._failed.add(token)
        with self._library.writing() as connection:
            verdict.hold_until_seen(connection, token)
        # An OSError's own text has the path, and with it the photo's token.
        reason = error.strerror if isinstance(error, OSError) else error
        fallbacks.note(
            MODERATION,
            f"Others do not see photos that could not be looked at: {reason}. Let them pass on the operator's page, "
            f"run dreamkiosk models build {MODERATION}, or set people.moderation = false.",
        )

    def _rudeness(self, photo: Photo, wanted: int) -> float:
        judge = open_judge(self._library.data.graphs, self._threads)
        files = self._library.files(photo.token)
        found = 0.0
        if wanted & PHOTO:
            found = rudeness_of_photo(photo, files, judge)
        if wanted & DREAM:
            found = max(found, rudeness_of_dream(files, judge))
        return found
