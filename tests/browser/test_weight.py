"""What a phone has to download before it sees anything, and altogether; measured from what is really sent."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

FIRST_VIEW = 20_000
ALL_MODES = 40_000


def test_the_first_view_and_all_modes_stay_within_their_budgets(
    screen: Callable[..., Any], ready: str, server: Any
) -> None:
    page = screen()
    sent: dict[str, int] = {}

    def note(response: Any) -> None:
        path = response.url.split("/", 3)[3].split("?")[0]
        if path.startswith(("static/", "v/")) and not path.endswith(".svg"):
            answer = server.get("/" + path, {"Accept-Encoding": "gzip"})
            sent[path] = len(answer.body)
            assert answer.headers.get("Content-Encoding") == "gzip", path
            assert gzip.decompress(answer.body)

    page.page.on("response", note)
    page.open(f"/v/{ready}").bare().shows("upscaled")
    # Seeing the others in the room comes later, and is no part of the first view.
    for late in ("static/viewer/gazes.js", "static/viewer/gazes.css"):
        sent.pop(late, None)
    assert sum(sent.values()) <= FIRST_VIEW, sent
    modes = [
        ("Compare", "modes/compare.css"), ("Alive", "modes/journey.js"), ("Alive", "modes/gaze.js"),
        ("Motion", "motion.js"), ("Take home", "sheet.css"),
    ]  # fmt: skip
    for mode, file in modes:
        page.page.get_by_role("button", name=mode, exact=True).click()
        assert page.waits(lambda file=file: f"static/viewer/{file}" in sent), file
    page.page.get_by_role("button", name="Close").click()
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("button", name="Split the screen").click()
    assert page.waits(lambda: "static/viewer/headset/lenses.js" in sent)
    rest = [
        "viewer/headset/xr.js", "viewer/gazes.js", "viewer/gazes.css",
        "shared/sphere/tiles.js", "shared/sphere/flat.js", "shared/sphere/flat.css",
    ]  # fmt: skip
    for name in rest:
        answer = server.get(f"/static/{name}", {"Accept-Encoding": "gzip"})
        assert answer.status == 200, name
        sent[f"static/{name}"] = len(answer.body)
    assert {f"static/viewer/{name}.js" for name in ("modes/compare", "modes/gaze", "headset/lenses")} <= set(sent)
    assert sum(sent.values()) <= ALL_MODES, sent
