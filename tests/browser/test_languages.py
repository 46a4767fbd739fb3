"""A German phone reads German, also what the server says; an English one reads what guests have to expect."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kiosk.library.jobs import GIVEN_UP
from kiosk.pipeline import worker
from kiosk.server.operator.problems import GUESTS

pytestmark = pytest.mark.browser

GERMAN = json.loads(
    (Path(__file__).parents[2] / "kiosk" / "web" / "errors" / "i18n" / "de.json").read_text(encoding="utf-8")
)
LOCALES = ["de-DE", "en-GB"]


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


# What a guest may choose, and the code that the kiosk answers with.
FILES = {
    "empty": b"",
    "not_an_image": b"only words, but enough of them to be a file",
    "unsupported_format": b"%PDF-1.7" + bytes(200),
    "damaged": jpeg(512, 256)[:900],
    "too_small": jpeg(20, 10),
}


def said(page: Any, locale: str, code: str, english: str | None = None) -> Callable[[], bool]:
    """Whether the alert says this code's sentence in the page's language."""

    def check() -> bool:
        text = page.page.locator("#said").inner_text()
        if locale == "de-DE":
            return text == GERMAN[f"error.{code}"]
        return len(text) > 10 and (english is None or text == english)

    return check


@pytest.mark.parametrize("locale", LOCALES)
def test_what_the_kiosk_says_of_a_file_is_in_the_guests_language(
    screen: Callable[..., Any], server: Any, tmp_path: Path, locale: str
) -> None:
    page = screen(locale=locale).open("/")
    for code, data in FILES.items():
        answer = server.upload(data).json
        assert answer["error"] == code
        file = tmp_path / f"{code}.jpg"
        file.write_bytes(data)
        page.page.locator("#photo").set_input_files(file)
        page.page.locator("#send").click()
        check = said(page, locale, code, answer["message"])
        assert page.waits(check), (code, page.page.locator("#said").inner_text())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("gave_up", GIVEN_UP),
        ("cannot_dream", worker.CANNOT_DREAM),
        ("not_now", worker.NOT_NOW),
        ("no_room", worker.NO_ROOM),
        ("unknown_style", worker.UNKNOWN_STYLE),
    ],
)
def test_why_a_photo_failed_is_in_the_guests_language(
    screen: Callable[..., Any], gallery: Any, locale: str, code: str, sentence: str
) -> None:
    photo = gallery.bring()
    gallery.library.jobs.fail(gallery.lease(), sentence, code)
    page = screen(locale=locale).open(f"/v/{photo.token}")
    wanted = GERMAN[f"error.{code}"] if locale == "de-DE" else sentence
    page.page.locator("#sentence").get_by_text(wanted, exact=True).wait_for()


@pytest.mark.parametrize("locale", LOCALES)
def test_an_address_with_nothing_at_it_says_so_in_the_guests_language(screen: Callable[..., Any], locale: str) -> None:
    page = screen(locale=locale).open("/nothing-here")
    german = locale == "de-DE"
    page.page.get_by_role("heading", name=GERMAN["error.not_found"] if german else "There is nothing").wait_for()
    page.page.get_by_role("link", name="Zum Anfang" if german else "To the beginning").wait_for()
    assert page.page.evaluate("document.documentElement.lang") == locale[:2]


@pytest.mark.parametrize("locale", LOCALES)
def test_styles_have_titles_in_the_guests_language(screen: Callable[..., Any], gallery: Any, locale: str,
                                                   sphere_file: Path, server: Any) -> None:  # fmt: skip
    answer = server.upload(sphere_file.read_bytes(), style="peacocks", show="yes").json
    gallery.finish(gallery.lease())
    title = "Pfauen" if locale == "de-DE" else "Peacocks"
    landing = screen(locale=locale).open("/")
    landing.page.locator(f'#gallery a[href="/v/{answer["token"]}"]').get_by_text(title, exact=True).wait_for()
    landing.page.locator("#photo").set_input_files(sphere_file)
    landing.page.locator("#styles").get_by_text("Hunde" if locale == "de-DE" else "Dogs", exact=True).wait_for()
    viewer = screen(locale=locale).open(f"/v/{answer['token']}")
    assert viewer.waits(lambda: viewer.page.title() == f"{title} · Dream Kiosk")
    booth = screen((1280, 720), locale=locale).open("/booth")
    booth.page.locator("#caption").get_by_text(title).wait_for()


@pytest.mark.parametrize("path", ["/", "/v/{ready}", "/v/nobody", "/booth", "/static/landing/https.html?to=/"])
def test_a_german_phone_reads_sentences_and_no_names_of_them(screen: Callable[..., Any], ready: str, path: str) -> None:
    page = screen(locale="de-DE").open(path.format(ready=ready)).settles()
    assert page.page.evaluate("document.documentElement.lang") == "de"
    assert page.keys_shown() == []


def test_without_a_worker_every_page_says_what_to_expect_and_none_what_to_mend(
    screen: Callable[..., Any], start_server: Callable[..., Any], sphere_file: Path
) -> None:
    # The kiosk gives its worker half a minute to start before it speaks of it, here a second.
    alone = start_server(constants={"kiosk.server.live.screen.STARTING_SECONDS": 1.0})
    base = f"http://127.0.0.1:{alone.port}"
    token = alone.upload(sphere_file.read_bytes()).json["token"]
    first = screen(base=base).open("/")
    assert first.waits(lambda: alone.get("/api/kiosk").json["out_of_service"] is not None, 60)
    for locale in LOCALES:
        wanted = GERMAN["error.worker_missing"] if locale == "de-DE" else GUESTS["worker_missing"]
        for path, place in (("/", "#service"), ("/booth", "#trouble-line"), (f"/v/{token}", "#sentence")):
            page = screen(locale=locale, base=base).open(path)
            page.page.locator(place).get_by_text(wanted, exact=True).wait_for()
            assert "worker" not in page.page.locator("body").inner_text().lower()
    assert "Check its log" in alone.get("/operator").body.decode()
