"""Broadcasts changes in the library to every listening phone, with a single poller.

Each phone holds one server-sent-events stream. Sixty phones polling SQLite ten times a second would be six hundred
queries a second. Instead, one greenlet checks whether anything was committed (`PRAGMA data_version`), and only then
reads all watched photos at once. Every event carries the whole status, so a slow phone that misses three events loses
nothing.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

import gevent

from kiosk.backoff import Backoff
from kiosk.errors import BadInput, Unavailable
from kiosk.library.database import Watch
from kiosk.library.library import Library, no_such_photo
from kiosk.library.records import Status
from kiosk.people.showing import newest
from kiosk.server.api.shapes import GazePost, PhotosBody, SeenBody
from kiosk.server.api.status import status_body
from kiosk.server.http.offloop import off_loop
from kiosk.server.live.gazes import TELL_SECONDS, Rooms
from kiosk.server.live.listener import Listener
from kiosk.server.live.screen import LATEST, Screen
from kiosk.server.shares import TABLE, Places

POLL_SECONDS = 0.1
# Backoff while the library cannot be read, in seconds.
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
# Estimates count down without a write to the database, so watched photos are read again at least this often.
REFRESH_SECONDS = 5.0
# The queue changes with every step of a dream, so the big screen and the operator's pages hear of it at most this
# often. Added and removed photos are sent at once.
LATEST_SECONDS = 1.0

log = logging.getLogger(__name__)


def too_many_listeners() -> Unavailable:
    return Unavailable("Too many screens are watching at the moment. Please try again soon.", "too_many_listeners")


class Broadcast:
    """The listeners of one server. Everything here runs on the event loop."""

    def __init__(self, library: Library, screen: Screen) -> None:
        self._library = library
        self._screen = screen
        self.rooms = Rooms(self._tell_room)
        self._room_clock: gevent.Greenlet | None = None
        self._by_token: dict[str, set[Listener]] = defaultdict(set)
        self._latest: set[Listener] = set()
        self._galleries: set[Listener] = set()
        self._operators: set[Listener] = set()
        self._listed: list[str] | None = None
        self._streams = Places(TABLE["streams"])
        self._gallery_streams = Places(TABLE["galleries"])
        self._seen: dict[str, Status] = {}
        self._seen_latest: str | None = None
        self._poller: gevent.Greenlet | None = None

    @property
    def listeners(self) -> int:
        return self._streams.taken

    @contextlib.contextmanager
    def watching(self, token: str, address: str) -> Iterator[Listener]:
        """Listen to one photo; the first event is its current status.

        Raises Unavailable if there are too many listeners, BadInput (404) if the photo does not exist or is gone.
        """
        with self._joined(self._by_token[token], address) as listener:
            try:
                status = off_loop(self._library.status, token)
                if status.photo.is_gone:
                    raise no_such_photo()
                self._seen.setdefault(token, status)
                listener.put("state", _json(status))
                if room := self.rooms.now(token):
                    listener.put("room", room)
                yield listener
            finally:
                if self._by_token[token] <= {listener}:
                    self._by_token.pop(token)
                    self._seen.pop(token, None)

    @contextlib.contextmanager
    def watching_latest(self, address: str) -> Iterator[Listener]:
        """Listen to what the big screen shows. Raises Unavailable if there are too many listeners."""
        with self._joined(self._latest, address) as listener:
            latest = off_loop(self._read_latest)
            self._seen_latest = self._seen_latest or latest
            listener.put("latest", latest)
            yield listener

    @contextlib.contextmanager
    def watching_gallery(self, address: str) -> Iterator[Listener]:
        """Listen to the list of photos that others may see. Raises Unavailable if there are too many listeners."""
        refusal = too_many_listeners()
        with self._gallery_streams.held(address, refusal), self._joined(self._galleries, address) as listener:
            listener.put("photos", off_loop(self._read_gallery)[1])
            yield listener

    @contextlib.contextmanager
    def watching_changes(self, address: str) -> Iterator[Listener]:
        """Listen to whether anything has changed. Raises Unavailable if there are too many listeners."""
        with self._joined(self._operators, address) as listener:
            listener.put("changed", "{}")
            yield listener

    @contextlib.contextmanager
    def _joined(self, group: set[Listener], address: str) -> Iterator[Listener]:
        """Add a new listener to `group`. Call it before the first query, so that the poller delivers whatever is
        committed after that query."""
        with self._streams.held(address, too_many_listeners()):
            listener = Listener()
            group.add(listener)
            try:
                if not self._poller:
                    self._poller = gevent.spawn(self._poll)
                yield listener
            finally:
                group.discard(listener)

    def look(self, token: str, gaze: GazePost, address: str) -> SeenBody:
        """Record a gaze in a photo's room; the other viewers are told on the next tick.

        Raises BadInput: 409 if nobody listens to that photo, 404 if the leader goes to a photo that does not exist, 429
        if the page sends too often. Raises Unavailable if the room is full.
        """
        if token not in self._by_token:
            raise BadInput("Listen to the photo's events first.", "not_listening", 409)
        if gaze.go and off_loop(self._library.photo, gaze.go).is_gone:
            raise no_such_photo()
        seen = self.rooms.look(token, gaze, address)
        if not self._room_clock:
            self._room_clock = gevent.spawn(self._tick_rooms)
        return seen

    def _tick_rooms(self) -> None:
        try:
            while self.rooms.busy:
                gevent.sleep(TELL_SECONDS)
                self.rooms.tick()
        finally:
            self._room_clock = None

    def _tell_room(self, token: str, data: str) -> None:
        for listener in list(self._by_token.get(token, ())):
            listener.put("room", data)

    def close(self) -> None:
        """End every stream. Phones reconnect after listener.RETRY_MILLISECONDS."""
        groups = (self._latest, self._galleries, self._operators, *self._by_token.values())
        for listener in [one for group in groups for one in group]:
            listener.close()

    def _poll(self) -> None:
        watch: Watch | None = None
        wait = Backoff(FIRST_WAIT, LONGEST_WAIT)
        waited = since_latest = 0.0
        stale = False
        try:
            while self.listeners:
                try:
                    watch = watch or off_loop(Watch, self._library)
                    if off_loop(watch.changed) or waited >= REFRESH_SECONDS:
                        waited = 0.0
                        stale = True
                        self._look()
                        if self._look_at_gallery():
                            since_latest = LATEST_SECONDS
                    if stale and since_latest >= LATEST_SECONDS:
                        self._look_at_latest()
                        self._tell_operators()
                        since_latest, stale = 0.0, False
                    wait.reset()
                except Exception:  # a momentary disk fault must not end all streams
                    log.exception("the library could not be read; trying again")
                    # The connection itself may be broken. A new one reports everything as changed.
                    watch = self._closed_watch(watch)
                    gevent.sleep(wait.next())
                gevent.sleep(POLL_SECONDS)
                waited += POLL_SECONDS
                since_latest += POLL_SECONDS
        finally:
            self._poller = None
            self._seen.clear()
            self._seen_latest = None
            self._listed = None
            self._closed_watch(watch)

    def _closed_watch(self, watch: Watch | None) -> None:
        if watch is not None:
            with contextlib.suppress(sqlite3.Error):
                off_loop(watch.close)

    def _look(self) -> None:
        found = off_loop(self._library.statuses, list(self._by_token))
        for token, status in found.items():
            before = self._seen.get(token)
            events = _events(before, status)
            if events and (group := self._by_token.get(token)):
                self._seen[token] = status
                data = _json(status)
                for listener in list(group):
                    for event in events:
                        listener.put(event, data)

    def _look_at_latest(self) -> None:
        if self._latest:
            latest = off_loop(self._read_latest)
            if latest != self._seen_latest:
                self._seen_latest = latest
                for listener in list(self._latest):
                    listener.put("latest", latest)

    def _tell_operators(self) -> None:
        for listener in list(self._operators):
            listener.put("changed", "{}")

    def _look_at_gallery(self) -> bool:
        """Whether the list of photos that others may see has changed; if so, galleries are told."""
        if not self._latest and not self._galleries:
            return False
        listed, photos = off_loop(self._read_gallery)
        changed, self._listed = listed != self._listed, listed
        if changed:
            for listener in list(self._galleries):
                listener.put("photos", photos)
        return changed

    def _read_gallery(self) -> tuple[list[str], str]:
        page = newest(self._library, LATEST)
        photos = PhotosBody(photos=[status_body(status) for status in page.statuses], next=page.next)
        return [status.photo.token for status in page.statuses], photos.model_dump_json()

    def _read_latest(self) -> str:
        return self._screen.now().model_dump_json()


def _events(before: Status | None, now: Status) -> list[str]:
    """The names of the events for a change: state, preview (a picture appeared) or progress; empty if nothing changed.

    A fast dream's first preview may appear in the same poll as its state; then there are two events.
    """
    if before is None:
        return ["state"]
    if before.photo.state != now.photo.state:
        return ["state", "preview"] if _previews(before) != _previews(now) else ["state"]
    if before.images != now.images:
        return ["preview"]
    if (before.progress, before.position) != (now.progress, now.position) or before.eta_seconds != now.eta_seconds:
        return ["progress"]
    return []


def _previews(status: Status) -> list[str]:
    return [image.name for image in status.images if image.kind == "preview"]


def _json(status: Status) -> str:
    return status_body(status).model_dump_json()
