"""Documents: every link leads somewhere, and the pictures of the pages are small."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.documents import anchors, broken_links, documents, relative_links

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "models" / "pictures"
PAGES = ("booth", "operator", "landing", "choosing", "viewer", "headset")


@pytest.mark.parametrize("file", documents(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    assert broken_links(file) == []


def test_links_are_found_in_every_form(tmp_path: Path) -> None:
    text = (
        'See [a](a.md), ![b](b.png) and <img width="9" src="c.webp">, not [d](https://d.example/), `[e](e)`.\n\n'
        "```\n[f](f)\n```\n\n    [g](g)\n\n## What is *new*, really?\n"
    )
    assert list(relative_links(text)) == ["a.md", "b.png", "c.webp"]
    assert anchors(text) == {"what-is-new-really"}
    file = tmp_path / "README.md"
    file.write_text("[x](#here) [y](#there) [z](z.md)\n\n# Here\n")
    assert broken_links(file) == ["#there", "z.md"]


def test_the_program_that_draws_them_draws_just_these() -> None:
    pytest.importorskip("playwright.sync_api")
    from tests.bench.screenshots import VIEWS

    assert set(VIEWS) == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_pictures_of_the_pages_are_small_and_shown(name: str) -> None:
    path = PICTURES / f"{name}.webp"
    assert path.stat().st_size < 80_000
    with Image.open(path) as picture:
        assert picture.format == "WEBP"
        assert picture.width >= 500
    assert f"models/pictures/{name}.webp" in (ROOT / "README.md").read_text(encoding="utf-8")
