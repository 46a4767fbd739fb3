"""The upload when things go wrong: a line that stalls or breaks, a kiosk that refuses, and the way back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.storage import DataFolder
from tests.browser.conftest import Screen, start_chromium
from tests.browser.line import Line

pytestmark = pytest.mark.browser

# More than what browser, kernel and relay hold on the way.
NOISE = np.random.default_rng(1).integers(0, 256, (2048, 4096, 3), np.uint8)


@pytest.fixture(scope="module")
def large_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of some 10 MB."""
    path = tmp_path_factory.mktemp("large") / "noise.jpg"
    Image.fromarray(NOISE).save(path, quality=95)
    assert 8e6 < path.stat().st_size < 40e6
    return path


@pytest.fixture
def line(server: Any) -> Iterator[Line]:
    with contextlib.closing(Line(server.port)) as line:
        yield line


@pytest.fixture
def remembering(chromium: Any, server: Any) -> Iterator[Screen]:
    """A page of a browser that keeps pages as they were for the way back, as guests' browsers do; Playwright's does
    not unless told."""
    browser = start_chromium(chromium.browser_type, ignore_default_args=["--disable-back-forward-cache"])
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce", locale="en-GB")
    page = Screen(context.new_page(), f"http://127.0.0.1:{server.port}")
    yield page
    browser.close()
    assert not page.errors, page.errors


def choose(page: Any, photo: Path) -> None:
    page.open("/")
    page.page.locator("#photo").set_input_files(photo)
    page.page.locator("#styles label.on").wait_for()


def count(gallery: Any) -> int:
    """Photos that ever came in."""
    return sum(gallery.library.counts().values())


def path_of(page: Any) -> str:
    return "/" + page.page.url.split("/", 3)[3]


def test_back_from_the_dream_the_same_photo_may_be_sent_again(remembering: Screen, sphere_file: Path) -> None:
    page = remembering
    choose(page, sphere_file)
    page.page.evaluate("addEventListener('pageshow', (event) => { window.restored = event.persisted; })")
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
    first = path_of(page)
    page.page.locator("canvas").wait_for()
    page.page.evaluate("history.back()")
    assert page.waits(lambda: path_of(page) == "/")
    assert page.page.evaluate("window.restored") is True, "the page was made anew"
    assert page.waits(lambda: page.page.get_by_role("button", name="Dream it").is_visible())
    assert page.page.locator("#progress").is_hidden()
    page.page.locator("#styles label").nth(2).click()
    page.page.get_by_role("button", name="Dream it").click()
    assert page.waits(lambda: path_of(page) not in ("/", first))
    assert path_of(page).startswith("/v/")


def test_a_stalled_upload_says_how_far_it_is_and_can_be_tried_again_at_once(
    screen: Callable[..., Any], gallery: Any, line: Line, large_photo: Path
) -> None:
    page = screen(base=f"http://127.0.0.1:{line.port}")
    choose(page, large_photo)
    before = count(gallery)
    line.stall(after=2_000_000)
    page.page.get_by_role("button", name="Dream it").click()
    progress = page.page.get_by_role("progressbar")
    progress.wait_for()
    assert page.page.get_by_role("button", name="Cancel").is_visible(), "no way out"
    assert page.waits(lambda: 0 < int(progress.get_attribute("aria-valuenow")) < 100)
    again = page.page.get_by_role("button", name="Try again")
    again.wait_for()
    assert page.page.get_by_text("Nothing is getting through").is_visible()
    assert count(gallery) == before
    line.heal()
    again.click()
    page.page.wait_for_url("**/v/*")
    assert count(gallery) == before + 1


def test_an_upload_is_called_off(screen: Callable[..., Any], gallery: Any, line: Line, large_photo: Path) -> None:
    page = screen(base=f"http://127.0.0.1:{line.port}")
    choose(page, large_photo)
    before = count(gallery)
    line.stall(after=1_000_000)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("button", name="Cancel").click()
    page.page.get_by_role("button", name="Dream it").wait_for()
    assert page.page.get_by_role("alert").inner_text() == ""
    assert page.page.locator("#styles input").first.is_enabled()
    line.heal()
    assert count(gallery) == before


def test_what_the_guest_does_while_it_is_sent_changes_nothing_of_it(
    screen: Callable[..., Any], line: Line, large_photo: Path
) -> None:
    page = screen(base=f"http://127.0.0.1:{line.port}")
    choose(page, large_photo)
    line.stall(after=1_000_000)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("progressbar").wait_for()
    assert page.page.locator("#photo").is_disabled()
    assert page.page.locator("#styles input").first.is_disabled()


REFUSALS = [
    ("[retention]\nreserve_gb = 100000\n", {}, "no room"),
    ("", {"uploads_per_address": "1 per hour"}, "Too many requests"),
]


@pytest.mark.parametrize(("settings", "app", "words"), REFUSALS, ids=["507", "429"])
def test_a_photo_that_the_kiosk_refuses_brings_its_sentence_and_the_button_back(
    screen: Callable[..., Any],
    start_server: Callable[..., Any],
    tmp_path: Path,
    sphere_file: Path,
    settings: str,
    app: dict[str, Any],
    words: str,
) -> None:
    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    data.settings.write_text(settings)
    server = start_server(data, **app)
    if app:
        assert server.upload(sphere_file.read_bytes()).status == 201
    page = screen(base=f"http://127.0.0.1:{server.port}")
    choose(page, sphere_file)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("alert").get_by_text(words).wait_for()
    assert page.page.get_by_role("button", name="Dream it").is_visible()


def test_a_photo_over_the_limit_is_not_sent_and_the_one_before_stays_chosen(
    screen: Callable[..., Any], start_server: Callable[..., Any], tmp_path: Path, sphere_file: Path, large_photo: Path
) -> None:
    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    data.settings.write_text("[retention]\nupload_mb = 1\n")
    page = screen(base=f"http://127.0.0.1:{start_server(data).port}")
    choose(page, sphere_file)
    page.page.locator("#photo").set_input_files(large_photo)
    page.page.get_by_role("alert").get_by_text("larger than 1 MB").wait_for()
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")


def test_without_a_connection_it_says_so_and_goes_on_by_itself_when_there_is_one(
    screen: Callable[..., Any], gallery: Any, sphere_file: Path
) -> None:
    page = screen()
    choose(page, sphere_file)
    before = count(gallery)
    page.page.context.set_offline(True)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("alert").get_by_text("The kiosk is not answering").wait_for()
    assert page.page.get_by_role("button", name="Cancel").is_visible(), "no way out"
    page.page.context.set_offline(False)
    page.page.wait_for_url("**/v/*")
    assert count(gallery) == before + 1


@pytest.mark.parametrize("head", [True, False], ids=["the page is told", "the browser sends it again"])
def test_a_photo_whose_answer_is_lost_does_not_come_twice(
    screen: Callable[..., Any], gallery: Any, line: Line, sphere_file: Path, head: bool
) -> None:
    page = screen(base=f"http://127.0.0.1:{line.port}")
    choose(page, sphere_file)
    before = count(gallery)
    sent: list[str] = []
    page.page.on("request", lambda one: one.method == "POST" and one.url.endswith("/photos") and sent.append(one.url))
    line.lose(b"HTTP/1.1 201", head=head)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
    assert (len(sent), count(gallery)) == (1, before + 1)


def test_after_a_reload_it_says_that_the_photo_was_not_sent(
    screen: Callable[..., Any], line: Line, large_photo: Path
) -> None:
    page = screen(base=f"http://127.0.0.1:{line.port}")
    choose(page, large_photo)
    line.stall(after=1_000_000)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("progressbar").wait_for()
    line.heal()
    page.page.reload()
    page.page.get_by_role("alert").get_by_text("Your photo was not sent. Choose it again.").wait_for()
    page.page.reload()
    page.page.locator("#name").wait_for()
    page.settles()
    assert page.page.get_by_role("alert").inner_text() == "", "said once"


def test_a_connection_that_breaks_on_the_way_is_not_called_a_kiosk_that_does_not_answer(
    screen: Callable[..., Any], sphere_file: Path
) -> None:
    page = screen()
    choose(page, sphere_file)
    page.page.route("**/api/photos", lambda route: route.abort("connectionreset"))
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("alert").get_by_text("connection was lost").wait_for()


def test_a_photo_that_went_from_the_phone_meanwhile_is_asked_for_again(
    screen: Callable[..., Any], sphere_file: Path
) -> None:
    page = screen()
    choose(page, sphere_file)
    sphere_file.unlink()
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_role("alert").get_by_text("can no longer be read").wait_for()


def test_a_page_that_loads_while_the_kiosk_starts_again_comes_to_life(
    screen: Callable[..., Any], sphere_file: Path
) -> None:
    page = screen()
    failed: set[str] = set()

    def once(route: Any) -> None:
        url = route.request.url
        if url in failed:
            route.continue_()
        else:
            failed.add(url)
            route.abort()

    for what in ("**/i18n/*.json", "**/api/**"):
        page.page.route(what, once)
    page.open("/")
    page.page.locator("#photo").set_input_files(sphere_file)
    page.page.locator("#styles label.on").wait_for()
    assert len(failed) >= 4, failed
    page.page.unroute_all()
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
