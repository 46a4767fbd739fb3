"""The operator on a phone, over https with the PIN; and a booth's screen that is paired from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kiosk.lan.certificates import ensure_certificate
from kiosk.people import operators
from kiosk.storage import DataFolder

pytestmark = pytest.mark.browser

PHONE = (360, 740)
PIN = "4071 2836"


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server on all addresses, whose dreams wait for the operator."""
    data = DataFolder(tmp_path_factory.mktemp("operator") / "data").prepare()
    data.settings.write_text("[people]\napprove = true\n", encoding="utf-8")
    files = ensure_certificate(data.certificates, ["127.0.0.2"])
    serve = {"tls_port": 0, "certfile": str(files.certificate), "keyfile": str(files.key)}
    operators.change(data, PIN)
    return start_server(data, host="0.0.0.0", serve=serve)


def test_an_evening_on_the_operators_phone(
    screen: Callable[..., Any], gallery: Any, server: Any, sphere_file: Any
) -> None:
    # Another address of this machine is not the machine itself.
    base = f"https://127.0.0.2:{server.tls_port}"
    phone = screen(PHONE, base=base, ignore_https_errors=True, is_mobile=True, has_touch=True).open("/operator")
    page = phone.page
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Now", exact=True).wait_for()
    page.get_by_text("no photo waits").wait_for()

    # The page hears of a photo by itself; what its guest wants to show waits for the operator.
    created = server.upload(sphere_file.read_bytes(), show="yes").json
    page.get_by_role("link", name="1 waits", exact=True).wait_for()
    gallery.finish(gallery.lease(), 1024)
    assert server.get("/api/photos").json["photos"] == []
    page.get_by_role("link", name="1 waits for your approval").tap()
    picture = page.get_by_alt_text(f"Photo {created['id']}")
    assert phone.waits(lambda: picture.evaluate("image => image.naturalWidth") == 384)
    page.get_by_label(f"Photo {created['id']}", exact=True).check()
    page.get_by_role("button", name="Approve").tap()
    page.get_by_text("1 photo approved.").wait_for()
    assert [one["token"] for one in server.get("/api/photos").json["photos"]] == [created["token"]]

    # Every button of the page is large enough for a thumb, and nothing lies beside it.
    page.get_by_label("Pages", exact=True).get_by_role("link", name="Photos").tap()
    page.wait_for_url("**/operator/photos")
    page.get_by_text("Download all photos").wait_for()
    small = page.evaluate("""() => [...document.querySelectorAll("main button, main .button, nav a, main select")]
        .map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, box]) => box.height && (box.height < 43.5 || box.width < 43.5)).map(([words]) => words)""")
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]

    page.get_by_label(f"Photo {created['id']}", exact=True).check()
    page.get_by_role("button", name="Hide").tap()
    page.get_by_text("1 photo hidden.").wait_for()
    page.get_by_role("button", name="Undo").tap()
    page.get_by_text("Undone for 1 photo.").wait_for()
    assert len(server.get("/api/photos").json["photos"]) == 1

    # A page on a tablet in the foyer becomes a booth's screen.
    booth = screen((1280, 800), base=f"http://127.0.0.2:{server.port}").open("/booth?pair=1")
    digits = booth.page.locator("#pair")
    digits.wait_for()
    page.get_by_role("link", name="Menu").tap()
    page.get_by_label("All pages").get_by_role("link", name="People").tap()
    page.get_by_label("Six digits").fill("".join(filter(str.isdigit, digits.inner_text())))
    page.get_by_label("Its name").fill("Foyer")
    page.get_by_role("button", name="Pair").tap()
    page.get_by_text("Foyer is a booth’s screen now.").wait_for()
    booth.page.wait_for_url("**/booth")
    assert [cookie["name"] for cookie in booth.page.context.cookies()] == ["screen"]
    page.get_by_role("button", name="Forget Foyer").tap()
    page.get_by_role("button", name="Forget Foyer").tap()
    page.get_by_text("The screen is forgotten.").wait_for()

    page.get_by_label("New PIN").fill("short")
    page.get_by_label("New PIN").fill("2749 1183")
    page.get_by_label("Once more").fill("2749 1183")
    page.get_by_role("button", name="Change the PIN").tap()
    page.get_by_text("The PIN is changed.").wait_for()
    page.get_by_role("button", name="Sign out everywhere").tap()
    page.get_by_role("button", name="Really everywhere?").tap()
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This PIN is wrong.").wait_for()
    operators.change(server.data, PIN)
