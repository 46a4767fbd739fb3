"""Events: one is open at a time, its photos stay until it is closed and exported, and a full disk is told before."""

from __future__ import annotations

import pytest

from kiosk.errors import BadInput
from kiosk.library import notices
from kiosk.library.library import Library
from kiosk.library.upkeep.lifetime import Clocks
from kiosk.library.upkeep.retention import retain
from kiosk.people import events
from kiosk.settings import Retention
from tests.unit.people.conftest import bringing

HOUR = 3600.0


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_one_event_is_open_at_a_time_and_gets_the_photos(library, bring) -> None:
    before = bring()
    with pytest.raises(BadInput) as none:
        events.close(library)
    assert none.value.code == "no_open_event"
    gala = events.begin(library, "  Gala \n2026 ")
    assert (gala.name, events.state(gala), events.current(library)) == ("Gala 2026", "open", gala)
    with pytest.raises(BadInput) as second:
        events.begin(library, "Another")
    assert (second.value.code, second.value.status) == ("event_open", 409)
    during = bring()
    waiting = bring(ready=False)
    closed = events.close(library)
    assert (closed.photos, closed.ready, closed.late, events.state(closed)) == (2, 1, 1, "closed")
    assert events.current(library) is None
    after = bring(ready=False)
    found = {library.photo(one.token).event for one in (during, waiting)}
    assert found == {gala.id}
    assert (library.photo(before.token).event, library.photo(after.token).event) == (None, None)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "bell\a"])
def test_a_name_that_is_none_is_refused(library, name: str) -> None:
    with pytest.raises(BadInput) as refused:
        events.begin(library, name)
    assert refused.value.code == "bad_name"


def test_photos_of_an_event_expire_only_after_it_is_closed_and_exported(data, photo_bytes) -> None:
    clock = Clock()
    with Library(data, Retention(hours=2), clocks=Clocks(wall=clock, running=clock)) as library:
        bring = bringing(library, photo_bytes)
        outside = bring()
        gala = events.begin(library, "Gala")
        inside = bring()
        assert outside.expires == clock.now + 2 * HOUR
        assert inside.expires is None
        clock.now += 100 * HOUR
        assert retain(library).expired == (outside.token,)
        events.note_export(library, gala.id, clock.now)
        assert library.photo(inside.token).expires is None
        events.close(library)
        assert library.photo(inside.token).expires == clock.now + 2 * HOUR
        clock.now += 2 * HOUR - 1
        assert retain(library).expired == ()
        clock.now += 2
        assert inside.token in retain(library).expired


def test_what_became_ready_after_the_export_is_not_exported(data, photo_bytes) -> None:
    clock = Clock()
    with Library(data, Retention(hours=2), clocks=Clocks(wall=clock, running=clock)) as library:
        bring = bringing(library, photo_bytes)
        gala = events.begin(library, "Gala")
        bring()
        events.close(library)
        waiting = bring(ready=False)
        with library.writing() as connection:
            connection.execute("UPDATE photos SET event = ?, lives = NULL WHERE token = ?", (gala.id, waiting.token))
        events.note_export(library, gala.id, clock.now)
        assert events.find(library).is_exported
        clock.now += 60
        library.jobs.finish(library.jobs.lease("a worker"))
        found = events.find(library)
        assert (found.is_exported, found.late) == (False, 1)
        clock.now += 3 * HOUR
        assert waiting.token not in retain(library).expired


def test_closing_empties_the_bin(library, bring) -> None:
    gala = events.begin(library, "Gala")
    kept, binned = bring(), bring()
    with library.writing() as connection:
        connection.execute("UPDATE photos SET binned = 1 WHERE token = ?", (binned.token,))
    assert events.find(library, gala.id).photos == 1
    events.close(library)
    assert library.photo(binned.token).state == "deleted"
    assert not library.files(binned.token).home.exists()
    assert library.photo(kept.token).state == "ready"


def test_the_operator_is_warned_before_the_events_photos_have_to_go(data, photo_bytes) -> None:
    with Library(data, Retention(quota_gb=1, reserve_gb=0)) as library:
        token = bringing(library, photo_bytes)().token

        def warned(gigabytes: float) -> str | None:
            with library.writing() as connection:
                connection.execute("UPDATE photos SET bytes = ? WHERE token = ?", (gigabytes * 1e9, token))
            return events.warn_of_space(library)

        assert warned(0.9) is None, "no event is open"
        events.begin(library, "Gala")
        assert warned(0.79) is None
        assert notices.said(data) == []
        sentence = warned(0.81)
        assert sentence is not None
        assert sentence.startswith("Space runs out: photos take 0.8 GB and 0.2 GB are left.")
        assert notices.said(data) == [sentence]
