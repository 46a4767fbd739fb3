"""Rooms: what they send, how often, and how viewers expire."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import ValidationError

from kiosk.errors import BadInput, Unavailable
from kiosk.server.api.shapes import GazePost
from kiosk.server.live import gazes
from kiosk.server.live.gazes import GAZE_SECONDS, SILENT_SECONDS, Rooms
from kiosk.server.shares import TABLE

TOKEN, OTHER = "A" * 22, "B" * 22


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Hall:
    """Rooms with a clock that a test sets, and what they sent."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, dict]] = []
        self.rooms = Rooms(lambda token, data: self.told.append((token, json.loads(data))), self.clock)

    def look(self, who: str, yaw: float = 0.0, pitch: float = 0.0, token: str = TOKEN, **more):
        return self.rooms.look(token, GazePost(id=who * 16, yaw=yaw, pitch=pitch, **more), "10.0.0.1")

    def after(self, seconds: float) -> list[tuple[str, dict]]:
        """What is sent at a tick after `seconds`."""
        self.clock.now += seconds
        before = len(self.told)
        self.rooms.tick()
        return self.told[before:]


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_everybody_in_a_room_is_told_where_the_others_look_once_for_all(hall: Hall) -> None:
    a, b = hall.look("a", 0.5, 0.25), hall.look("b", -1.0, -0.5)
    hall.look("c", 3, 0, token=OTHER)
    assert hall.told == []
    told = dict(hall.after(0.2))
    assert told[TOKEN] == {
        "token": TOKEN,
        "n": 2,
        "gazes": [[a.me, 0.5, 0.25], [b.me, -1.0, -0.5]],
        "leader": None,
    }
    assert told[OTHER]["n"] == 1


def test_nothing_is_told_where_nothing_changed(hall: Hall) -> None:
    hall.look("a", 0.5)
    assert len(hall.after(0.2)) == 1
    hall.clock.now += 1
    hall.look("a", 0.5004)
    assert hall.after(0.2) == [], "the trembling of a hand"
    hall.clock.now += 1
    hall.look("a", 0.6)
    assert len(hall.after(0.2)) == 1


def test_who_is_silent_for_five_seconds_is_forgotten_and_nothing_stays(hall: Hall) -> None:
    hall.look("a")
    hall.after(0.2)
    assert hall.after(SILENT_SECONDS - 0.3) == []
    ((_, told),) = hall.after(0.2)
    assert (told["n"], told["gazes"]) == (0, [])
    assert not hall.rooms.busy
    assert hall.rooms.now(TOKEN) is None


def test_who_leaves_is_gone_at_once(hall: Hall) -> None:
    hall.look("a")
    hall.look("b")
    hall.after(0.2)
    hall.look("a", leave=True)
    ((_, told),) = hall.after(0.2)
    assert told["n"] == 1
    hall.look("x", leave=True)  # never was here
    assert hall.after(0.2) == []


def test_the_others_never_learn_an_id_so_nobody_speaks_for_somebody_else(hall: Hall) -> None:
    seen = hall.look("a")
    assert "aaa" not in json.dumps(hall.after(0.2))
    assert seen.me != Hall().look("a").me, "another start, another name"
    hall.rooms.look(TOKEN, GazePost(id=seen.me + "x" * 8, yaw=1, pitch=0), "10.0.0.2")
    assert hall.after(0.2)[0][1]["n"] == 2


def test_a_page_speaks_four_times_a_second_at_most(hall: Hall) -> None:
    refused = []
    for _ in range(100):
        hall.clock.now += 0.05
        try:
            hall.look("a")
        except BadInput as error:
            refused.append((error.code, error.status))
    assert set(refused) == {("too_fast", 429)}
    assert 78 <= len(refused) <= 80, "20 of the 5 s, and the burst"
    for number in range(20):
        hall.clock.now += GAZE_SECONDS
        hall.look("b", yaw=number / 10)


def test_a_crowd_is_asked_to_speak_more_slowly_but_often_enough_to_stay(hall: Hall) -> None:
    assert hall.look("a").wait == GAZE_SECONDS
    for number in range(59):
        seen = hall.rooms.look(TOKEN, GazePost(id=f"phone-{number:012}", yaw=0, pitch=0), "10.0.0.1")
    assert seen.wait == 1.5
    assert gazes.SLOWEST_SECONDS * 2 < SILENT_SECONDS


def test_a_room_can_be_full(hall: Hall) -> None:
    most = TABLE["room"].total
    for number in range(most):
        gaze = GazePost(id=f"phone-{number:012}", yaw=0, pitch=0)
        hall.rooms.look(TOKEN, gaze, f"10.0.{number}.1")
    with pytest.raises(Unavailable, match="full"):
        hall.look("a")
    assert hall.rooms.people == most


def test_one_phone_cannot_fill_a_room_with_ids_it_made_up(hall: Hall) -> None:
    most = TABLE["room"].total
    for taken in range(most // 2):
        hall.rooms.look(TOKEN, GazePost(id=f"nobody-{taken:011}", yaw=0, pitch=0), "10.0.0.66")
    with pytest.raises(Unavailable, match="full"):
        hall.rooms.look(TOKEN, GazePost(id="one-too-many-----", yaw=0, pitch=0), "10.0.0.66")
    # Everybody else can still join, and the fake viewers' places are free again once they fall silent.
    for number in range(20):
        hall.rooms.look(TOKEN, GazePost(id=f"guest-{number:012}", yaw=0, pitch=0), f"10.0.1.{number}")
    hall.after(SILENT_SECONDS + 1)
    for number in range(most // 2):
        hall.rooms.look(TOKEN, GazePost(id=f"others-{number:011}", yaw=0, pitch=0), "10.0.0.66")


def test_made_up_pages_in_one_room_slow_nobody_in_another(hall: Hall) -> None:
    for number in range(TABLE["room"].total // 2):
        hall.rooms.look(TOKEN, GazePost(id=f"nobody-{number:09}", yaw=0, pitch=0), "10.0.0.66")
    seen = hall.rooms.look(OTHER, GazePost(id="g" * 16, yaw=0, pitch=0), "10.0.0.7")
    assert seen.wait == GAZE_SECONDS
    asked = hall.rooms.look(OTHER, GazePost(id="n" * 16, yaw=0, pitch=0), "10.0.0.66")
    assert asked.wait == gazes.SLOWEST_SECONDS


def test_the_first_who_asks_leads_until_the_lead_is_given_back(hall: Hall) -> None:
    a = hall.look("a", lead=True)
    assert a.leader == a.me
    assert hall.look("b", lead=True).leader == a.me
    assert hall.after(0.2)[0][1]["leader"] == a.me
    hall.clock.now += 1
    assert hall.look("b", lead=False).leader == a.me, "only who leads can stop it"
    assert hall.look("a").leader == a.me, "leading goes on without saying so again"
    assert hall.look("a", lead=False).leader is None
    assert hall.after(0.2)[0][1]["leader"] is None
    b = hall.look("b", lead=True)
    assert b.leader == b.me


@pytest.mark.parametrize("gone", ["silent", "left"])
def test_a_leader_who_is_gone_leads_no_more(hall: Hall, gone: str) -> None:
    hall.look("a", lead=True)
    hall.clock.now += 3
    hall.look("b")
    if gone == "left":
        hall.look("a", leave=True)
        hall.after(0.2)
    else:
        hall.after(2.5)
    assert hall.told[-1][1]["leader"] is None
    assert hall.told[-1][1]["n"] == 1


def test_a_leader_takes_the_room_along_to_another_photo_and_nobody_else_can(hall: Hall) -> None:
    hall.look("a", lead=True)
    hall.look("b", go=OTHER)
    assert hall.after(0.2)[0][1]["token"] == TOKEN
    hall.clock.now += 1
    hall.look("a", go=OTHER)
    hall.look("a", leave=True)  # its page closes at once
    ((token, told),) = hall.after(0.2)
    assert (token, told["token"], told["n"]) == (TOKEN, OTHER, 1)
    hall.look("b", 1.0)
    assert hall.after(0.2)[0][1]["token"] == TOKEN, "said once: who comes later stays"


def test_who_comes_later_is_told_how_things_are(hall: Hall) -> None:
    a = hall.look("a", 1.5)
    assert json.loads(hall.rooms.now(TOKEN))["gazes"] == [[a.me, 1.5, 0.0]]


def test_angles_come_back_within_one_turn(hall: Hall) -> None:
    hall.look("a", yaw=3 * math.pi / 2 + 4 * math.pi, pitch=1.58)
    _, yaw, pitch = hall.after(0.2)[0][1]["gazes"][0]
    assert yaw == pytest.approx(-math.pi / 2, abs=0.01)
    assert pitch == pytest.approx(math.pi / 2, abs=0.01)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "short"},
        {"id": "<b>" * 8},
        {"yaw": math.nan},
        {"yaw": math.inf},
        {"pitch": 2},
        {"go": "../x"},
        {"name": "Ada"},
        {"yaw": None},
    ],
)
def test_what_is_no_gaze_is_refused(fields: dict) -> None:
    with pytest.raises(ValidationError):
        GazePost.model_validate({"id": "a" * 16, "yaw": 0, "pitch": 0, **fields})
