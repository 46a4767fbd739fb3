"""The operator's pages through a real server: what each deed does, and what guests notice of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from kiosk.library.library import Library
from kiosk.people import operators, uploaders
from kiosk.people.screens import Screens

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(start_server):
    return start_server(uploads_per_address="1000 per second")


@pytest.fixture
def library(server) -> Iterator[Library]:
    with Library(server.data) as library:
        yield library


@pytest.fixture
def press(server) -> Callable[..., str]:
    """A function that sends a form as the page's buttons do, and returns the page that it leads to."""
    token = re.search(r'name="form_token" value="([0-9a-f]+)"', server.get("/operator").body.decode())
    assert token

    def send(path: str, fields: list[tuple[str, str]] | None = None, status: int = 303) -> str:
        body = urlencode([("form_token", token[1]), *(fields or [])])
        answer = server.request("POST", path, body, FORM)
        assert answer.status == status, answer.body
        return server.get(answer.headers["Location"]).body.decode() if status == 303 else answer.body.decode()

    return send


def ready(server, library: Library, photo: bytes) -> str:
    """The token of a finished dream that its guest agreed to show."""
    token = server.upload(photo, show="yes").json["token"]
    library.jobs.finish(library.jobs.lease("a worker"))
    return token


def shown(server) -> list[str]:
    return [one["token"] for one in server.get("/api/photos").json["photos"]]


def test_photos_are_hidden_and_deleted_and_it_is_undone(server, library, press, photo_bytes) -> None:
    tokens = [ready(server, library, photo_bytes) for _ in range(2)]
    chosen = [("token", token) for token in tokens]
    page = press("/operator/photos/deed", [("deed", "hide"), *chosen, ("back", "/operator/photos?view=all")])
    assert "2 photos hidden." in page
    assert shown(server) == []
    assert server.get(f"/api/photos/{tokens[0]}").json["held"] == "held", "its guest still sees it"
    note = re.search(r'name="note" value="([^"]+)"', page)
    assert note
    assert "Undone for 2 photos." in press("/operator/undo", [("note", note[1])])
    assert sorted(shown(server)) == sorted(tokens)
    press("/operator/undo", [("note", note[1])], 409)

    page = press("/operator/photos/deed", [("deed", "delete"), chosen[0]])
    assert "1 photo moved to the bin." in page
    assert server.get(f"/api/photos/{tokens[0]}").json["error"] == "deleted"
    assert server.get(f"/photos/{tokens[0]}/thumb.webp").status == 404
    seen = server.get(f"/operator/photos/{tokens[0]}/thumb.webp")
    assert (seen.status, seen.headers["Content-Type"], seen.body[:4]) == (200, "image/webp", b"RIFF")
    assert tokens[0] in server.get("/operator/photos?view=bin").body.decode()
    assert "1 photo restored." in press("/operator/photos/deed", [("deed", "restore"), chosen[0]])
    assert sorted(shown(server)) == sorted(tokens)
    press("/operator/photos/deed", [("deed", "delete"), chosen[1]])
    assert "removed for good" in press("/operator/photos/empty-bin")
    assert not library.files(tokens[1]).home.exists()
    assert "Select photos first." in press("/operator/photos/deed", [("deed", "hide")])
    press("/operator/photos/deed", [("deed", "eat"), chosen[0]], 400)


def test_what_waits_for_the_operator_is_found_and_approved(server, library, press, photo_bytes) -> None:
    token = ready(server, library, photo_bytes)
    with library.writing() as connection:
        connection.execute("UPDATE photos SET approved = 0, held = 'nudity' WHERE token = ?", (token,))
    number = library.photo(token).id
    assert "1 held back" in server.get("/operator").body.decode()
    page = server.get(f"/operator/photos?view=held&number={number}").body.decode()
    assert "The kiosk thinks that this shows nudity." in page
    press("/operator/photos/deed", [("deed", "show"), ("token", token)])
    assert token in shown(server)
    assert server.get("/operator/photos?number=ten").status == 400
    assert server.get("/operator/photos?view=nothing").status == 404


def test_the_queue_is_changed_and_told(server, library, press, photo_bytes) -> None:
    tokens = [server.upload(photo_bytes).json["token"] for _ in range(3)]
    press(f"/operator/queue/{tokens[2]}/front")
    assert server.get(f"/api/photos/{tokens[2]}").json["position"] == 1
    page = press(f"/operator/queue/{tokens[0]}/cancel")
    assert "1 photo moved to the bin." in page
    assert tokens[0] not in page
    assert page.index(tokens[2]) < page.index(tokens[1])
    press(f"/operator/queue/{'x' * 22}/front", status=404)
    for token in tokens:
        library.remove(token)


def from_a_guest(server, photo: bytes) -> tuple[int, dict]:
    """Status and body of an upload from another loopback address, which is a guest's."""
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60, source_address=("127.0.0.9", 0))
    with contextlib.closing(connection):
        body = head + photo + b"\r\n--x--\r\n"
        connection.request("POST", "/api/photos", body, {"Content-Type": "multipart/form-data; boundary=x"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_only_a_blocked_guests_photos_are_refused(press, server, library, photo_bytes) -> None:
    status, brought = from_a_guest(server, photo_bytes)
    assert status == 201
    press("/operator/photos/block", [("block", brought["token"])])
    status, refused = from_a_guest(server, photo_bytes)
    assert (status, refused["error"]) == (403, "blocked")
    other = server.upload(photo_bytes)
    assert other.status == 201
    (client,) = uploaders.blocked(library)
    press("/operator/photos/unblock", [("client", client)])
    status, again = from_a_guest(server, photo_bytes)
    assert status == 201
    for token in (brought["token"], other.json["token"], again["token"]):
        library.remove(token)


def test_a_blocked_uploader_is_told_on_the_page(press, server, photo_bytes) -> None:
    with Library(server.data) as library:
        # Of another address: the machine itself has no pseudonym, and cannot be blocked.
        own = server.upload(photo_bytes).json["token"]
        press("/operator/photos/block", [("block", own)], 409)
        with library.writing() as connection:
            connection.execute("UPDATE photos SET client = 'someone' WHERE token = ?", (own,))
        page = press("/operator/photos/block", [("block", own), ("back", "/operator/photos?by=someone")])
        assert "They can bring no more." in page
        assert "/operator/photos/block" not in re.findall(r'formaction="([^"]+)"', page)
        assert "Nobody is blocked" in press("/operator/photos/unblock", [("client", "someone")])
        library.remove(own)


def test_screens_are_paired_and_forgotten_and_the_pin_is_changed(server, library, press) -> None:
    asked = server.request("POST", "/api/screens").json
    press("/operator/screens", [("code", "000000" if asked["code"] != "000000" else "1"), ("name", "x")], 404)
    page = press("/operator/screens", [("code", asked["code"]), ("name", "Foyer")])
    assert "Foyer is a booth’s screen now." in page
    assert server.get(f"/api/screens/{asked['secret']}").json == {"paired": True}
    (screen,) = Screens(library).paired()
    press(f"/operator/screens/{screen.id}/forget")
    assert Screens(library).paired() == []
    press("/operator/pin", [("pin", "2749 1183"), ("again", "2749 1184")], 400)
    assert "The PIN is changed." in press("/operator/pin", [("pin", "2749 1183"), ("again", "2749 1183")])
    assert operators.is_right(server.data, "2749 1183")


def test_every_form_needs_its_token(server) -> None:
    for path in ("photos/deed", "photos/empty-bin", "photos/block", "photos/unblock", "undo", "intake", "screens",
                 "pin", "sign-out", f"queue/{'x' * 22}/front", f"queue/{'x' * 22}/cancel"):  # fmt: skip
        answer = server.request("POST", f"/operator/{path}", "form_token=guessed", FORM)
        assert (answer.status, answer.json["error"]) == (403, "stale_form"), path


def test_the_pages_are_told_that_something_has_changed(server, library) -> None:
    events = server.events("/operator/events")
    assert next(events) == ("changed", {})
    library.set_flag("a test's", True)
    assert next(event for event in events if event[0] == "changed") == ("changed", {})
    library.set_flag("a test's", False)


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/operator", "/operator/../x", "/v/x", ""])
def test_no_form_leads_to_another_site(server, press, to: str) -> None:
    body = press("/operator/photos/deed", [("deed", "hide"), ("back", to)])
    assert "Select photos first." in body
