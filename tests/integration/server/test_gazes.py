"""Rooms over real sockets: each gaze reaches everybody who looks at the same photo."""

from __future__ import annotations

import http.client
import json
import selectors
import socket
import time

import psutil
import pytest

from tests.waiting import LONGEST

PHONES = 60
BOUND = 0.003  # seconds of processor for each gaze and event
AT_ONCE = 6
SECONDS = 3.0
PATIENCE = LONGEST


@pytest.fixture
def token(server, photo_bytes: bytes) -> str:
    return server.upload(photo_bytes).json["token"]


def look(server, token: str, who: str, yaw: float = 0.0, pitch: float = 0.0, **more):
    body = json.dumps({"id": f"{who:->16}", "yaw": yaw, "pitch": pitch, **more})
    return server.request("POST", f"/api/photos/{token}/room", body, {"Content-Type": "application/json"})


def rooms(stream, where) -> dict:
    """The next `room` event for which `where` is true."""
    return next(data for event, data in stream if event == "room" and where(data))


@pytest.mark.slow
def test_two_phones_see_each_other_come_look_and_go(server, token: str) -> None:
    stream = server.events(f"/api/photos/{token}/events")
    next(stream)
    ada = look(server, token, "ada", 0.5, 0.1)
    assert ada.status == 200
    assert ada.headers["Cache-Control"] == "no-store"
    bob = look(server, token, "bob", -2.0).json
    told = rooms(stream, lambda data: data["n"] == 2)
    assert told["gazes"] == [[ada.json["me"], 0.5, 0.1], [bob["me"], -2.0, 0.0]]
    assert (told["token"], told["leader"]) == (token, None)
    later = server.events(f"/api/photos/{token}/events")
    assert rooms(later, lambda data: True)["n"] == 2, "who comes later is told at once"
    look(server, token, "bob", leave=True)
    assert rooms(stream, lambda data: data["n"] == 1)["gazes"][0][0] == ada.json["me"]
    assert rooms(stream, lambda data: data["n"] == 0)["gazes"] == [], "a silent page is forgotten"


def test_a_leader_takes_the_others_to_another_photo(server, token: str, photo_bytes: bytes) -> None:
    other = server.upload(photo_bytes).json["token"]
    stream = server.events(f"/api/photos/{token}/events")
    next(stream)
    me = look(server, token, "eve", lead=True).json
    assert me["leader"] == me["me"]
    assert look(server, token, "eve", go="x" * 22).status == 404
    assert look(server, token, "eve", go=other).status == 200
    told = rooms(stream, lambda data: data["token"] != token)
    assert (told["token"], told["leader"]) == (other, me["me"])


def test_what_is_no_gaze_is_refused_in_a_sentence(server, token: str) -> None:
    path = f"/api/photos/{token}/room"
    refused = look(server, token, "ada")
    assert (refused.status, refused.json["error"]) == (409, "not_listening")
    stream = server.events(f"/api/photos/{token}/events")
    next(stream)
    for body in (
        b"",
        b"[]",
        b"{",
        b'{"id": "x"}',
        b'{"id": "aaaaaaaaaaaaaaaa", "yaw": 1e999, "pitch": 0}',
        b"\xff\xfe",
    ):
        answer = server.request("POST", path, body, {"Content-Type": "application/json"})
        assert (answer.status, answer.json["error"]) == (400, "bad_gaze")
    # All are sent before any response is read, so that they arrive close together even on a busy machine.
    phones = [http.client.HTTPConnection(server.host, server.port, timeout=LONGEST) for _ in range(8)]
    for number, phone in enumerate(phones):
        gaze = json.dumps({"id": f"{'ada':->16}", "yaw": number / 10, "pitch": 0})
        phone.request("POST", path, gaze, {"Content-Type": "application/json"})
    statuses = [phone.getresponse().status for phone in phones]
    for phone in phones:
        phone.close()
    assert set(statuses) == {200, 429}, statuses
    assert server.request("GET", path).status == 405


def test_a_page_that_closes_can_only_send_text(server, token: str) -> None:
    stream = server.events(f"/api/photos/{token}/events")
    next(stream)
    body = json.dumps({"id": "a" * 16, "yaw": 0, "pitch": 0})
    answer = server.request("POST", f"/api/photos/{token}/room", body, {"Content-Type": "text/plain;charset=UTF-8"})
    assert answer.status == 200


@pytest.mark.slow
def test_sixty_phones_in_one_room_see_each_other(server, token: str) -> None:
    listen = f"GET /api/photos/{token}/events HTTP/1.1\r\nHost: kiosk\r\n\r\n".encode()
    selector = selectors.DefaultSelector()
    heard = dict.fromkeys(range(PHONES), b"")
    everybody: set[int] = set()
    events = 0
    phones = []
    for number in range(PHONES):
        down = socket.create_connection((server.host, server.port), timeout=LONGEST)
        down.sendall(listen)
        down.setblocking(False)
        selector.register(down, selectors.EVENT_READ, number)
        phones.append(down)

    def receive(seconds: float) -> None:
        nonlocal events
        for key, _ in selector.select(seconds):
            piece = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
            assert piece, "the stream ended"
            events += piece.count(b"event: room")
            heard[key.data] = (heard[key.data] + piece)[-20_000:]
            if b'"n":60,' in heard[key.data]:
                everybody.add(key.data)

    until = time.monotonic() + 60
    while not all(b"event: state" in text for text in heard.values()) and time.monotonic() < until:
        receive(0.1)
    # A few requests at a time, so that even on a slow machine nobody is silent long enough to expire while the others
    # send.
    ups = [http.client.HTTPConnection(server.host, server.port, timeout=LONGEST) for _ in range(AT_ONCE)]
    process = psutil.Process(server.process.pid)
    due = [0.0] * PHONES
    waits: list[float] = []
    before, started = process.cpu_times(), time.monotonic()
    now, met = 0.0, 0.0
    # Until everybody has seen everybody, plus a few seconds at the highest load, with everybody turning all the time.
    while now < PATIENCE and not (met and now - met > SECONDS):
        speaking = sorted((number for number in range(PHONES) if due[number] <= now), key=due.__getitem__)[:AT_ONCE]
        for number, up in zip(speaking, ups, strict=False):
            body = json.dumps({"id": f"{number:016}", "yaw": now + number / 10, "pitch": 0.0})
            up.request("POST", f"/api/photos/{token}/room", body)
        for number, up in zip(speaking, ups, strict=False):
            answer = up.getresponse()
            seen = json.loads(answer.read())
            assert answer.status == 200, seen
            waits.append(seen["wait"])
            due[number] = time.monotonic() - started + seen["wait"]
        receive(0 if speaking else 0.01)
        now = time.monotonic() - started
        if not met and len(everybody) == PHONES:
            met = now
    after, took = process.cpu_times(), time.monotonic() - started
    cpu = after.user + after.system - before.user - before.system
    print(
        f"\n{PHONES} phones: {len(waits)} gazes and {events} events in {took:.1f} s took {cpu:.2f} s of processor, "
        f"{100 * cpu / took:.0f} % of one core; everybody was seen by everybody after {met:.1f} s"
    )
    assert met, f"only {len(everybody)} ever saw everybody"
    # Ten times what a core of 2020 takes.
    assert cpu <= BOUND * (len(waits) + events), f"{1000 * cpu / (len(waits) + events):.1f} ms for each gaze and event"
    # Sixty pages share forty gazes a second; those of other tests may still be in their rooms for a while.
    assert 1.5 in waits
    assert events <= PHONES * (took / 0.2 + 1)
    for connection in (*phones, *ups):
        connection.close()
