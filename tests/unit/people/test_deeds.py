from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.library.jobs import LeaseLost
from kiosk.library.looking.verdict import PASSED
from kiosk.people import deeds
from kiosk.people.showing import is_visible, newest


def column(library, token: str, *names: str) -> tuple:
    with library.reading() as connection:
        return tuple(connection.execute(f"SELECT {', '.join(names)} FROM photos WHERE token = ?", (token,)).fetchone())


def put(library, token: str, **columns: object) -> None:
    with library.writing() as connection:
        for name, value in columns.items():
            connection.execute(f"UPDATE photos SET {name} = ? WHERE token = ?", (value, token))


def test_hidden_photos_are_shown_again_by_undo_and_those_hidden_before_stay(library, bring) -> None:
    first, second = bring(show=True).token, bring(show=True).token
    deeds.hide(library, [first])
    deed = deeds.hide(library, [first, second])
    assert deed.count == 1, "the other one was hidden already"
    assert newest(library, 5).statuses == []
    assert deeds.undo(library, deed) == 1
    assert [status.photo.token for status in newest(library, 5).statuses] == [second]


def test_what_the_operator_shows_is_passed_and_not_held_again(library, bring) -> None:
    token = bring(show=True, approved=False).token
    put(library, token, held="nudity", hidden=1, checked=1)
    deed = deeds.show(library, [token])
    assert is_visible(library.photo(token))
    assert column(library, token, "held", "checked") == (None, 1 | PASSED)
    deeds.undo(library, deed)
    assert column(library, token, "held", "checked", "hidden", "approved") == ("nudity", 1, 1, 0)


def test_nobody_shows_what_its_guest_does_not_want_to_show(library, bring) -> None:
    token = bring(show=False, approved=False).token
    deeds.show(library, [token])
    deeds.approve(library, [token])
    assert not is_visible(library.photo(token))


def test_approving_leaves_what_is_held_back_held_back(library, bring) -> None:
    good, rude = bring(show=True, approved=False).token, bring(show=True, approved=False).token
    put(library, rude, held="nudity")
    assert deeds.approve(library, [good, rude]).count == 2
    assert [is_visible(library.photo(token)) for token in (good, rude)] == [True, False]


def test_the_bin_keeps_the_files_until_it_is_emptied(library, bring) -> None:
    token = bring(show=True).token
    deeds.delete(library, [token])
    assert library.photo(token).is_gone
    assert (library.everything(), library.ready(), library.counts()) == ([], [], {})
    assert library.files(token).original.is_file()
    assert deeds.restore(library, [token]).count == 1
    assert is_visible(library.photo(token))
    deeds.delete(library, [token])
    assert deeds.empty_bin(library) == 1
    assert not library.files(token).home.exists()
    assert deeds.restore(library, [token]).count == 0
    assert deeds.empty_bin(library) == 0


def test_a_waiting_photo_leaves_the_queue_and_comes_back_to_its_place(library, bring) -> None:
    tokens = [bring(ready=False).token for _ in range(3)]
    deed = deeds.delete(library, [tokens[1]])
    assert [status.photo.token for status in library.unfinished()] == [tokens[0], tokens[2]]
    assert library.status(tokens[1]).position is None
    deeds.undo(library, deed)
    assert [status.photo.token for status in library.unfinished()] == tokens


def test_the_worker_of_a_deleted_photo_loses_it_and_a_restored_one_is_dreamed_again(library, bring) -> None:
    token = bring(ready=False).token
    job = library.jobs.lease("a worker")
    deeds.delete(library, [token])
    assert library.jobs.lease("another") is None
    with pytest.raises(LeaseLost):
        library.jobs.finish(job)
    deeds.restore(library, [token])
    with pytest.raises(LeaseLost):
        library.jobs.finish(job)
    again = library.jobs.lease("another")
    assert again.token == token
    library.jobs.finish(again)
    assert library.photo(token).state == "ready"


def test_undoing_an_older_deed_takes_nothing_out_of_the_bin(library, bring) -> None:
    token = bring(show=True).token
    hidden = deeds.hide(library, [token])
    deeds.delete(library, [token])
    deeds.undo(library, hidden)
    assert library.photo(token).binned is not None


def test_a_photo_is_moved_to_the_front_behind_what_is_begun(library, bring) -> None:
    tokens = [bring(ready=False, client=f"guest {number % 2}").token for number in range(4)]
    begun = library.jobs.lease("a worker")
    last, middle = tokens[3], tokens[2]
    deeds.to_front(library, middle)
    deeds.to_front(library, last)
    order = [status.photo.token for status in library.unfinished()]
    assert order[:3] == [begun.token, last, middle]
    with pytest.raises(BadInput) as refused:
        deeds.to_front(library, begun.token)
    assert refused.value.status == 409
    deeds.delete(library, [last])
    with pytest.raises(BadInput) as refused:
        deeds.to_front(library, last)
    assert refused.value.status == 404


def test_one_deed_changes_a_limited_number_of_photos(library) -> None:
    with pytest.raises(BadInput):
        deeds.hide(library, ["x" * 22] * (deeds.MOST + 1))
    assert deeds.hide(library, ["x" * 22]).count == 0
