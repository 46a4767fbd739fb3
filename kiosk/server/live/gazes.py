"""The rooms: everyone who looks at the same dream, and where they look.

Nothing about anybody is stored: a room is a dictionary in this process, an entry of which is forgotten a few seconds
after its page has last spoken. Pages make up a random id at every load; the others are only told a name derived from
it, so that nobody can speak for somebody else. What changed is told at most a few times a second, once for all.
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
"""A page that says nothing for so long has left."""
GAZE_SECONDS = 0.25
"""Between two gazes of one page, at least."""
GAZES_PER_SECOND = 40.0
"""What all pages of a server together are asked to keep to, whatever their number."""
SLOWEST_SECONDS = 2.0
"""However many there are, a page may speak this often: well before it would be forgotten."""
TELL_SECONDS = 0.2
"""Between two events of a room, at least."""
BURST = 2.0
"""Gazes that may arrive at once: a network delivers unevenly."""
DECIMALS = 2
"""Of a radian: half a degree, finer than the trembling of a hand."""


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
    """The id, not the name, of who leads."""
    going: str | None = None
    """The photo that the leader has gone to; told once."""
    told: str = ""
    changed: bool = False


class Rooms:
    """The rooms of one server. `tell(token, data)` sends the event `room` to everybody who watches that photo.

    Everything here runs on the event loop and touches nothing slow. `tick()` is to be called every TELL_SECONDS while
    `busy`.
    """

    def __init__(self, tell: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._salt = secrets.token_bytes(16)
        self._gazers = Places(TABLE["gazers"])

    @property
    def busy(self) -> bool:
        """Whether anybody is anywhere."""
        return bool(self._rooms)

    @property
    def people(self) -> int:
        return sum(len(room.people) for room in self._rooms.values())

    def look(self, token: str, gaze: GazePost, address: str) -> SeenBody:
        """Take in a gaze in the room of photo `token`, which exists, from a page at `address`.

        Raises BadInput (429) for a page that speaks too often, Unavailable where the room is full, or has no more
        places for that address.
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
            raise BadInput("A gaze may be told four times a second.", "too_fast", 429)
        person.allowance -= 1
        if (person.yaw, person.pitch) != (yaw, pitch):
            person.yaw, person.pitch = yaw, pitch
            room.changed = True
        self._lead(room, gaze)
        return SeenBody(me=person.name, leader=self._leader(room), wait=self._wait(address))

    def now(self, token: str) -> str | None:
        """The room as JSON for who has just come; None where nobody is in it."""
        room = self._rooms.get(token)
        return self._json(token, room) if room else None

    def tick(self) -> None:
        """Forget who is silent, and tell each room what changed."""
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
        """How long a page at `address` is asked to be silent: addresses share the gazes of a second alike, and what
        one does not need is the others'."""
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
