"""Eviction and queue order when one guest brings more photos than all others."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from kiosk.errors import Unavailable
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.upkeep.fairness import Balance, Held
from kiosk.library.upkeep.retention import make_room, retain
from kiosk.settings import Retention
from kiosk.storage import DataFolder

pytestmark = pytest.mark.usefixtures("looked_once")


@pytest.fixture
def library(data: DataFolder, tmp_path: Path) -> Library:
    Image.effect_noise((128, 64), 40).convert("RGB").save(tmp_path / "photo.jpg")
    return Library(data, Retention(hours=0))


def bring(library: Library, client: str | None, ready: bool = True, **more) -> str:
    photo = accept(library, library.data.root.parent / "photo.jpg", client=client, **more)
    if ready:
        job = library.jobs.lease("worker")
        assert job is not None
        library.jobs.finish(job)
    return photo.token


def states(library: Library, tokens: list[str]) -> list[str]:
    return [library.photo(token).state for token in tokens]


@pytest.mark.slow
def test_who_took_most_gives_way_first(library: Library) -> None:
    others = [bring(library, f"guest {number}") for number in range(6)]
    greedy = [bring(library, "greedy") for _ in range(6)]
    each = library.used_bytes() // 12
    library.retention = Retention(hours=0, quota_gb=9.5 * each / 1e9)
    retain(library)
    assert states(library, others) == ["ready"] * 6
    assert states(library, greedy) == ["expired"] * 3 + ["ready"] * 3


@pytest.mark.slow
def test_no_strangers_photo_leaves_for_one_greedy_guest(library: Library) -> None:
    others = [bring(library, f"guest {number}") for number in range(6)]
    greedy = [bring(library, "greedy") for _ in range(3)]
    each = library.used_bytes() // 9
    library.retention = Retention(hours=0, quota_gb=9 * each / 1e9)
    make_room(library, 2 * each, client="greedy")
    assert states(library, greedy) == ["expired", "expired", "ready"]
    with pytest.raises(Unavailable) as refused:
        make_room(library, 6 * each, client="greedy")
    assert refused.value.status == 507
    assert states(library, others) == ["ready"] * 6


def test_among_equals_the_oldest_leaves(library: Library) -> None:
    tokens = [bring(library, f"guest {number}") for number in range(5)]
    each = library.used_bytes() // 5
    library.retention = Retention(hours=0, quota_gb=5 * each / 1e9)
    make_room(library, each, client="guest 9")
    assert states(library, tokens) == ["expired"] + ["ready"] * 4


def test_the_kiosks_own_photos_are_not_one_guests() -> None:
    own = [Held(f"own {number}", 10, None) for number in range(50)]
    guest = [Held(f"guest {number}", 10, "guest") for number in range(20)]
    balance = Balance([*own, *guest], quota=700)
    first = [photo.token for photo in balance.leaving([*own, *guest])][:16]
    assert all(token.startswith("guest") for token in first)


@pytest.mark.slow
def test_a_guest_with_one_photo_does_not_wait_for_one_with_fifty(library: Library) -> None:
    greedy = [bring(library, "greedy", ready=False) for _ in range(8)]
    newcomer = bring(library, "newcomer", ready=False)
    camera = [bring(library, None, ready=False, origin="camera") for _ in range(2)]
    order = []
    while job := library.jobs.lease("worker"):
        order.append(job.token)
        library.jobs.finish(job)
        if len(order) == 2:
            late = bring(library, "late", ready=False)
    assert order[0] == greedy[0]
    assert set(order[1:4]) == {newcomer, *camera}
    assert order.index(late) <= 5
    assert [token for token in order if token in greedy] == greedy


def test_the_place_that_is_told_is_the_turn_that_comes(library: Library) -> None:
    greedy = [bring(library, "greedy", ready=False) for _ in range(4)]
    newcomer = bring(library, "newcomer", ready=False)
    assert library.status(newcomer).position == 2
    assert [library.status(token).position for token in greedy] == [1, 3, 4, 5]
