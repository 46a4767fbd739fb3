"""The operator's pages of the event, the settings, the storage and the log, without script."""

from __future__ import annotations

import io
import re
import zipfile
from urllib.parse import urlencode

import pytest
from PIL import Image, PngImagePlugin

from kiosk.library.library import Library
from kiosk.library.upkeep import restart
from kiosk.people import events
from kiosk.settings import load

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def operator(start_server, monkeypatch: pytest.MonkeyPatch):
    server = start_server()
    monkeypatch.setenv("DREAMKIOSK_RUNTIME", str(server.data.root.parent / "runtime"))

    def token() -> str:
        return re.findall(r'name="form_token" value="(\w+)"', server.get("/operator/event").body.decode())[0]

    def post(path: str, *fields: tuple[str, str]):
        return server.request("POST", path, urlencode([("form_token", token()), *fields]), FORM)

    server.post = post
    return server


def page(server, path: str) -> str:
    answer = server.get(path)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def ready(server, photo_bytes: bytes) -> str:
    """A ready photo with every file that the export takes."""
    token = server.upload(photo_bytes).json["token"]
    with Library(server.data) as library:
        for path in (library.files(token).dream, library.files(token).upscaled):
            path.write_bytes(photo_bytes)
        library.jobs.finish(library.jobs.lease("a worker"))
    return token


@pytest.mark.slow
def test_an_event_from_its_opening_to_its_wiping(operator, photo_bytes: bytes) -> None:
    assert "No event is open" in page(operator, "/operator/event")
    opened = operator.post("/operator/event/open", ("event_name", "Gala & Ball"))
    assert opened.status == 303
    assert "Gala &amp; Ball is open" in page(operator, opened.headers["Location"])
    assert operator.post("/operator/event/open", ("event_name", "Another")).status == 409
    token = ready(operator, photo_bytes)
    assert "Kept until the event is closed and exported." in page(operator, "/operator/storage")
    assert "Gala &amp; Ball" in page(operator, "/privacy")

    assert operator.post("/operator/event/1/wipe", ("event_name", "Gala & Ball")).status == 409
    assert operator.post("/operator/event/close").status == 303
    unsure = operator.post("/operator/event/1/wipe", ("event_name", "Gala & Ball"))
    assert (unsure.status, unsure.json["error"]) == (409, "not_exported")

    archive = operator.get("/operator/event/1/photos.zip")
    with zipfile.ZipFile(io.BytesIO(archive.body)) as held:
        assert held.testzip() is None
        names = held.namelist()
        listed = set(re.findall(r'href="([^"]+)"', held.read("index.html").decode()))
    assert len(names) == 4
    assert listed == set(names) - {"index.html"}
    assert operator.get("/operator/event/1/photos.zip").body == archive.body
    with Library(operator.data) as library:
        assert events.find(library).is_exported

    assert operator.post("/operator/event/1/wipe", ("event_name", "Gala")).json["error"] == "other_name"
    assert operator.get(f"/api/photos/{token}").status == 200
    wiped = operator.post("/operator/event/1/wipe", ("event_name", " gala &  ball"))
    assert "1 photos are gone" in page(operator, wiped.headers["Location"])
    assert operator.get(f"/api/photos/{token}").status == 404
    for folder in (operator.data.root, operator.data.runtime):
        for path in folder.rglob("*"):
            assert token not in str(path)
            assert not path.is_file() or token.encode() not in path.read_bytes(), path
    for number in ("9", "x", "²", "9" * 30):
        assert operator.post(f"/operator/event/{number.encode().hex()}/wipe", ("event_name", "")).status == 404


def test_what_guests_see_is_checked_and_saved(operator) -> None:
    form = page(operator, "/operator/event")
    assert form.count('type="checkbox" name="event.languages"') == 5
    wrong = operator.post("/operator/event/looks", ("event.accent", "red"), ("event.name", "Gala <i>"))
    assert wrong.status == 400
    text = wrong.body.decode()
    assert 'id="event-accent-wrong" role="alert"' in text
    assert 'value="Gala &lt;i&gt;"' in text, "what was typed is still there"
    assert not operator.data.settings.exists()
    given = [("event.name", "Gala"), ("boxes", "event.languages"), ("event.languages", "de"), ("event.languages", "ja"),
             ("people.approve", "true")]  # fmt: skip
    saved = operator.post("/operator/event/looks", *given)
    assert saved.status == 200
    assert "start anew" in saved.body.decode()
    now = load(operator.data.settings)
    assert (now.event.name, now.event.languages, now.people.approve) == ("Gala", ["de", "ja"], True)
    assert restart.take(operator.data)
    same = operator.post("/operator/event/looks", *given)
    assert "Nothing has changed." in page(operator, same.headers["Location"])
    assert not restart.take(operator.data)
    none = operator.post("/operator/event/looks", ("boxes", "event.languages"))
    assert none.status == 400


def test_a_logo_is_made_anew_and_shown(operator) -> None:
    drawn = Image.new("RGBA", (900, 300), (0, 0, 0, 0))
    drawn.paste((200, 30, 60, 255), (0, 0, 450, 300))
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "Mark0815Elm")
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", pnginfo=text)

    def send(content: bytes):
        token = re.findall(r'name="form_token" value="(\w+)"', page(operator, "/operator/event"))[0]
        body = b"".join(
            b"--edge\r\nContent-Disposition: form-data; name=" + name + b"\r\n\r\n" + value + b"\r\n"
            for name, value in ((b'"form_token"', token.encode()), (b'"logo"; filename="logo.png"', content))
        )
        form = {"Content-Type": "multipart/form-data; boundary=edge"}
        return operator.request("POST", "/operator/event/logo", body + b"--edge--\r\n", form)

    assert send(buffer.getvalue()).status == 200
    name = load(operator.data.settings).event.logo
    kept = (operator.data.root / "event" / name).read_bytes()
    assert b"Mark0815Elm" not in kept
    with Image.open(io.BytesIO(kept)) as logo:
        assert (logo.format, logo.size) == ("JPEG", (512, 171))
        assert logo.getpixel((500, 85)) == (255, 255, 255)
        assert logo.getpixel((100, 85))[0] > 150
    assert send(b"no picture at all").status in (400, 415)
    assert send(buffer.getvalue()[:200]).status in (400, 415)
    assert load(operator.data.settings).event.logo == name
    assert operator.post("/operator/event/logo", ("remove", "yes")).status == 200
    assert load(operator.data.settings).event.logo == ""


def test_every_setting_is_on_its_page_and_is_saved(operator) -> None:
    text = page(operator, "/operator/settings")
    for name in ("network.port", "dream.upscale", "capture.source", "retention.hours", "people.show", "event.welcome"):
        assert f'name="{name}"' in text
    wrong = operator.post("/operator/settings", ("dream.width", "1000"), ("network.port", "9000"))
    assert wrong.status == 400
    assert "multiple of 64" in wrong.body.decode()
    saved = operator.post("/operator/settings", ("dream.width", "1024"), ("nothing.known", "1"))
    assert saved.status == 200
    assert load(operator.data.settings).dream.width == 1024
    without = operator.request("POST", "/operator/settings", urlencode({"dream.width": "2048"}), FORM)
    assert without.status == 403
    assert load(operator.data.settings).dream.width == 1024


def test_the_log_names_no_photo(operator) -> None:
    token = "Ab_" + "x" * 19
    (operator.data.runtime / "log.txt").write_text(
        f"server | cannot read photos/{token}/original.jpg <b>\nworker | well\n"
    )
    text = page(operator, "/operator/log")
    assert text.index("worker | well") < text.index("cannot read photos/.../original.jpg &lt;b&gt;")
    assert token not in text


@pytest.mark.slow
def test_the_doctors_findings_are_on_a_page(operator) -> None:
    text = operator.post("/operator/doctor").body.decode()
    assert "Well: python" in text
    assert text.count("<li class=") >= 10
