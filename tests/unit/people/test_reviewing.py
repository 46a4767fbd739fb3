from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.people import deeds, reviewing
from kiosk.people.reviewing import Search


@pytest.fixture
def numbers(library, bring) -> dict[str, int]:
    """One photo of each kind, by what it is."""
    photos = {
        "fine": bring(show=True, style="dogs"),
        "private": bring(show=False),
        "waiting": bring(show=True, approved=False, client="somebody"),
        "held": bring(show=True, approved=False),
        "hidden": bring(show=True),
        "bin": bring(show=True),
        "deleted": bring(show=True),
        "queued": bring(ready=False, show=True),
    }
    with library.writing() as connection:
        connection.execute("UPDATE photos SET held = 'nudity' WHERE id = ?", (photos["held"].id,))
    deeds.hide(library, [photos["hidden"].token])
    deeds.delete(library, [photos["bin"].token])
    library.remove(photos["deleted"].token)
    return {name: photo.id for name, photo in photos.items()}


def found(library, **search: object) -> set[int]:
    return {one.status.photo.id for one in reviewing.find(library, Search(**search), 50).photos}


def test_every_view_holds_just_its_photos(library, numbers) -> None:
    cases: list[tuple[dict, set[str]]] = [
        ({}, {"fine", "private", "waiting", "held", "hidden", "queued"}),
        ({"view": "waiting"}, {"waiting"}),
        ({"view": "held"}, {"held"}),
        ({"view": "hidden"}, {"hidden"}),
        ({"view": "private"}, {"private"}),
        ({"view": "bin"}, {"bin"}),
        ({"style": "dogs"}, {"fine"}),
        ({"style": "", "view": "private"}, {"private"}),
        ({"state": "queue"}, {"queued"}),
        ({"state": "failed"}, set()),
        ({"client": "somebody"}, {"waiting"}),
    ]
    for search, kinds in cases:
        assert found(library, **search) == {numbers[kind] for kind in kinds}, search


def test_a_photo_is_found_by_its_number_and_every_view_is_counted(library, numbers) -> None:
    assert found(library, number=numbers["held"]) == {numbers["held"]}
    assert found(library, number=numbers["deleted"]) == set()
    counts = reviewing.counts(library)
    assert counts == {"all": 6, "waiting": 1, "held": 1, "hidden": 1, "private": 1, "bin": 1}
    with pytest.raises(BadInput):
        found(library, view="nothing")


def test_pages_follow_each_other_without_a_gap(library, numbers) -> None:
    first = reviewing.find(library, Search(), 4)
    second = reviewing.find(library, Search(before=first.next), 4)
    together = [one.status.photo.id for one in (*first.photos, *second.photos)]
    assert together == sorted(found(library), reverse=True)
    assert second.next is None


def test_the_numbers_of_a_day(library, numbers) -> None:
    day = reviewing.day(library, library.clock() - 60)
    assert (day.brought, day.ready, day.failed, day.pace) == (8, 6, 0, 8)
    assert reviewing.day(library, library.clock() + 60).brought == 0
    assert reviewing.photo_bytes(library) > 1000


def test_tokens_are_found_by_numbers(library, numbers) -> None:
    assert len(reviewing.tokens_of(library, [numbers["fine"], numbers["bin"]])) == 2
    with pytest.raises(BadInput, match=f"no photo {numbers['deleted']}"):
        reviewing.tokens_of(library, [numbers["fine"], numbers["deleted"]])
