"""The stream of events: none for a page that nobody sees, a fresh one where it falls silent, and an end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.browser.line import Line

pytestmark = pytest.mark.browser

# A headless browser shows all its pages at once; this is how one learns that it went behind another, or comes back.
SEEN = """seen => {
  Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Any]) -> Any:
    """A server that notices at once that nobody listens any more: when it next says that it lives."""
    return start_server(
        uploads_per_address="1000 per second", constants={"kiosk.server.live.listener.HEARTBEAT_SECONDS": 1.0}
    )


def listeners(server: Any) -> int:
    text = server.get("/metrics").body.decode()
    return int(float(next(line for line in text.splitlines() if line.startswith("dreamkiosk_listeners ")).split()[1]))


def test_eight_open_dreams_do_not_keep_each_other_waiting(screen: Callable[..., Any], ready: str, server: Any) -> None:
    page = screen()
    for number in range(8):
        if number:
            page.page.evaluate(SEEN, False)
            page.page = page.page.context.new_page()
        page.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    assert page.waits(lambda: listeners(server) == 1), listeners(server)


def test_a_page_that_is_seen_again_hears_what_happened_meanwhile(
    screen: Callable[..., Any], gallery: Any, server: Any
) -> None:
    photo = gallery.bring()
    page = screen().open(f"/v/{photo.token}#0,0").bare().shows("original")
    assert page.waits(lambda: listeners(server) == 1)
    page.page.evaluate(SEEN, False)
    assert page.waits(lambda: listeners(server) == 0)
    gallery.finish(gallery.lease())
    page.page.evaluate(SEEN, True)
    page.shows("upscaled")
    assert listeners(server) == 1


def test_a_line_that_falls_silent_is_noticed_while_one_looks(
    screen: Callable[..., Any], gallery: Any, server: Any
) -> None:
    with contextlib.closing(Line(server.port)) as line:
        photo = gallery.bring()
        page = screen(base=f"http://127.0.0.1:{line.port}")
        page.page.clock.install()
        page.open(f"/v/{photo.token}#0,0").bare().shows("original")
        # As after a phone changed the access point: its connection is dead, and nobody says so.
        line.stall()
        gallery.finish(gallery.lease())
        line.heal()
        page.page.clock.fast_forward("01:00")
        page.shows("upscaled")


@pytest.mark.parametrize("how", ["deleted", "expired"])
def test_what_went_while_nobody_looked_is_said_and_no_longer_asked_for(
    screen: Callable[..., Any], gallery: Any, how: str
) -> None:
    photo = gallery.ready()
    page = screen().open(f"/v/{photo.token}#0,0").bare().shows("upscaled")
    page.page.evaluate(SEEN, False)
    if how == "deleted":
        gallery.library.delete(photo.token, photo.owner_key)
    else:
        with gallery.library.writing() as connection:
            connection.execute("UPDATE photos SET state = 'expired' WHERE token = ?", (photo.token,))
    page.page.evaluate(SEEN, True)
    heading = {"deleted": "This dream was deleted", "expired": "This dream is over"}[how]
    page.page.get_by_role("heading", name=heading).wait_for()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.page.clock.install()
    page.page.clock.run_for(60000)
    assert asked == []


def test_a_photo_that_is_deleted_takes_everything_of_it_from_the_screen(
    screen: Callable[..., Any], gallery: Any
) -> None:
    photo = gallery.ready()
    page = screen().open(f"/v/{photo.token}#0,0")
    page.page.get_by_role("button", name="Take home").click()
    page.page.get_by_role("dialog").wait_for()
    gallery.library.delete(photo.token, photo.owner_key)
    page.page.get_by_role("heading", name="This dream was deleted").wait_for()
    assert page.page.get_by_role("dialog").count() == 0
    page.bare()
    # The dream is colorful wherever one looks; the page is night.
    assert page.waits(lambda: float(np.max(page.picture())) < 70)
    assert page.page.get_by_role("link", name="Dream your own").count() > 0


@pytest.mark.parametrize(
    ("locale", "words"), [("en", "There is no such dream here"), ("de", "Diesen Traum gibt es hier nicht")]
)
def test_an_address_of_no_photo_is_called_that(screen: Callable[..., Any], locale: str, words: str) -> None:
    screen(locale=locale).open("/v/nobody").page.get_by_role("heading", name=words).wait_for()


def test_a_button_whose_part_cannot_be_fetched_says_so_and_works_later(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.context.set_offline(True)
    page.page.get_by_role("button", name="Compare").click()
    page.page.get_by_text("Connection lost").wait_for(state="attached")
    page.page.context.set_offline(False)

    def compares() -> bool:
        # Every other tap leaves the comparison again, so each gets the time that it needs.
        page.page.get_by_role("button", name="Compare").click()
        return page.waits(lambda: page.page.locator("#wipe").is_visible(), 10)

    assert page.waits(compares, 60)
