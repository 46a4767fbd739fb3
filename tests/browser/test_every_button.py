"""Every button and link of every page, pressed as a user does, on http and on https.

Each test first asks the page what can be pressed. What it does not know of makes it fail, and what it knows of it
presses and looks at what comes of it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiosk.lan.certificates import ensure_certificate
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


def test_the_operators_page(visit: Callable[..., Any], gallery: Any, server: Any, tmp_path: Path) -> None:
    photo = gallery.ready()
    waiting = gallery.bring()
    page = visit("/operator", size=BIG)
    guests = server.get("/api/kiosk").json["guest_url"]
    known = {"Pause intake", "Download all photos", "Refresh", "Delete photo N", "photo N"}
    assert set(pressable(page.page)) - known == {guests.replace(str(server.port), "N").replace("127.0.0.1", "N.N.N.N")}
    assert set(pressable(page.page)) >= known

    page.page.get_by_role("button", name="Pause intake").click()
    page.page.get_by_text("Intake paused").wait_for()
    assert server.upload(b"x").json["error"] == "paused"
    assert "Take photos in again" in pressable(page.page)
    page.page.get_by_role("button", name="Take photos in again").click()
    page.page.get_by_text("In service").wait_for()

    for one in (photo, waiting):
        page.page.get_by_role("button", name=f"Delete photo {one.id}", exact=True).click()
        page.page.wait_for_url("**/operator")
        page.page.get_by_role("button", name=f"Delete photo {one.id}", exact=True).wait_for(state="detached")
        assert server.get(f"/api/photos/{one.token}").json["error"] == "deleted"

    kept = gallery.ready()
    page.page.get_by_role("link", name="Refresh").click()
    page.page.get_by_role("link", name=f"photo {kept.id}").click()
    page.page.wait_for_url(f"**/v/{kept.token}")
    assert page.page.evaluate("document.referrer").endswith("/operator")
    page.page.go_back()
    with page.page.expect_download() as download:
        page.page.get_by_role("link", name="Download all photos").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) >= 3
    page.page.get_by_role("link", name=guests).click()
    page.page.wait_for_url(guests)


def test_the_operators_page_where_a_form_is_too_old(visit: Callable[..., Any]) -> None:
    page = visit("/operator", size=BIG)
    page.page.evaluate("document.querySelector('[name=form_token]').value = 'of an earlier start'")
    page.page.get_by_role("button", name="Pause intake").click()
    page.page.get_by_text("403", exact=True).wait_for()
    assert set(pressable(page.page)) == {"To the beginning"}
    page.page.get_by_role("link", name="To the beginning").click()
    page.page.wait_for_url("**/")
