"""What a guest's key gives: my dreams, deleting them, a ZIP, whether others see them, and words for another device."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from kiosk.library.library import Library
from kiosk.recipes import catalog
from kiosk.recipes.available import forward_path

KEY = secrets.token_urlsafe(24)


@pytest.fixture(scope="module")
def server(start_server):
    return start_server()


def of(key: str) -> dict[str, str]:
    return {"X-Owner-Key": key}


def test_one_key_for_everything_that_a_phone_brings(server, photo_bytes) -> None:
    first = server.upload(photo_bytes, owner_key=KEY, show="yes").json
    second = server.upload(photo_bytes, owner_key=KEY).json
    other = server.upload(photo_bytes).json
    assert (first["owner_key"], second["owner_key"]) == (KEY, KEY)
    assert other["owner_key"] != KEY
    mine = server.get("/api/mine", of(KEY)).json["photos"]
    assert [one["token"] for one in mine] == [second["token"], first["token"]]
    assert [one["show"] for one in mine] == [False, True]
    assert [one["number"] for one in mine] == [second["id"], first["id"]]
    assert server.get("/api/mine", of("n" * 32)).json == {"photos": []}
    for key in ("", "short", "/" * 32):
        assert server.get("/api/mine", of(key)).status == 400
        assert server.upload(photo_bytes, owner_key=key or "x").status == 400


def test_the_same_upload_again_is_the_same_photo(server, photo_bytes) -> None:
    upload = secrets.token_urlsafe(18)
    first = server.upload(photo_bytes, owner_key=KEY, upload=upload)
    again = server.upload(photo_bytes, owner_key=KEY, upload=upload)
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    for others in ({"owner_key": KEY, "upload": secrets.token_urlsafe(18)}, {"owner_key": "o" * 32, "upload": upload}):
        assert server.upload(photo_bytes, **others).json["token"] != first.json["token"]
    assert server.upload(photo_bytes, owner_key=KEY, upload="../" * 9).status == 400


def test_a_guest_changes_their_mind_about_showing(server, photo_bytes) -> None:
    brought = server.upload(photo_bytes, owner_key=KEY).json
    address = brought["status_url"]
    changed = server.request("PATCH", address, json.dumps({"show": True}), of(KEY))
    assert (changed.status, changed.json["show"], changed.json["held"]) == (200, True, None)
    assert server.request("PATCH", address, json.dumps({"show": False}), of("n" * 32)).status == 403
    assert server.request("PATCH", address, json.dumps({"shown": 1}), of(KEY)).status == 400
    assert server.get(address).json["show"] is True


def test_where_rude_pictures_are_held_others_wait_until_the_worker_has_looked(start_server, photo_bytes) -> None:
    server = start_server()
    network = forward_path(server.data.graphs, catalog.load().network("moderation"))
    network.parent.mkdir(parents=True)
    network.write_bytes(b"for the server, it is enough that there is one")
    address = server.upload(photo_bytes, owner_key=KEY).json["status_url"]
    changed = server.request("PATCH", address, json.dumps({"show": True}), of(KEY))
    assert (changed.status, changed.json["show"], changed.json["held"]) == (200, True, "waiting")
    changed = server.request("PATCH", address, json.dumps({"show": False}), of(KEY))
    assert (changed.json["show"], changed.json["held"]) == (False, None)


def test_words_carry_the_key_and_guessing_is_stopped(server, photo_bytes) -> None:
    server.upload(photo_bytes, owner_key=KEY)
    words = server.request("POST", "/api/mine/code", headers=of(KEY)).json["words"]
    answer = server.request("POST", "/api/code", json.dumps({"words": words}))
    assert (answer.status, answer.json) == (200, {"owner_key": KEY})
    assert server.request("POST", "/api/mine/code", headers=of("n" * 32)).status == 404
    wrong = [server.request("POST", "/api/code", json.dumps({"words": "abandon " * 4})) for _ in range(6)]
    assert [one.status for one in wrong] == [404] * 5 + [429]
    assert int(wrong[-1].headers["Retry-After"]) >= 1
    assert server.request("POST", "/api/code", json.dumps({"words": words})).status == 429, "even the right ones"


def test_everything_of_mine_as_a_zip_and_then_deleted(server, photo_bytes) -> None:
    key = secrets.token_urlsafe(24)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    other = server.upload(photo_bytes).json
    brought = [server.upload(photo_bytes, owner_key=key).json for _ in range(2)]
    assert server.request("POST", "/api/mine.zip", f"owner_key={key}", form).status == 404, "nothing is ready"
    with Library(server.data) as library:
        job = next(job for job in iter(lambda: library.jobs.lease("worker"), None) if job.token == brought[0]["token"])
        files = library.files(job.token)
        for path in (files.dream, files.upscaled):
            path.write_bytes(photo_bytes)
        library.jobs.finish(job)
    answer = server.request("POST", "/api/mine.zip", f"owner_key={key}", form)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    assert {name.split("_")[2] for name in names} == {str(brought[0]["id"])}
    assert server.request("DELETE", "/api/mine", headers=of(key)).json == {"deleted": 2}
    assert [server.get(one["status_url"]).status for one in (*brought, other)] == [404, 404, 200]
    assert not any((server.data.photos / one["token"]).exists() for one in brought)


def test_an_upload_that_comes_again_while_the_first_is_decoded_is_one_photo(server, photo_bytes) -> None:
    key, upload = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: server.upload(photo_bytes, owner_key=key, upload=upload), range(4)))
    assert [one.status for one in answers] == [201] * 4
    assert len({one.json["token"] for one in answers}) == 1
    assert len(server.get("/api/mine", of(key)).json["photos"]) == 1
