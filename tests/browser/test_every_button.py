"""Every button and link of every page, pressed as a user does, on http and on https.

Each test first asks the page what can be pressed. What it does not know of makes it fail, and what it knows of it
presses and looks at what comes of it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiosk.lan.certificates import ensure_certificate
from kiosk.library import shutter
from kiosk.recipes import catalog
from kiosk.server.operator import frame
from kiosk.storage import DataFolder
from tests.browser.pressing import pressable

pytestmark = pytest.mark.browser

BIG = (1280, 900)


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with a virtual camera, on http and https."""
    data = DataFolder(tmp_path_factory.mktemp("buttons") / "data").prepare()
    data.settings.write_text('[capture]\nsource = "virtual"\n', encoding="utf-8")
    files = ensure_certificate(data.certificates, ["127.0.0.1"])
    serve = {"tls_port": 0, "certfile": str(files.certificate), "keyfile": str(files.key)}
    return start_server(data, serve=serve, uploads_per_address="1000 per second")


@pytest.fixture(params=["http", "https"])
def visit(request: pytest.FixtureRequest, screen: Callable[..., Any], server: Any) -> Callable[..., Any]:
    """Opens a page as `screen` does, over http or over https."""
    port = server.port if request.param == "http" else server.tls_port

    def open_page(path: str, **options: Any) -> Any:
        return screen(base=f"{request.param}://127.0.0.1:{port}", ignore_https_errors=True, **options).open(path)

    return open_page


FRAME = {"To the content", *(name for _, name in frame.PAGES)}
"""What every page of the operator's offers."""
plain = pytest.mark.parametrize("visit", ["http"], indirect=True)
"""For pages that are the same over https; test_operator.py goes through them there."""


@plain
def test_the_operators_first_page(visit: Callable[..., Any], gallery: Any, server: Any) -> None:
    gallery.bring()
    page = visit("/operator", size=BIG).page
    guests = server.get("/api/kiosk").json["guest_url"]
    address = guests.replace(str(server.port), "N").replace("127.0.0.1", "N.N.N.N")
    seen = set(pressable(page))
    assert seen - FRAME - {"N wait", "N waits", "N"} == {"Pause intake", "Choose your own", address}
    page.get_by_role("button", name="Pause intake").click()
    page.get_by_text("Intake paused").wait_for()
    assert server.upload(b"x").json["error"] == "paused"
    page.get_by_role("button", name="Resume intake").click()
    page.get_by_text("In service").wait_for()
    page.get_by_role("link", name="Choose your own").click()
    page.wait_for_url("**/operator/people")
    page.go_back()
    page.get_by_role("link", name=re.compile("[0-9]+ waits?")).click()
    page.wait_for_url("**/operator/queue")
    for path, name in frame.PAGES:
        link = page.get_by_label("All pages").get_by_role("link", name=name, exact=True)
        if link.count():
            link.click()
            page.wait_for_url(f"**{path}")
            page.get_by_role("heading", name=name, exact=True, level=1).wait_for()
    page.goto(f"{guests.rstrip('/')}/operator")
    page.get_by_role("link", name=guests).click()
    page.wait_for_url(guests)


@plain
def test_the_operators_queue(visit: Callable[..., Any], gallery: Any, server: Any) -> None:
    first, second, third = (gallery.bring() for _ in range(3))
    page = visit("/operator/queue", size=BIG).page
    known = {"Move photo N to the front", "Cancel photo N"}
    assert set(pressable(page)) - FRAME == known
    page.get_by_role("button", name=f"Move photo {third.id} to the front", exact=True).click()
    page.get_by_text(f"Photo {third.id} is next.").wait_for()
    assert server.get(f"/api/photos/{third.token}").json["position"] == 1
    page.get_by_role("button", name=f"Cancel photo {third.id}", exact=True).click()
    page.get_by_text("1 photo moved to the bin.").wait_for()
    assert server.get(f"/api/photos/{third.token}").json["error"] == "deleted"
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone for 1 photo.").wait_for()
    assert server.get(f"/api/photos/{third.token}").json["position"] == 1
    for one in (first, second, third):
        gallery.library.remove(one.token)


@plain
def test_the_operators_photos(visit: Callable[..., Any], gallery: Any, server: Any) -> None:
    photo, other = gallery.ready(), gallery.ready()
    with gallery.library.writing() as connection:
        connection.execute("UPDATE photos SET client = 'somebody' WHERE id = ?", (photo.id,))
    page = visit("/operator/photos", size=BIG).page
    views = {"All N", "Waiting for you N", "Held back N", "Hidden N", "Not shown N", "Bin N"}
    deeds = {"#everything", "Show", "Hide", "Delete"}
    each = {"Photo N", "Open photo N", "All photos of the uploader of N", "Block the uploader of photo N"}
    assert set(pressable(page)) - FRAME == views | deeds | each | {"Search", "Download all photos"}

    def see(words: str) -> None:
        page.get_by_text(words, exact=True).wait_for()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    press("Hide")
    see("Select photos first.")
    page.get_by_label(f"Photo {photo.id}", exact=True).check()
    press("Hide")
    see("1 photo hidden.")
    press("Undo")
    see("Undone for 1 photo.")
    page.locator("#everything").click()
    press("Hide")
    page.get_by_role("link", name=re.compile("^Hidden")).click()
    page.wait_for_url("**view=hidden")
    page.locator("#everything").click()
    press("Show")
    see("No photos here.")
    page.get_by_role("link", name=re.compile("^All")).click()
    page.locator("summary").click()
    assert set(pressable(page)) - FRAME - views - deeds - each == {
        "Search", "#number", "#style", "#is", "Number", "Style", "State", "Download all photos",
    }  # fmt: skip
    page.locator("#number").fill(str(photo.id))
    page.locator("#style").select_option("-")
    page.locator("#is").select_option("ready")
    press("Search")
    page.get_by_label(f"Photo {other.id}", exact=True).wait_for(state="detached")
    page.get_by_role("button", name=f"Block the uploader of photo {photo.id}", exact=True).click()
    see("Whoever brought this photo can bring no more.")
    press("Unblock")
    see("Nobody is blocked.")
    page.get_by_role("link", name=f"All photos of the uploader of {photo.id}", exact=True).click()
    see("All photos of one uploader.")
    page.get_by_role("link", name="Show everybody’s").click()
    page.get_by_label(f"Photo {other.id}", exact=True).check()
    press("Delete")
    see("1 photo moved to the bin.")
    page.get_by_role("link", name=re.compile("^Bin")).click()
    page.get_by_label(f"Photo {other.id}", exact=True).check()
    press("Restore")
    see("1 photo restored.")
    page.get_by_role("link", name=re.compile("^All")).click()
    page.get_by_label(f"Photo {other.id}", exact=True).check()
    press("Delete")
    page.get_by_role("link", name=re.compile("^Bin")).click()
    press("Empty the bin")
    page.get_by_role("button", name=re.compile("Really remove [0-9]+ for good")).click()
    page.get_by_text("removed for good.").wait_for()
    assert not gallery.library.files(other.token).home.exists()
    page.get_by_role("link", name=re.compile("^All")).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all photos").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) >= 3
    page.get_by_role("link", name=f"Open photo {photo.id}", exact=True).click()
    page.wait_for_url(f"**/v/{photo.token}")
    assert "/operator/photos" in page.evaluate("document.referrer")


@plain
def test_the_operators_page_where_a_form_is_too_old(visit: Callable[..., Any], ready: str) -> None:
    page = visit("/operator/photos", size=BIG)
    page.page.evaluate("document.querySelector('#deeds > [name=form_token]').value = 'of an earlier start'")
    page.page.get_by_role("button", name="Hide", exact=True).click()
    page.page.get_by_text("403", exact=True).wait_for()
    assert set(pressable(page.page)) == {"To the beginning"}
    page.page.get_by_role("link", name="To the beginning").click()
    page.page.wait_for_url("**/")


@pytest.mark.parametrize("path", ["/nothing-here", "/operator/nothing-here", "/styles/nothing.webp"])
def test_an_error_page(visit: Callable[..., Any], path: str) -> None:
    page = visit(path)
    assert set(pressable(page.page)) == {"To the beginning"}
    page.page.get_by_role("link", name="To the beginning").click()
    page.page.get_by_role("heading", name="Stand inside").wait_for()


@pytest.mark.parametrize("path", ["/v/nobody", "/v/" + "x" * 22])
def test_the_viewer_where_there_is_no_photo(visit: Callable[..., Any], path: str) -> None:
    page = visit(path)
    page.page.locator("#way-out").wait_for()
    assert set(pressable(page.page)) == {"#sphere", "#own", "#way-out"}
    for link in ("#own", "#way-out"):
        page.page.locator(link).click()
        page.page.get_by_role("heading", name="Stand inside").wait_for()
        page.page.go_back()
        page.page.locator("#way-out").wait_for()


def test_the_page_about_the_warning(visit: Callable[..., Any], ready: str) -> None:
    page = visit(f"/static/landing/https.html?to=/v/{ready}")
    page.page.locator("#go").wait_for()
    assert set(pressable(page.page)) == {"#go", "#back"}
    page.page.locator("#back").click()
    page.page.wait_for_url(f"**/v/{ready}")
    page.page.go_back()
    page.page.locator("#go").click()
    page.page.wait_for_url(f"https://**/v/{ready}")


def test_the_big_screen(visit: Callable[..., Any], gallery: Any, server: Any) -> None:
    page = visit("/booth", size=BIG)
    page.page.locator("#take").wait_for()
    assert set(pressable(page.page)) == {"#take"}
    page.page.locator("#take").click()
    page.page.get_by_text("Your code comes in a moment").wait_for()
    assert page.waits(lambda: shutter.take(gallery.library.data) is not None), "the camera was asked"
    shutter.forget(gallery.library.data)


def dream_of_words(page: Any) -> None:
    """Press all there is under Dream of a word."""
    page.locator("#word").click()
    tiles = page.locator("#words .tile")
    tiles.first.wait_for()
    while page.locator("#more-words").is_visible():
        page.locator("#more-words").click()
    assert tiles.count() == len(catalog.load().words)
    for number in range(tiles.count()):
        for pressed in ("true", "false"):
            tiles.nth(number).click()
            assert tiles.nth(number).get_attribute("aria-pressed") == pressed
    tiles.first.click()
    page.get_by_text("It will dream of: lion").wait_for()


def test_the_page_where_guests_arrive(visit: Callable[..., Any], ready: str, sphere_file: Path, server: Any) -> None:
    page = visit("/")
    page.page.locator(f'#gallery a[href="/v/{ready}"]').wait_for()
    seen = pressable(page.page)
    pictures = page.page.locator("#gallery a").count()
    titles = {page.page.locator("#gallery a").nth(number).inner_text() for number in range(pictures)}
    around = {"#have", "To the gallery", "What is kept, and how long?"}
    assert set(seen) == {"Choose a photo"} | around | titles
    page.page.locator(f'#gallery a[href="/v/{ready}"]').click()
    page.page.wait_for_url(f"**/v/{ready}")
    page.page.go_back()

    with page.page.expect_file_chooser() as chooser:
        page.page.locator("label[for=photo].button").click()
    chooser.value.set_files(sphere_file)
    page.page.locator("#more").wait_for()
    styles = server.get("/api/kiosk").json["styles"]
    switch = '<input type="checkbox" role="switch">'
    known = {"#send", "#more", "#word", "#thumb", "#show", switch} | around | titles
    assert set(pressable(page.page)) - {style["title"] for style in styles} - known == set()
    page.page.locator("#more").click()
    page.page.locator("#more").wait_for(state="hidden")
    shown = set(pressable(page.page))
    radios = page.page.locator("#styles label")
    assert radios.count() == len(styles)
    for number in range(radios.count()):
        radios.nth(number).click()
        assert radios.nth(number).locator("input").is_checked()
        assert len(page.page.locator("#line").inner_text()) > 10
    assert "#more" not in shown
    dream_of_words(page.page)
    radios.last.click()
    assert page.page.locator("#dream-of").input_value() == ""
    last = radios.last.locator("input").get_attribute("value")
    with page.page.expect_file_chooser() as chooser:
        page.page.get_by_text("Another photo").click()
    chooser.value.set_files(sphere_file)
    page.page.locator("#send").click()
    page.page.wait_for_url("**/v/*")
    token = page.page.url.rsplit("/", 1)[1]
    assert server.get(f"/api/photos/{token}").json["style"] == last


VIEWER = {
    "#sphere",
    "#own",
    "#full",
    "Photo",
    "Dream",
    "Enlarged",
    "#compare",
    "#alive",
    "#motion",
    "#headset",
    "#keep",
}


def test_the_viewer(visit: Callable[..., Any], gallery: Any, server: Any) -> None:
    photo = gallery.ready()
    page = visit(f"/v/{photo.token}#0,0")
    page.page.locator("#dock").wait_for()
    assert set(pressable(page.page)) == VIEWER
    for name, look in (("Photo", "original"), ("Dream", "dream"), ("Enlarged", "upscaled")):
        page.page.get_by_role("radio", name=name).click()
        assert page.waits(lambda: np.abs(page.center() - page.ahead(look)).max() < 12), name  # noqa: B023

    page.page.locator("#compare").click()
    page.page.locator("#wipe").wait_for()
    assert set(pressable(page.page)) == VIEWER | {"#wipe", "#left"}
    before = page.page.locator("#wipe").get_attribute("aria-valuenow")
    page.page.locator("#wipe").focus()
    page.page.keyboard.press("ArrowLeft")
    assert page.page.locator("#wipe").get_attribute("aria-valuenow") != before
    words = page.page.locator("#left").inner_text()
    page.page.locator("#left").click()
    assert page.waits(lambda: page.page.locator("#left").inner_text() != words)
    page.page.locator("#compare").click()
    page.page.locator("#wipe").wait_for(state="hidden")

    for pressed in ("true", "true", "false"):
        page.page.locator("#alive").click()
        page.page.locator(f"#alive[aria-pressed={pressed}]").wait_for()
    page.page.locator("#full").click()
    assert page.waits(lambda: page.page.evaluate("Boolean(document.fullscreenElement)"))
    page.page.locator("#full").click()
    assert page.waits(lambda: not page.page.evaluate("Boolean(document.fullscreenElement)"))
    page.page.locator("#own").click()
    page.page.get_by_role("heading", name="Stand inside").wait_for()


def test_the_viewers_sheets(visit: Callable[..., Any], gallery: Any, server: Any) -> None:
    photo = gallery.bring()
    gallery.finish(gallery.lease())
    page = visit(f"/v/{photo.token}")
    page.page.evaluate(
        "([token, key]) => localStorage.setItem('dreamkiosk.owner', JSON.stringify({[token]: key}))",
        [photo.token, photo.owner_key],
    )
    page.page.locator("#keep").click()
    sheet = page.page.get_by_role("dialog")
    sheet.wait_for()
    inside = set(pressable(page.page)) - VIEWER
    own = {'<input type="checkbox" role="switch">', "Delete my photo and its dream"}
    assert inside == {"Close", "Save the picture", "Save this view", "Share the link"} | own
    # The switch is pressed and this view saved in test_mine.py.
    with page.page.expect_download() as download:
        sheet.get_by_role("link", name="Save the picture").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"\xff\xd8"
    sheet.get_by_role("button", name="Share the link").click()
    page.page.locator("#live").get_by_text(re.compile("Link copied|/v/")).wait_for()
    page.page.locator("#headset").click()
    sheet.wait_for()
    inside = set(pressable(page.page)) - VIEWER
    assert inside >= {"Close", "Split the screen", "Fit it to this phone"}
    sheet.get_by_role("button", name="Close").click()
    sheet.wait_for(state="hidden")
    page.page.locator("#motion").click()
    assert page.waits(lambda: sheet.is_visible() or page.page.locator("#live").inner_text() != "")
    if sheet.is_visible():
        sheet.get_by_role("button", name="Close").click()
    page.page.locator("#keep").click()
    sheet.get_by_role("button", name="Delete my photo").click()
    sheet.get_by_role("button", name="Really delete?").click()
    page.page.get_by_text("Your photo is deleted").first.wait_for()
    assert server.get(f"/api/photos/{photo.token}").json["error"] == "deleted"


def test_the_viewers_room(visit: Callable[..., Any], gallery: Any) -> None:
    first, second = gallery.ready(), gallery.ready()
    pages = [visit(f"/v/{second.token}"), visit(f"/v/{second.token}")]
    pages[0].page.locator("#lead").wait_for()
    assert set(pressable(pages[0].page)) - VIEWER == {"#lead"}
    pages[0].page.locator("#lead").click()
    pages[0].page.locator("#onward").wait_for()
    assert set(pressable(pages[0].page)) - VIEWER == {"#lead", "#onward"}
    pages[1].page.get_by_text("you are being led").wait_for()
    pages[0].page.locator("#onward").click()
    for page in pages:
        page.page.wait_for_url(lambda url: second.token not in url)
    assert first.token in pages[0].page.url
    pages[0].page.locator("#lead[aria-pressed=true]").wait_for()
    pages[0].page.locator("#lead").click()
    pages[0].page.locator("#onward").wait_for(state="hidden")


def test_the_viewer_of_a_photo_that_failed(visit: Callable[..., Any], gallery: Any) -> None:
    photo = gallery.bring()
    gallery.library.jobs.fail(gallery.lease(), "This photo could not be dreamed.", "cannot_dream")
    page = visit(f"/v/{photo.token}")
    page.page.locator("#way-out").wait_for()
    assert set(pressable(page.page)) == {"#sphere", "#own", "#full", "#way-out"}
    page.page.locator("#way-out").click()
    page.page.get_by_role("heading", name="Stand inside").wait_for()


def buttons(page: Any) -> set[str]:
    """What can be pressed in the middle of an operator's page, without the fields of its forms."""
    return set(page.locator("main button, main a.button, main summary").all_inner_texts())


def test_the_operators_pages_of_an_evening(screen: Callable[..., Any], gallery: Any, server: Any) -> None:
    """On a phone, from opening an event to wiping it, and a setting that cannot be."""
    page = screen(base=f"http://127.0.0.1:{server.port}", size=(360, 740)).open("/operator/event").page
    assert buttons(page) == {"Open the event", "Save what guests see", "Use this logo"}
    page.get_by_label("Name of the event").fill("Gala")
    page.get_by_role("button", name="Open the event").click()
    page.get_by_text("Gala is open.").wait_for()
    gallery.ready()
    page.goto(page.url)
    assert buttons(page) == {"Export Gala", "Close the event", "Save what guests see", "Use this logo"}
    with page.expect_download() as download:
        page.get_by_role("link", name="Export Gala").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "index.html" in archive.namelist()
    page.get_by_role("button", name="Close the event").click()
    page.get_by_text("Gala is closed.").wait_for()
    page.get_by_text("Wipe Gala", exact=True).click()
    page.get_by_label("Type its name: Gala").fill("Gala")
    page.get_by_role("button", name="Wipe Gala for good").click()
    page.get_by_text("Gala was wiped: 1 photos are gone").wait_for()

    page.get_by_label("Accent").fill("red")
    page.get_by_role("button", name="Save what guests see").click()
    page.get_by_text("Nothing was saved.").wait_for()
    assert page.get_by_label("Accent").get_attribute("aria-invalid") == "true"
    page.get_by_label("Accent").fill("#7a5cff")
    page.get_by_role("button", name="Save what guests see").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_role("link", name="Go on").click()
    page.wait_for_url("**/operator/event")
    assert page.get_by_label("Accent").input_value() == "#7a5cff"

    page.goto(page.url.replace("event", "storage"))
    assert buttons(page) == {"Export or wipe an event", "Change the limits"}
    page.get_by_role("link", name="Change the limits").click()
    page.wait_for_url("**/operator/settings#section-retention")
    assert buttons(page) == {"Save the settings"}
    page.goto(page.url.replace("settings", "log"))
    assert buttons(page) == {"Refresh", "Examine this machine"}
