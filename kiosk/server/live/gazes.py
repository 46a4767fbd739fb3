"""Rooms: the viewers of the same dream, and where each is looking.

Nothing about viewers is stored. A room is a dictionary in this process, and an entry expires a few seconds after its
page was last heard from. Each page makes up a random ID at every load. The others only see a name derived from it, so
nobody can impersonate another viewer. Changes are sent to the whole room together, a few times a second at most.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kiosk.errors import BadInput, Unavailable
from kiosk.server.api.shapes import GazePost, RoomBody, SeenBody
from kiosk.server.shares import TABLE, Places, client_of

SILENT_SECONDS = 5.0
"""A page that is silent for this long has left."""
GAZE_SECONDS = 0.25
"""Minimum time between two gazes of one page."""
GAZES_PER_SECOND = 40.0
"""The rate that all pages of a server together are asked to keep to."""
SLOWEST_SECONDS = 2.0
"""The longest wait a page is asked for, however many there are. Well below SILENT_SECONDS."""
TELL_SECONDS = 0.2
"""Minimum time between two events of a room."""
BURST = 2.0
"""Gazes that may arrive at once, because networks deliver unevenly."""
DECIMALS = 2
"""Angles are rounded to 0.01 rad, about half a degree: finer than a trembling hand."""


@dataclass
class _Person:
    name: str
    yaw: float
    pitch: float
    heard: float
    address: str
    allowance: float = BURST


@dataclass
class _Room:
    people: dict[str, _Person] = field(default_factory=dict)
    places: Places = field(default_factory=lambda: Places(TABLE["room"]))
    leader: str | None = None
    """The leader's ID, not name."""
    going: str | None = None
    """The photo that the leader goes to; sent once."""
    told: str = ""
    changed: bool = False


class Rooms:
    """The rooms of one server. `tell(token, data)` sends the event `room` to all listeners of that photo.

    Everything here runs on the event loop and never blocks. Call `tick()` every TELL_SECONDS while `busy`.
    """

    def __init__(self, tell: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._salt = secrets.token_bytes(16)
        self._gazers = Places(TABLE["gazers"])

    @property
    def busy(self) -> bool:
        """Whether there is any room."""
        return bool(self._rooms)

    @property
    def people(self) -> int:
        return sum(len(room.people) for room in self._rooms.values())

    def look(self, token: str, gaze: GazePost, address: str) -> SeenBody:
        """Record a gaze from a page at `address` in the room of photo `token`, which must exist.

        Raises BadInput (429) if the page sends too often, Unavailable if the room has no place left for that address.
        """
        room = self._rooms.get(token) or _Room()
        now = self._clock()
        person = room.people.get(gaze.id)
        if gaze.leave:
            if person is not None:
                self._forget(room, gaze.id)
            return SeenBody(me=self._name(gaze.id), leader=self._leader(room), wait=self._wait(address))
        yaw, pitch = _rounded(gaze)
        if person is None:
            full = Unavailable("This room is full.", "room_full")
            if not self._gazers.take(address):
                raise full
            if not room.places.take(address):
                self._gazers.give_back(address)
                raise full
            person = room.people[gaze.id] = _Person(self._name(gaze.id), yaw, pitch, now, address)
            self._rooms[token] = room
            room.changed = True
        else:
            person.allowance = min(BURST, person.allowance + (now - person.heard) / GAZE_SECONDS)
            person.heard = now
        if person.allowance < 1:
            raise BadInput("Send at most four gazes a second.", "too_fast", 429)
        person.allowance -= 1
        if (person.yaw, person.pitch) != (yaw, pitch):
            person.yaw, person.pitch = yaw, pitch
            room.changed = True
        self._lead(room, gaze)
        return SeenBody(me=person.name, leader=self._leader(room), wait=self._wait(address))

    def now(self, token: str) -> str | None:
        """The room as JSON, for a new listener; None if nobody is in it."""
        room = self._rooms.get(token)
        return self._json(token, room) if room else None

    def tick(self) -> None:
        """Drop silent viewers, and send each room its changes."""
        now = self._clock()
        for token, room in list(self._rooms.items()):
            for id_ in [id_ for id_, person in room.people.items() if now - person.heard > SILENT_SECONDS]:
                self._forget(room, id_)
            if room.changed:
                room.changed = False
                text = self._json(token, room)
                room.going = None
                if text != room.told:
                    room.told = text
                    self._tell(token, text)
            if not room.people:
                del self._rooms[token]

    def _lead(self, room: _Room, gaze: GazePost) -> None:
        if gaze.lead and room.leader is None:
            room.leader = gaze.id
            room.changed = True
        if room.leader != gaze.id:
            return
        if gaze.go:
            room.going = gaze.go
            room.changed = True
        if gaze.lead is False:
            room.leader = None
            room.changed = True

    def _forget(self, room: _Room, id_: str) -> None:
        address = room.people.pop(id_).address
        room.places.give_back(address)
        self._gazers.give_back(address)
        room.changed = True
        if room.leader == id_:
            room.leader = None

    def _wait(self, address: str) -> float:
        """Seconds that a page at `address` should wait until its next gaze. Clients share GAZES_PER_SECOND equally, and
        what one does not need goes to the others (max-min fairness)."""
        left = GAZES_PER_SECOND
        held = sorted(self._gazers.held_by_each().items(), key=lambda one: one[1])
        for rank, (client, pages) in enumerate(held):
            mine = min(pages / GAZE_SECONDS, left / (len(held) - rank))
            left -= mine
            if client == client_of(address):
                return round(min(SLOWEST_SECONDS, max(GAZE_SECONDS, pages / mine)), 2)
        return GAZE_SECONDS

    def _leader(self, room: _Room) -> str | None:
        return self._name(room.leader) if room.leader else None

    def _name(self, id_: str) -> str:
        return hashlib.blake2b(id_.encode(), digest_size=4, key=self._salt).hexdigest()

    def _json(self, token: str, room: _Room) -> str:
        body = RoomBody(
            token=room.going or token,
            n=len(room.people),
            gazes=[(person.name, person.yaw, person.pitch) for person in room.people.values()],
            leader=self._leader(room),
        )
        return body.model_dump_json()


def _rounded(gaze: GazePost) -> tuple[float, float]:
    """(yaw in -pi..pi, pitch in -pi/2..pi/2), rounded."""
    yaw = math.remainder(gaze.yaw, 2 * math.pi)
    pitch = max(-math.pi / 2, min(math.pi / 2, gaze.pitch))
    return round(yaw, DECIMALS) + 0.0, round(pitch, DECIMALS) + 0.0
